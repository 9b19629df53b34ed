"""Rows to grids and back: reads of the store to a block, amended slots to new versions."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import (
    RAW_VERSION,
    Bool,
    Int32,
    Int64,
    IntervalReads,
    RegisterReads,
    Source,
)
from mdms.domain.registry import ChannelTable, Commodity
from vee import edits
from vee.amend import Amended, Stored
from vee.block import Block, Limits, Registers, SlotTable
from vee.rules import RuleSet

S = TypeVar("S", bound=np.generic)

NO_READS = IntervalReads.empty()


def grid(
    table: ChannelTable,
    slots: SlotTable,
    intervals: IntervalReads,
    registers: RegisterReads,
    rules: RuleSet,
    *,
    temporary: IntervalReads = NO_READS,
    waived: IntervalReads = NO_READS,
) -> tuple[Block, Stored]:
    """
    Lay reads out as channels by slots.

    Args:
        table: Channels of one interval length, with all their installations.
        slots: The columns; reads outside them are left out.
        intervals: Every version.
        registers: Every version; those off a boundary are left out.
        rules: Limits of the service classes.
        temporary: Edits that only bridge a gap until the actual value comes.
        waived: Edits whose bracket need not add up.
    """
    channel_id = np.unique(table.channel_id)
    current = _inside(slots, channel_id, intervals.current())
    raw = _inside(slots, channel_id, intervals.take(intervals.version == RAW_VERSION))
    shape = (len(channel_id), len(slots))
    at_raw = _cells(slots, channel_id, raw)
    at_current = _cells(slots, channel_id, current)
    edited, *more = edits.standing(current, raw, temporary, waived)

    newest_us = np.zeros((len(channel_id), len(slots.days)), np.int64)
    np.maximum.at(newest_us, (at_raw[0], slots.day[at_raw[1]]), raw.recorded_us)
    value = _scatter(shape, at_raw, raw.value, 0)
    present = _scatter(shape, at_raw, np.ones(len(raw), np.bool_), 0)
    at_edit = (at_current[0][edited], at_current[1][edited])
    value[at_edit], present[at_edit] = current.value[edited], True
    flags = _scatter(shape, at_raw, raw.flags, 0)
    flags[at_edit] = 0  # what was wrong with the received value is not wrong with this one
    block = Block(
        slots=slots,
        channel_id=channel_id,
        limits=_limits(table, channel_id, slots.interval_s, rules),
        value=value,
        present=present,
        expected=_expected(table, channel_id, slots),
        flags=flags,
        registers=_bookends(slots, channel_id, registers.current(), rules.bookend.align_s),
        edits=edits.Edits(*(_scatter(shape, at_current, each, 0) for each in (edited, *more))),
    )
    stored = Stored(
        version=_scatter(shape, at_current, current.version.astype(np.int32), -1),
        value=_scatter(shape, at_current, current.value, 0),
        status=_scatter(shape, at_current, current.status, 0),
        method=_scatter(shape, at_current, current.method, 0),
        flags=_scatter(shape, at_current, current.flags, 0),
        newest_us=newest_us,
    )
    return block, stored


def versions(block: Block, amended: Amended, *, recorded_us: int) -> IntervalReads:
    """Return the changed slots as new versions, sorted by channel and start."""
    channel, slot = at = np.nonzero(amended.changed)
    count = len(channel)
    return IntervalReads(
        channel_id=block.channel_id[channel],
        start_s=block.slots.start_s[slot],
        version=amended.version[at].astype(np.int16),
        value=amended.value[at],
        status=amended.status[at],
        method=amended.method[at],
        flags=amended.flags[at],
        recorded_us=np.full(count, recorded_us, np.int64),
        source=np.full(count, Source.VEE, np.int16),
    )


def _inside(slots: SlotTable, channel_id: Int32, reads: IntervalReads) -> IntervalReads:
    """Return the reads that start a slot of one of these channels."""
    offset = reads.start_s - slots.start_s[0]
    fits = (offset >= 0) & (reads.start_s < slots.end_s) & (offset % slots.interval_s == 0)
    return reads.take(fits & np.isin(reads.channel_id, channel_id))


def _cells(slots: SlotTable, channel_id: Int32, reads: IntervalReads) -> tuple[Int64, Int64]:
    """Return row and column of reads that are inside."""
    column = (reads.start_s - slots.start_s[0]) // slots.interval_s
    return np.searchsorted(channel_id, reads.channel_id), column


def _scatter(
    shape: tuple[int, int], at: tuple[Int64, Int64], values: npt.NDArray[S], absent: int
) -> npt.NDArray[S]:
    """Return a grid that holds these values at these cells, `absent` elsewhere."""
    cells = np.full(shape, absent, values.dtype)
    cells[at] = values
    return cells


def _expected(table: ChannelTable, channel_id: Int32, slots: SlotTable) -> Bool:
    """Return the slots that lie wholly within an installation whose radio is on."""
    on = table.radio_on
    row = np.searchsorted(channel_id, table.channel_id[on])
    begin = np.searchsorted(slots.start_s, table.installed_s[on])
    end = np.searchsorted(slots.start_s + slots.interval_s, table.removed_s[on], side="right")
    change = np.zeros((len(channel_id), len(slots) + 1), np.int16)
    np.add.at(change, (row, begin), 1)
    np.add.at(change, (row, np.maximum(begin, end)), -1)
    return np.cumsum(change, axis=1)[:, :-1] > 0


def _limits(table: ChannelTable, channel_id: Int32, interval_s: int, rules: RuleSet) -> Limits:
    """Return what is known of each channel, by its newest installation."""
    order = np.lexsort((table.installed_s, table.channel_id))
    newest = order[np.searchsorted(table.channel_id[order], channel_id, side="right") - 1]
    kinds = [Commodity(name) for name in table.commodity[newest]]
    classes = zip(kinds, table.service_class[newest], strict=True)
    return Limits(
        v_max=np.array([rules.interval_limit(*pair, interval_s) for pair in classes], np.int64),
        modulus=table.register_modulus[newest],
        resolution=table.register_resolution[newest],
        multiplier=table.multiplier[newest],
        linear=np.array([rules.of(kind).linear for kind in kinds], np.bool_),
        reversible=np.array([rules.of(kind).reversible for kind in kinds], np.bool_),
    )


def _bookends(slots: SlotTable, channel_id: Int32, reads: RegisterReads, align_s: int) -> Registers:
    """Return the reads that stand for a boundary; of several at one, the nearest, then first."""
    offset = reads.at_s - slots.start_s[0]
    boundary = (2 * offset + slots.interval_s) // (2 * slots.interval_s)
    distance = np.abs(offset - boundary * slots.interval_s)
    usable = (boundary >= 0) & (boundary <= len(slots)) & (distance <= align_s)
    rows = np.flatnonzero(usable & np.isin(reads.channel_id, channel_id))
    order = rows[
        np.lexsort((reads.at_s[rows], distance[rows], boundary[rows], reads.channel_id[rows]))
    ]
    channel, at = np.searchsorted(channel_id, reads.channel_id[order]), boundary[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (channel[1:] != channel[:-1]) | (at[1:] != at[:-1])
    return Registers(channel[first], at[first], reads.value[order[first]])
