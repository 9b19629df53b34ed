"""Measures service levels and keeps them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from mdms.domain.service_levels import Mark, ServiceLevel
from mdms.domain.time import Period


class ServiceLevelStore(Protocol):
    """What had come of a day by its marks; what was measured once stands."""

    async def measure(self, local_day: date, period: Period, mark: Mark, at: datetime) -> None:
        """
        Measure a day that was judged, and keep it, unless that was done before.

        Args:
            local_day: The day.
            period: The same in UTC.
            mark: The morning that has come.
            at: Now.
        """

    async def measure_night(self, local_day: date, night: Period) -> None:
        """
        Keep the least flow of an hour of a night, by service and unit, unless that was done before.

        Args:
            local_day: The day that the night belongs to.
            night: The hours that are looked at.
        """

    async def count_rules(self, first_day: date, last_day: date) -> None:
        """Count the channel-days of each rule that struck, as they stand by now."""

    async def newest(self) -> Sequence[ServiceLevel]:
        """Return each mark's newest day, by mark and commodity."""

    async def forget(self, first_kept: date) -> int:
        """Drop levels, nights and counts of rules of the days before; return how many rows."""
        ...
