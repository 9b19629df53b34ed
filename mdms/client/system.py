"""Calls about how far the daemon has come, and what collectors owe it."""

from pathlib import Path
from typing import Any

from mdms.client.params import Day, Instant, given
from mdms.client.transport import Transport


class SystemCalls(Transport):
    """What anybody on duty asks the daemon."""

    def status(self) -> dict[str, Any]:
        """Return how far collectors, VEE and billing have come."""
        return self._json("GET", "/v1/status")

    def board(self, day: Day | None = None, *, by_hour: bool = True) -> dict[str, Any]:
        """Return one local day's figures, yesterday's when none is named: counts, no meters."""
        params = given(day=day) | {"by_hour": by_hour}
        board: dict[str, Any] = self._json("GET", "/v1/board", params=params)
        return board

    def gaps(self) -> list[dict[str, Any]]:
        """Return the batches of collectors that never arrived."""
        return list(self._rows("/v1/gaps", "gaps"))

    def backfill(
        self,
        collector_id: int | None = None,
        *,
        from_: Day | Instant | None = None,
        to: Day | Instant | None = None,
    ) -> dict[str, Any]:
        """Ask again for missing batches, or for everything that was closed in a period."""
        body = given(**{"from": from_}, to=to)
        whose = {} if collector_id is None else {"collector_id": collector_id}
        return self._json("POST", "/v1/gaps/backfill", json={**body, **whose})

    def events(
        self,
        from_: Day | Instant,
        to: Day | Instant,
        *,
        meter: str | None = None,
        limit: int | None = 1000,
    ) -> list[dict[str, Any]]:
        """
        Return what meters and collectors reported by themselves, the first of a period first.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            meter: Badge; None for all, and for what collectors say of themselves.
            limit: How many at most; None: all of them.
        """
        params = given(**{"from": from_}, to=to, meter=meter)
        return list(self._rows("/v1/events", "events", params, limit=limit))

    def export_events(self, from_: Day | Instant, to: Day | Instant, path: Path) -> Path:
        """Write every event of a period as Parquet."""
        params = given(**{"from": from_}, to=to)
        return self._download("/v1/events/files/events.parquet", path, params)
