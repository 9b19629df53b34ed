"""
The first look at a block: tile by tile, every value once while it is in the cache.

What comes of it is exact: unusable values are found where extremes or flags betray them.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import FLAG_PARTIAL, FLAG_POWER_FAIL, Bool, Int64, rule_bit
from vee.block import Block
from vee.context import Context, Quantity
from vee.kernels import screen, validate, validate_days
from vee.kernels.brackets import chain
from vee.kernels.validate_registers import impossible_digits
from vee.marks import DayList, Marks
from vee.rules import RuleSet
from vee.sums import Between, Sums

FAILING = sum(rule_bit(number) for number in (4, 5, 11, 12, 13, 14))
"""Flags of a received value that say it must not be used; V05 is set by `vee.clocks`."""

COUNT_SHIFT = 40
"""A sum of values and a count of missing slots share one number: the count is above this bit."""


@dataclass(frozen=True, slots=True)
class Screened:
    """
    What the first look says of values and days; grids have the shape (channels, slots).

    Attributes:
        usable: Received and not failed.
        missing: Expected and not usable.
        held: Usable and kept from billing.
        day_max: Largest usable value of each day, 0 where there is none [quanta], shape
            (channels, days).
        spiky: Days whose highest value stands out from the third highest (V23 without its floor),
            of channels that are judged for it, shape (channels, days).
        whole: Days of which nothing is missing, shape (channels, days).
        repeating: Channels that may hold a run of equal values (V26), shape (channels,).
    """

    usable: Bool
    missing: Bool
    held: Bool
    day_max: Int64
    spiky: Bool
    whole: Bool
    repeating: Bool

    @classmethod
    def blank(cls, block: Block) -> "Screened":
        """Return room for the first look at a block."""
        shape, days = block.value.shape, (len(block.value), len(block.slots.days))
        return cls(
            usable=block.present.copy(),
            missing=np.empty(shape, np.bool_),
            held=np.zeros(shape, np.bool_),
            day_max=np.empty(days, np.int64),
            spiky=np.zeros(days, np.bool_),
            whole=np.empty(days, np.bool_),
            repeating=np.empty(len(block.value), np.bool_),
        )


def screen_block(block: Block, rules: RuleSet, marks: Marks) -> tuple[Screened, Sums]:
    """Look at every value once: what is unusable, missing or spiky, and how sums add up."""
    context, slots = block.context, block.slots
    judged = rules.per_commodity(context.commodity, "spike").astype(np.bool_)
    judged &= may_surprise(context)
    spans = screen.day_spans(slots)
    screened, sums = Screened.blank(block), []
    room = np.empty(screen.tile_cells(*block.value.shape) + 1, np.int64)
    for rows in screen.tiles(*block.value.shape):
        failed = _screen(block, rows, rules, screened=screened, marks=marks)
        if judged[rows].any():
            spiky = _spiky_days(block, rows, rules, spans, screened=screened, failed=failed)
            screened.spiky[rows] = spiky & judged[rows, None]
        sums.append(_sum(block, rows, rules, screened=screened, failed=failed, room=room))
    return screened, Sums.join(sums, block.registers)


Cells = tuple[Int64, Int64]
"""Rows and columns of a block."""


def _screen(
    block: Block, rows: slice, rules: RuleSet, *, screened: Screened, marks: Marks
) -> Cells:
    """Fill in what extremes and flags say of a tile; return the values that failed."""
    failed = np.zeros(0, np.int64), np.zeros(0, np.int64)
    day_max = screen.day_extremes(block.value[rows], block.slots)
    screened.day_max[rows] = day_max
    doubtful = (day_max < 0) | (day_max > block.limits.v_max[rows, None])
    marked = (screen.any_flag(block.flags[rows]) & (FAILING | FLAG_PARTIAL)) != 0
    doubtful |= marked[:, None]
    if doubtful.any():
        failed, held = _look_closely(block, rows, doubtful, rules, screened=screened, marks=marks)
        screened.usable[failed] = False
        screened.held[held] = True
    missing = screened.missing[rows]
    np.greater(block.expected[rows], screened.usable[rows], out=missing)
    screened.whole[rows] = screen.whole_days(missing, block.slots)
    screened.repeating[rows] = screen.may_be_static(
        block.value[rows], intervals=rules.static.intervals, quanta_min=rules.static.quanta_min
    )
    return failed


def _spiky_days(
    block: Block,
    rows: slice,
    rules: RuleSet,
    spans: list[screen.DaySpan],
    *,
    screened: Screened,
    failed: Cells,
) -> Bool:
    """Find the days of a tile on which fewer than three values come near the highest."""
    day_max = screened.day_max[rows]
    least = validate_days.spike_threshold(day_max, excess_per_cent=rules.spike.excess_per_cent)
    maybe = screen.falls_short(block.value[rows], least, spans, rank=validate_days.RANK)
    maybe[failed[0] - rows.start, block.slots.day[failed[1]]] = True  # it may have cleared them
    channel, day = np.nonzero(maybe & (day_max > 0))
    listed = DayList.of(channel + rows.start, day, block.slots)
    reached = listed.values(block.value, screened.usable) >= least[channel, day][:, None]
    spiky = np.zeros(day_max.shape, np.bool_)
    spiky[channel, day] = np.count_nonzero(reached, axis=1) < validate_days.RANK
    return spiky


def _sum(
    block: Block, rows: slice, rules: RuleSet, *, screened: Screened, failed: Cells, room: Int64
) -> Sums:
    """Chain the registers of a tile and compare what they say with its intervals."""
    registers = block.registers.of_channels(rows)
    bookends = chain(
        registers,
        block.limits,
        backstep_max=rules.bookend.backstep_quanta_max,
        failed=impossible_digits(registers, block.limits),
    )
    reads, count = bookends.registers, block.value.shape[1]
    edge = (reads.channel - rows.start) * count + reads.boundary
    missing = screened.missing[rows]
    packed = room[: missing.size + 1]
    packed[-1] = 0  # a bookend may lie at the end of the last row
    tile = packed[:-1].reshape(missing.shape)
    np.copyto(tile, missing)
    np.left_shift(tile, COUNT_SHIFT, out=tile)
    np.add(tile, block.value[rows], out=tile)
    if len(failed[0]):
        counted = screened.missing[failed].astype(np.int64) << COUNT_SHIFT
        tile[failed[0] - rows.start, failed[1]] = counted
    both = np.add.reduceat(packed, edge) if len(edge) else edge
    gaps = (both + (1 << (COUNT_SHIFT - 1))) >> COUNT_SHIFT
    known = None
    if not block.expected[rows].all():
        dark = ~(block.expected[rows] | screened.usable[rows])
        dark = np.append(dark.reshape(-1), [False])
        known = ~np.logical_or.reduceat(dark, edge) if len(edge) else None
    between = Between(both - (gaps << COUNT_SHIFT), gaps, known)
    return Sums.check(bookends, between, block.limits, rules.sum_check)


def may_surprise(context: Context) -> Bool:
    """Return the channels whose values may be judged by what is usual (V22 to V24, V28)."""
    energy = context.measures(Quantity.DELIVERED, Quantity.RECEIVED)
    return energy & ~context.irregular


def _look_closely(
    block: Block, rows: slice, doubtful: Bool, rules: RuleSet, *, screened: Screened, marks: Marks
) -> tuple[Cells, Cells]:
    """
    Look at doubtful days of a tile value by value: received flags, V20 and V21.

    Args:
        block: What is examined.
        rows: The tile.
        doubtful: Its days, shape (channels of the tile, days).
        rules: How much may flow backwards.
        screened: Its largest values are corrected for what failed.
        marks: What is found is added.

    Returns:
        The values that failed, and those that are held.
    """
    channel, day = np.nonzero(doubtful)
    listed = DayList.of(channel + rows.start, day, block.slots)
    at = (listed.channel[:, None], listed.slot)
    present = listed.inside & block.present[at]
    value, flags = np.where(present, block.value[at], 0), block.flags[at]
    reversible = block.limits.reversible[listed.channel]
    two_way = reversible | block.context.measures(Quantity.NET)[listed.channel]
    below = validate.negative(value, present, two_way)
    above = validate.beyond_maximum(value, present, block.limits.v_max[listed.channel], two_way)
    partial = (flags & (FLAG_PARTIAL | FLAG_POWER_FAIL)) == FLAG_PARTIAL
    failed = below | above | (present & (((flags & FAILING) != 0) | partial))
    sound = np.where(failed, 0, value)
    screened.day_max[listed.channel, listed.day] = np.maximum(sound.max(axis=1), 0)
    backward, much = validate.reverse_flow(
        sound,
        reversible,
        np.array([0, value.shape[1]]),
        quanta_max=rules.reverse_flow.quanta_max,
        day_per_cent_max=rules.reverse_flow.day_per_cent_max,
    )
    marks.values(20, *listed.cells(below | backward))
    marks.values(21, *listed.cells(above))
    return listed.cells(failed), listed.cells(backward & much)
