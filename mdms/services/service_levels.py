"""Every morning: how much of which day had come."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.service_levels import Mark
from mdms.domain.time import Period, local_day, local_midnight
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

_NIGHT: Final = timedelta(hours=5)
"""From midnight: when people sleep."""


class ServiceLevelService:
    """
    Measures the days whose mark has come, and shows the newest of them as metrics.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        zone: Where the utility's days begin.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, zone: ZoneInfo) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone

    async def run(self) -> None:
        """Measure the days that the marks ask for and yesterday's night, once; show the newest."""
        now = self._clock.now()
        today = local_day(now, self._zone)
        async with self._unit_of_work() as work:
            for mark in Mark:
                day = today - mark.age
                period = Period.of_days(day, day, self._zone)
                await work.service_levels.measure(day, period, mark, now)
            yesterday = today - Mark.RAW.age
            await work.service_levels.count_rules(today - Mark.SETTLED.age, yesterday)
            midnight = local_midnight(yesterday, self._zone)
            await work.service_levels.measure_night(yesterday, Period(midnight, midnight + _NIGHT))
        await self.show()

    async def show(self) -> None:
        """Set the metrics to what was measured last."""
        async with self._unit_of_work() as work:
            newest = await work.service_levels.newest()
        for level in newest:
            if not level.expected:
                continue
            labels = {"commodity": level.commodity, "mark": level.mark}
            metrics.VEE_RECEIVED_RATIO.labels(**labels).set(level.received / level.expected)
            metrics.VEE_ESTIMATED_RATIO.labels(**labels).set(level.estimated / level.expected)
            midnight = Period.of_days(level.local_day, level.local_day, self._zone).end_utc
            metrics.VEE_MEASURED_DAY.labels(mark=level.mark).set(midnight.timestamp())
