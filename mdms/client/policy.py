"""Calls about the rules for commands."""

from typing import Any

from mdms.client.params import Instant
from mdms.client.transport import Transport


class PolicyCalls(Transport):
    """What those who want to know the rules ask the daemon."""

    def check_policy(
        self,
        action: str,
        meter: str,
        cause: str,
        *,
        evidence: str = "",
        item: str = "",
        at: Instant | None = None,
    ) -> dict[str, Any]:
        """
        Return what the rules would say to a command; nothing is stored.

        Args:
            action: As for `command`.
            meter: Badge or usage point.
            cause: Why.
            evidence: Identifier of the record that proves a hazard or theft.
            item: Item of Rule 9.D.
            at: An instant that lies ahead; None: now.
        """
        body: dict[str, object] = {
            "action": action,
            "meter": meter,
            "cause": cause,
            "evidence": evidence,
            "item": item,
        }
        if at is not None:
            body["at"] = str(at)
        return self._json("POST", "/v1/policy/checks", json=body)

    def explain_decision(self, control_id: str) -> dict[str, Any]:
        """Return every judgement of a command as the audit has it, oldest first."""
        return self._json("GET", f"/v1/policy/decisions/{control_id}")
