"""
Leaks, every night after VEE: days that it has judged, each looked at once, a block at a time.

A block is one transaction: what is carried, cases and steps are stored together or not at all, so
that a night which was cut short goes on where it stopped.
"""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from mdms.domain.leaks import WatchedMeter
from mdms.domain.registry import Commodity
from mdms.domain.time import Period, days_between, to_epoch_s
from mdms.ports.clock import Clock
from mdms.ports.leaks import LeakRun, Packed
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services import leak_days
from mdms.services.leak_records import (
    OPTED_OUT,
    WITHDRAWN,
    Records,
    gas_records,
    water_records,
    withdrawn,
)
from mdms.services.outdoors import outdoor_mean_f
from mdms.telemetry import metrics
from vee.leaks import gas, memory, watch
from vee.leaks.day import LeakDay
from vee.leaks.journal import Journal, has_case
from vee.leaks.meters import GALLONS_PER_QUANTUM, Meters, Registered, is_looked_at
from vee.leaks.rules import LeakRules
from vee.leaks.states import State

METERS_MAX: Final = 5_000
"""In one block: 120,000 hours and 5 MB of what is carried."""

_CF_PER_QUANTUM: Final = {"0.01ccf": 1.0}
GAS_LAYOUT: Final = f"gas {gas.LAYOUT}"
WATER_LAYOUT: Final = f"water {memory.LAYOUT}"
_IRRIGATION: Final = "irrigation_only"
_DAY: Final = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LeakNightResult:
    """What a night did; `first_day` is None when there was nothing to look at."""

    first_day: date | None = None
    last_day: date | None = None
    channels: int = 0
    steps: int = 0


class LeakNight:
    """
    Looks at the days that validation has finished.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says when something was recorded.
        rules: What is taken for a leak.
        zone: Where the utility's days begin.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: LeakRules, zone: ZoneInfo
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._zone = zone

    async def run(self) -> LeakNightResult:
        """Look at every day that is due."""
        async with self._unit_of_work() as work:
            judged, last = await work.vee.last_run(), await work.leaks.last_run()
            first = await work.leaks.first_judged_day() if last is None else last.last_day + _DAY
        if judged is None or first is None or first > judged.last_day:
            return LeakNightResult()
        steps, channels = await self._withdraw(), 0
        for day in days_between(first, judged.last_day):
            period = Period.of_days(day, day, self._zone)
            async with self._unit_of_work() as work:
                meters = await work.leaks.watched(day, period)
                outdoor_f = await outdoor_mean_f(work, day, self._zone, self._clock.now())
            for block in _blocks(meters, self._rules):
                async with self._unit_of_work() as work:
                    steps += await self._look(work, block, day, outdoor_f)
            channels = len(meters)
        steps += await self._withdraw()  # days before somebody left were looked at only now
        result = LeakNightResult(first, judged.last_day, channels, steps)
        await self._record(result)
        return result

    async def _withdraw(self) -> int:
        """
        End the cases that nobody looks at any more.

        What is carried of meters that opted out is forgotten; cases of meters that were taken away
        end, too: another meter may measure there.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            opted_out = await work.leaks.forget_opted_out(now)
            ended = withdrawn(opted_out, OPTED_OUT, now, self._rules.hash)
            await work.leaks.write(ended.cases, ended.steps)
            gone = await work.leaks.withdrawn(now, (WATER_LAYOUT, GAS_LAYOUT))
            ended = withdrawn(gone, WITHDRAWN, now, self._rules.hash)
            await work.leaks.write(ended.cases, ended.steps)
        return len(opted_out) + len(gone)

    async def _look(
        self, work: UnitOfWork, block: Sequence[WatchedMeter], day: date, outdoor_f: float
    ) -> int:
        """Look at one day of a block; meters of it that were looked at already are left out."""
        is_gas = block[0].commodity is Commodity.GAS
        known = await work.leaks.memories([meter.channel_id for meter in block])
        carried = _unpacked(block, known, is_gas=is_gas)
        await _number_on(work, block, carried)
        due = np.flatnonzero(carried["through_s"] < leak_days.day_end_s(day, self._zone))
        if not len(due):
            return 0
        meters, carried = [block[row] for row in due.tolist()], carried[due]
        hours = await leak_days.load(work, meters, day, self._zone)
        gas_look = partial(self._look_at_gas, outdoor_f=outdoor_f)
        look = gas_look if is_gas else self._look_at_water
        now = self._clock.now()
        after, records = await asyncio.to_thread(look, meters, carried, hours, now)
        layout = GAS_LAYOUT if is_gas else WATER_LAYOUT
        await work.leaks.remember(
            [
                Packed(meter.channel_id, layout, row.tobytes())
                for meter, row in zip(meters, after, strict=True)
            ]
        )
        await work.leaks.write(records.cases, records.steps)
        for step in records.steps:
            if step.notice:
                metrics.VEE_LEAK_NOTICES.labels(step.notice).inc()
        return len(records.steps)

    def _look_at_water(
        self,
        meters: Sequence[WatchedMeter],
        carried: memory.Memory,
        hours: LeakDay,
        now: datetime,
    ) -> tuple[memory.Memory, Records]:
        table = Meters.of([_registered(meter) for meter in meters], self._rules)
        after, events = watch.advance(carried, hours, table, self._rules)
        still = Journal(after, table, self._rules)
        still.write(np.flatnonzero(has_case(after)), hours.end_s, None)
        return after, water_records(meters, events, still.events, now, self._rules.hash)

    def _look_at_gas(
        self,
        meters: Sequence[WatchedMeter],
        carried: gas.GasMemory,
        hours: LeakDay,
        now: datetime,
        *,
        outdoor_f: float,
    ) -> tuple[gas.GasMemory, Records]:
        badges = {badge.service_class: badge.cf_h for badge in self._rules.gas.badges}
        table = gas.GasMeters(
            per_cf=np.array([1 / _CF_PER_QUANTUM[meter.unit] for meter in meters]),
            badge=np.array(
                [
                    badges.get(meter.service_class, math.inf) / _CF_PER_QUANTUM[meter.unit]
                    for meter in meters
                ]
            ),
            idle=np.array([not meter.has_account for meter in meters]),
        )
        after, events = gas.advance(carried, hours, table, outdoor_f, self._rules)
        return after, gas_records(meters, events, now, self._rules.hash)

    async def _record(self, result: LeakNightResult) -> None:
        assert result.first_day is not None, "a night without days is not recorded"
        assert result.last_day is not None, "likewise"
        now = self._clock.now()
        async with self._unit_of_work() as work:
            await work.leaks.record_run(
                LeakRun(
                    result.last_day,
                    result.first_day,
                    now,
                    self._rules.hash,
                    result.channels,
                    result.steps,
                )
            )
            cases = await work.leaks.cases(ended_since=None)
        for state in State:
            count = sum(case.state == state.name for case in cases)
            metrics.VEE_LEAKS_OPEN.labels(state.name.lower()).set(count)
        log.info(
            "leak.run.committed",
            first_day=str(result.first_day),
            last_day=str(result.last_day),
            channel_count=result.channels,
            step_count=result.steps,
        )


