"""Keeps what the grid went through, for boards that must not work it out at each look."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from mdms.domain.grid_days import OutageRecord, ReliabilityDay, TransformerDay
from mdms.domain.time import Period


class GridDayStore(Protocol):
    """Outages, reliability and load by day; what is worked out again replaces what was."""

    async def newest_event(self) -> int | None:
        """Return the number of the event that was stored last; None before the first."""

    async def replace_outages(self, period: Period, found: Sequence[OutageRecord]) -> None:
        """Keep what began in a period instead of what was kept of it."""

    async def keep_reliability(self, day: ReliabilityDay) -> None:
        """Keep a day's indices."""

    async def keep_transformers(self, local_day: date, days: Sequence[TransformerDay]) -> None:
        """Keep a day's load of all transformers."""

    async def forget(self, first_kept: date) -> int:
        """Drop loads, indices and ended outages of the days before; return how many rows."""
        ...
