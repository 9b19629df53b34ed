"""A day as a control room looks at it."""

from datetime import date, datetime
from typing import Any, Protocol

from mdms.domain.time import Period

Rows = list[dict[str, Any]]


class BoardStore(Protocol):
    """Figures of the schema `report`: counts and surrogates, nothing of people."""

    async def figures(self, day: date, period: Period, now: datetime) -> dict[str, Rows]:
        """
        Return rows by subject.

        These are levels, hours, collectors, exceptions, leaks, outages, reliability, commands,
        refusals, and field orders.

        Args:
            day: The local day that is looked at.
            period: The same in UTC.
            now: How old what waits is.
        """
