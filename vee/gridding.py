"""Rows to grids and back: reads of the store to a block, amended slots to new versions."""

import numpy as np

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
from vee.layout import Layout
from vee.rules import RuleSet

NO_READS = IntervalReads.empty()
NO_REGISTERS = RegisterReads.empty()


def grid(
    table: ChannelTable,
    slots: SlotTable,
    intervals: IntervalReads,
    registers: RegisterReads,
    rules: RuleSet,
    *,
    temporary: IntervalReads = NO_READS,
    waived: IntervalReads = NO_READS,
    vouched: RegisterReads = NO_REGISTERS,
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
        vouched: Registers that a person set and that need not follow those beside them.
    """
    channel_id = np.unique(table.channel_id)
    align_s = rules.bookend.align_s
    counted = counted_alike(registers.measured(), table, slots, align_s)
    every = Layout.of(slots, channel_id, intervals)
    newest, raw = every.newest(), every.where(every.reads.version == RAW_VERSION)
    current = newest.reads
    edited, contested, excused = edits.standing(current, raw.reads, temporary, waived)
    value = raw.grid(raw.reads.value, 0)
    present, flags, standing = raw.present(), raw.marks(raw.reads.flags), None
    if edited.any():
        cells = newest.cell[edited]
        value, present, flags = value.copy(), present.copy(), flags.copy()
        value.reshape(-1)[cells], present.reshape(-1)[cells] = current.value[edited], True
        flags.reshape(-1)[cells] = 0  # what was wrong with what came is not wrong with this
    ends, rows = bookends(slots, channel_id, counted, align_s)
    if edited.any() or len(vouched):
        by_a_person = edits.among(counted.take(rows), vouched)
        standing = edits.Edits(
            standing=newest.grid(edited, 0),
            contested=newest.grid(contested, 0),
            waived=newest.grid(excused, 0),
            vouched=(ends.channel * (len(slots) + 1) + ends.boundary)[by_a_person],
        )
    block = Block(
        slots=slots,
        channel_id=channel_id,
        limits=_limits(table, _in_force(table, slots), slots.interval_s, rules),
        value=value,
        present=present,
        expected=_expected(table, channel_id, slots),
        flags=flags,
        registers=ends,
        edits=standing,
    )
    return block, _stored(newest, raw, slots)


def _stored(newest: Layout, raw: Layout, slots: SlotTable) -> Stored:
    """Return what is current, and when each day was heard last."""
    current, heard_us = newest.reads, raw.grid(raw.reads.recorded_us, 0)
    return Stored(
        version=newest.grid(current.version.astype(np.int32), -1),
        value=newest.grid(current.value, 0),
        status=newest.grid(current.status, 0),
        method=newest.grid(current.method, 0),
        flags=newest.marks(current.flags),
        newest_us=np.maximum.reduceat(heard_us, slots.first[:-1], axis=1),
    )


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


def _expected(table: ChannelTable, channel_id: Int32, slots: SlotTable) -> Bool:
    """Return the slots that lie wholly within an installation whose radio is on."""
    on = table.radio_on
    row = np.searchsorted(channel_id, table.channel_id[on])
    begin = np.searchsorted(slots.start_s, table.installed_s[on])
    end = np.searchsorted(slots.start_s + slots.interval_s, table.removed_s[on], side="right")
    always = (begin == 0) & (end == len(slots))
    if len(row) == len(channel_id) and always.all():
        return np.ones((len(channel_id), len(slots)), np.bool_)
    change = np.zeros((len(channel_id), len(slots) + 1), np.int16)
    np.add.at(change, (row, begin), 1)
    np.add.at(change, (row, np.maximum(begin, end)), -1)
    return np.cumsum(change, axis=1)[:, :-1] > 0


def _in_force(table: ChannelTable, slots: SlotTable) -> Int64:
    """Return the row of each channel's last installation that began before the slots end."""
    began = table.installed_s < slots.end_s
    order = np.lexsort((table.installed_s, began, table.channel_id))
    ordered = table.channel_id[order]
    in_force: Int64 = order[np.searchsorted(ordered, np.unique(ordered), side="right") - 1]
    return in_force


def counted_alike(
    reads: RegisterReads, table: ChannelTable, slots: SlotTable, align_s: int
) -> RegisterReads:
    """
    Return the reads of installations that count as the last one does that began in the slots.

    A difference to a read by another multiplier, resolution or modulus says nothing of usage, so
    brackets break where one of them changes, and days before are judged without a register.

    Args:
        reads: Register reads of any channels.
        table: All installations of the channels.
        slots: Where they are laid out.
        align_s: How far from an installation's edges a read still belongs to it.
    """
    same_as = _in_force(table, slots)[np.unique(table.channel_id, return_inverse=True)[1]]
    other = np.zeros(len(table), np.bool_)
    for column in (table.multiplier, table.register_resolution, table.register_modulus):
        other |= column != column[same_as]
    if not other.any():
        return reads
    changed = np.isin(table.channel_id, table.channel_id[other])
    kept: Bool = ~np.isin(reads.channel_id, table.channel_id[changed])
    for row in np.flatnonzero(changed & ~other):
        kept |= (
            (reads.channel_id == table.channel_id[row])
            & (reads.at_s >= table.installed_s[row] - align_s)
            & (reads.at_s <= table.removed_s[row] + align_s)
        )
    return reads.take(kept)


def _limits(table: ChannelTable, in_force: Int64, interval_s: int, rules: RuleSet) -> Limits:
    """Return what is known of each channel, by the installation in force."""
    names = list(zip(table.commodity[in_force], table.service_class[in_force], strict=True))
    v_max, linear, reversible = {}, {}, {}
    for name, service_class in set(names):  # a city has a dozen
        kind, key = Commodity(name), (name, service_class)
        v_max[key] = rules.interval_limit(kind, service_class, interval_s)
        linear[key], reversible[key] = rules.of(kind).linear, rules.of(kind).reversible
    return Limits(
        v_max=np.array([v_max[key] for key in names], np.int64),
        modulus=table.register_modulus[in_force],
        resolution=table.register_resolution[in_force],
        multiplier=table.multiplier[in_force],
        linear=np.array([linear[key] for key in names], np.bool_),
        reversible=np.array([reversible[key] for key in names], np.bool_),
    )


def bookends(
    slots: SlotTable, channel_id: Int32, reads: RegisterReads, align_s: int
) -> tuple[Registers, Int64]:
    """
    Find the reads that stand for a boundary; of several at one, the nearest, then the first.

    Args:
        slots: Whose boundaries.
        channel_id: The channels, rising.
        reads: Register reads, one version of each.
        align_s: How far from a boundary a read may be.

    Returns:
        The reads that do, and which rows they are.
    """
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
    return Registers(channel[first], at[first], reads.value[order[first]]), order[first]
