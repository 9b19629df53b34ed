"""Calls about collectors, and about what was received and may have to be read again."""

from typing import Any

from mdms.client.params import Day, Instant, given
from mdms.client.transport import Transport


class IngestCalls(Transport):
    """What the network's people ask the daemon."""

    def collectors(self) -> list[dict[str, Any]]:
        """Return every registered collector and how it is."""
        return list(self._json("GET", "/v1/collectors")["collectors"])

    def conflicts(
        self,
        from_: Day | Instant,
        to: Day | Instant,
        *,
        meter: str | None = None,
        limit: int | None = 1000,
    ) -> list[dict[str, Any]]:
        """Return values about a period that differ from the raw value that is stored."""
        params = given(**{"from": from_}, to=to, meter=meter)
        return list(self._rows("/v1/conflicts", "conflicts", params, limit=limit))

    def quarantine(self, *, limit: int | None = 1000) -> list[dict[str, Any]]:
        """Return what waits until the registry knows who sent it."""
        return list(self._rows("/v1/quarantine", "quarantine", limit=limit))

    def replay_quarantine(self) -> dict[str, Any]:
        """Read again now what the registry knows the sender of."""
        return self._json("POST", "/v1/quarantine/replay")

    def replay(
        self, from_: Day | Instant, to: Day | Instant, *, dry_run: bool = True
    ) -> dict[str, Any]:
        """Put raw messages that came in a period through today's decoder, and compare."""
        body = {**given(**{"from": from_}, to=to), "dry_run": dry_run}
        return self._json("POST", "/v1/replays", json=body)