def _blocks(meters: Sequence[WatchedMeter], rules: LeakRules) -> Iterator[Sequence[WatchedMeter]]:
    """Cut meters into blocks of one commodity; those nothing may be concluded of are left out."""
    units = {Commodity.WATER: GALLONS_PER_QUANTUM, Commodity.GAS: _CF_PER_QUANTUM}
    for commodity, known in units.items():
        alike = [
            meter
            for meter in meters
            if meter.commodity is commodity
            and meter.unit in known
            and (commodity is Commodity.GAS or is_looked_at(frozenset(meter.flags), rules))
        ]
        for start in range(0, len(alike), METERS_MAX):
            yield alike[start : start + METERS_MAX]


def _unpacked(
    meters: Sequence[WatchedMeter], known: Mapping[int, Packed], *, is_gas: bool
) -> memory.Memory:
    """Return what is carried, a row a meter; fresh where nothing is, or it is of another place."""
    row, layout = (gas.GAS_ROW, GAS_LAYOUT) if is_gas else (memory.ROW, WATER_LAYOUT)
    carried = gas.fresh(len(meters)) if is_gas else memory.fresh(len(meters))
    for number, meter in enumerate(meters):
        packed = known.get(meter.channel_id)
        if packed is None or packed.layout != layout:
            continue
        (before,) = np.frombuffer(packed.packed, row)
        if before["through_s"] >= to_epoch_s(meter.installed_at):
            carried[number] = before
    return carried


async def _number_on(
    work: UnitOfWork, meters: Sequence[WatchedMeter], carried: memory.Memory
) -> None:
    """Let cases of meters that begin anew be numbered after those that they had, in place."""
    rows = np.flatnonzero(carried["through_s"] == memory.NEVER_S)
    if not len(rows):
        return
    channel_ids = [meters[row].channel_id for row in rows.tolist()]
    last = await work.leaks.last_episodes(channel_ids)
    carried["episode"][rows] = [last.get(channel_id, 0) for channel_id in channel_ids]


def _registered(meter: WatchedMeter) -> Registered:
    return Registered(
        unit=meter.unit,
        resolution=meter.register_resolution,
        modulus=meter.register_modulus,
        multiplier=meter.multiplier,
        place="irrigation" if _IRRIGATION in meter.flags else meter.place,
        flags=frozenset(meter.flags),
        installed_s=to_epoch_s(meter.installed_at),
        hourly=meter.interval_s != leak_days.QUARTER_S,
    )
