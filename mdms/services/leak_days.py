"""From stored reads to a day as leak detection sees it: whole hours, measured values only."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.leaks import WatchedMeter
from mdms.domain.readings import Int32, Int64, IntervalReads, RegisterReads, Status, rule_bit
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import VeeDay
from mdms.services.reading_tables import displayed_status
from vee.block import SlotTable
from vee.leaks.day import HOUR_S, LeakDay
from vee.leaks.memory import UNHEARD

QUARTER_S = 900
_ALIGN_S = 60
_MEASURED = [Status.VALIDATED.code, Status.ACCEPTED.code, Status.DERIVED.code]
_DOUBTFUL = rule_bit(13) | rule_bit(20)
"""Days on which values were swapped or ran backwards say nothing of leaks; vee.md 7.8."""


async def load(
    work: UnitOfWork, meters: Sequence[WatchedMeter], day: date, zone: ZoneInfo
) -> LeakDay:
    """
    Return a local day of meters, in their order.

    Args:
        work: Where reads are.
        meters: Sorted by channel.
        day: The local day.
        zone: Where it begins and ends.
    """
    period = Period.of_days(day, day, zone)
    edges = Period(period.start_utc, from_epoch_s(period.end_s + _ALIGN_S))
    channel_ids = [meter.channel_id for meter in meters]
    intervals = await work.readings.intervals(period, channel_ids=channel_ids)
    registers = await work.readings.registers(edges, channel_ids=channel_ids)
    outcomes = await work.vee.days(day, day, channel_ids=channel_ids)
    slots = SlotTable.of_days(day, day, interval_s=HOUR_S, zone=zone)
    return grid(meters, slots, measured(intervals, outcomes, zone), registers)


def measured(intervals: IntervalReads, outcomes: Sequence[VeeDay], zone: ZoneInfo) -> IntervalReads:
    """Return the current values that were measured and believed."""
    current = intervals.current()
    good = np.isin(displayed_status(current, outcomes, zone), _MEASURED)
    doubted = [each.channel_id for each in outcomes if each.flags & _DOUBTFUL]
    return current.take(good & ~np.isin(current.channel_id, doubted))


def grid(
    meters: Sequence[WatchedMeter],
    slots: SlotTable,
    current: IntervalReads,
    registers: RegisterReads,
) -> LeakDay:
    """Lay measured reads of one local day out; an hour is valid when all of it was measured."""
    assert len(slots.days) == 1, "a day is looked at by itself"
    shape = len(meters), len(slots)
    channel_id = np.array([meter.channel_id for meter in meters], np.int32)
    assert (np.diff(channel_id) > 0).all(), "meters are sorted by channel"
    interval_s = np.array([meter.interval_s for meter in meters], np.int64)
    row = np.searchsorted(channel_id, current.channel_id)
    hour = (current.start_s - slots.start_s[0]) // HOUR_S
    value, heard, moved = (np.zeros(shape, np.int64) for _ in range(3))
    np.add.at(value, (row, hour), current.value)
    np.add.at(heard, (row, hour), interval_s[row])
    np.add.at(moved, (row, hour), (current.value > 0).astype(np.int64))
    valid = heard == HOUR_S
    by_quarters = (interval_s == QUARTER_S) & valid.all(axis=1)

    return LeakDay(
        start_s=slots.start_s,
        wall_h=slots.wall,
        weekday=slots.days[0].weekday(),
        value=value,
        valid=valid,
        register=_registers(registers, channel_id, slots),
        moving=np.where(by_quarters, moved.sum(axis=1), UNHEARD),
        quarters=4 * len(slots),
    )


def day_end_s(day: date, zone: ZoneInfo) -> int:
    """Return when a local day ends, seconds since 1970-01-01 UTC."""
    return to_epoch_s(Period.of_days(day, day, zone).end_utc)


def _registers(registers: RegisterReads, channel_id: Int32, slots: SlotTable) -> Int64:
    """Return the register at the end of each hour where one was read within a minute of it."""
    reads = registers.measured()
    boundary_s = (reads.at_s + HOUR_S // 2) // HOUR_S * HOUR_S
    hour = (boundary_s - slots.start_s[0]) // HOUR_S - 1
    usable = (np.abs(reads.at_s - boundary_s) <= _ALIGN_S) & (hour >= 0) & (hour < len(slots))
    row = np.searchsorted(channel_id, reads.channel_id[usable])
    register = np.full((len(channel_id), len(slots)), UNHEARD, np.int64)
    register[row, hour[usable]] = reads.value[usable]
    return register
