"""Calls about the pilot of remote switching."""

from typing import Any

from mdms.client.transport import Transport


class PilotCalls(Transport):
    """Who joined, who leaves."""

    def pilot(self) -> list[dict[str, Any]]:
        """Return the meters of the pilot."""
        return list(self._json("GET", "/v1/pilot")["meters"])

    def enrol_in_pilot(self, meter: str, *, reason: str = "") -> dict[str, Any]:
        """Let a meter join, as a supervisor."""
        return self._change("enrol", meter, reason)

    def leave_pilot(self, meter: str, *, reason: str = "") -> dict[str, Any]:
        """Take a meter out, as a supervisor."""
        return self._change("leave", meter, reason)

    def _change(self, verb: str, meter: str, reason: str) -> dict[str, Any]:
        body = {"meter": meter, "reason": reason}
        return dict(self._json("POST", f"/v1/pilot/{verb}", json=body))
