"""A day as a control room looks at it, and how far the billing cycles have come."""

from datetime import date, datetime
from typing import Any, Protocol

from mdms.domain.time import Period

Rows = list[dict[str, Any]]


class BoardStore(Protocol):
    """Figures of the schema `report`: counts and surrogates, nothing of people."""

    async def figures(
        self, day: date, period: Period, now: datetime, today: date, *, by_hour: bool
    ) -> dict[str, Rows]:
        """
        Return rows by subject.

        These are levels, nights, hours, collectors, silent, backlog, exceptions, cycles, leaks,
        leaks_open, outages, reliability, commands, unknown, refusals, and field orders.

        Args:
            day: The local day that is looked at.
            period: The same in UTC.
            now: How old what waits is.
            today: The local day of `now`.
            by_hour: Count the day's reads by hour, too; of a city that takes seconds.
        """
        ...

    async def cycles(self, today: date) -> Rows:
        """Return the windows of every billing cycle, the latest first, and how far each is."""
        ...

    async def blocking(self, cycle: int, today: date) -> Rows:
        """
        Return what keeps a cycle's windows from being billed, by meter.

        Rows have window_start, window_end, meter, reason (why a freeze left it out, or the rule of
        an open exception that holds), local_day (of an exception) and detail.
        """
        ...

    async def database_bytes(self) -> int:
        """Return how large the whole database is."""
        ...
