"""Calls about the opt-out programme."""

from collections.abc import Iterable
from typing import Any

from mdms.client.params import given
from mdms.client.transport import Transport


class OptoutCalls(Transport):
    """What customer service asks the daemon of opt-outs."""

    def enrol_optout(
        self,
        who: str,
        *,
        usage_points: Iterable[str] = (),
        requester: str = "holder",
        crew_today: bool = False,
        form_on: str | None = None,
        reason: str = "",
    ) -> dict[str, Any]:
        """
        Ask for an opt-out of an account, or of the residence of one of its meters.

        Args:
            who: Account, badge or usage point.
            usage_points: The services; empty: every one but water.
            requester: As the account knows them.
            crew_today: A crew is on its way to replace a legacy meter.
            form_on: Day on which the signed form came back.
            reason: For the record.
        """
        body = {
            "who": who,
            "usage_points": [*usage_points],
            "requester": requester,
            "crew_today": crew_today,
            "reason": reason,
        } | given(form_on=form_on)
        return self._json("POST", "/v1/optouts", json=body)

    def optout(self, optout_id: str) -> dict[str, Any]:
        """Return one request to opt out, with every reason, and which radios are silent."""
        return self._json("GET", f"/v1/optouts/{optout_id}")

    def decide_optout(self, optout_id: str, verb: str, **body: str) -> dict[str, Any]:
        """Take a request further: `form`, `judge`, `approve` or `revoke` it."""
        return self._json("POST", f"/v1/optouts/{optout_id}/{verb}", json=body)

    def optout_tasks(self, *, open_only: bool = True) -> list[dict[str, Any]]:
        """Return what people decide or do for the programme."""
        params = {"open_only": open_only}
        return list(self._rows("/v1/optouts/tasks", "tasks", params))

    def finish_optout_task(self, number: int) -> dict[str, Any]:
        """Close a task."""
        return self._json("POST", f"/v1/optouts/tasks/{number}/done")

    def optouts(self) -> list[dict[str, Any]]:
        """Return every opt-out, oldest first."""
        return list(self._rows("/v1/optouts", "optouts"))

    def end_optout(self, optout_id: str, *, field_order: str = "") -> dict[str, Any]:
        """End an opt-out; name the field order that switched the radio on, if there was one."""
        body = {"field_order": field_order}
        return self._json("POST", f"/v1/optouts/{optout_id}/end", json=body)
