"""The grid's days as boards see them: worked out by the grid's own services, and kept."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.domain.grid_days import OutageRecord, ReliabilityDay, TransformerDay
from mdms.domain.time import Period, days_between, local_day
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.grid import GridService
from mdms.services.transformers import TransformerService

LOOK_BACK: Final = timedelta(days=3)
"""Restorations and reads of a day come for 72 hours."""


class GridDays:
    """
    Keeps outages, reliability and load of transformers.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        zone: Where the utility's days begin.
        grid: Works out outages.
        transformers: Works out loads and voltages.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
        grid: GridService,
        transformers: TransformerService,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._grid = grid
        self._transformers = transformers
        self._seen: int | None = None

    async def run(self) -> None:
        """Work out the days behind us, as far as late data may have changed them."""
        today = local_day(self._clock.now(), self._zone)
        for day in days_between(today - LOOK_BACK, today - timedelta(days=1)):
            await self._keep_outages(day)
        await self._keep_load(today - timedelta(days=1))

    async def look(self) -> None:
        """Work out what is failing today, if meters told of anything since the last look."""
        async with self._unit_of_work() as work:
            newest = await work.grid_days.newest_event()
        if newest == self._seen:
            return
        await self._keep_outages(local_day(self._clock.now(), self._zone))
        self._seen = newest

    async def _keep_outages(self, day: date) -> None:
        period = Period.of_days(day, day, self._zone)
        found = await self._grid.outages(period)
        indices = found["indices"]
        async with self._unit_of_work() as work:
            await work.grid_days.replace_outages(
                period, [_record(each) for each in found["outages"]]
            )
            if indices is not None:
                await work.grid_days.keep_reliability(
                    ReliabilityDay(
                        local_day=day,
                        customers=indices["customers"],
                        saidi_min=indices["saidi_min"],
                        saifi=indices["saifi"],
                        maifi=indices["maifi"],
                    )
                )

    async def _keep_load(self, day: date) -> None:
        loads = {each["transformer"]: each for each in await self._transformers.load(day, day)}
        volts = {each["transformer"]: each for each in await self._transformers.voltage(day, day)}
        days = [
            TransformerDay(
                local_day=day,
                transformer_id=name,
                **{field: loads.get(name, {}).get(field) for field in _OF_LOAD},
                **{field: volts.get(name, {}).get(field) for field in _OF_VOLTAGE},
            )
            for name in sorted(loads.keys() | volts.keys())
        ]
        async with self._unit_of_work() as work:
            await work.grid_days.keep_transformers(day, days)


_OF_LOAD: Final = ("peak_percent", "p95_percent", "hours_over_100", "coverage_percent")
_OF_VOLTAGE: Final = ("lowest_v", "highest_v", "beyond_a_percent")


def _record(outage: dict[str, Any]) -> OutageRecord:
    until = outage["until"]
    return OutageRecord(
        device=outage["device"],
        name=outage["name"],
        transformers=tuple(outage["transformers"]),
        began_at=datetime.fromisoformat(outage["from"]),
        ended_at=None if until is None else datetime.fromisoformat(until),
        customers=outage["customers"],
        reported=outage["reported"],
    )
