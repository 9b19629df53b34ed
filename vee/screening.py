"""
The first look at a block: tile by tile, every value once while it is in the cache.

What comes of it is exact: unusable values are found where extremes or flags betray them.
"""

from dataclasses import dataclass
from functools import cached_property

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

LISTED_MAX = 20_000
"""Channel-days that are looked at value by value at a time."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """
    What one pass over all values shows, as if all that was received could be used.

    Attributes:
        whole: Days of which nothing is missing, shape (channels, days).
        extremes: Largest value of each part of each day, negative ones taken for very large, shape
            (channels, days, parts).
        flags: Union of the rule masks of each channel, shape (channels,).
        repeating: Channels that may hold a run of equal values (V26), shape (channels,).
        edge: Position of each register read's boundary in the flattened grid, shape (reads,).
        total: Sum of the values from each register read to the next, shape (reads,).
    """

    whole: Bool
    extremes: Int64
    flags: Int64
    repeating: Bool
    edge: Int64
    total: Int64

    @classmethod
    def at(cls, block: Block, rules: RuleSet) -> "FirstLook":
        """Look at a block tile by tile: its values come from memory once."""
        (channels, count), reads, slots = block.value.shape, block.registers, block.slots
        value, most = np.ascontiguousarray(block.value), screen.tile_channels(count)
        parts, word = screen.day_parts(slots), screen.word_slots(slots)
        part_at = screen.in_every_row(parts, most, count)
        word_at = screen.in_every_row(slots.first[:-1] // word, most, count // word)
        missing = np.empty((most, count), np.bool_)
        edge = reads.channel * count
        edge += reads.boundary
        whole = np.empty((channels, len(parts)), np.bool_)
        extremes = np.empty((channels, *parts.shape), np.int64)
        marks, repeating = np.zeros(channels, np.int64), np.empty(channels, np.bool_)
        total = np.empty(len(reads), np.int64)
        for rows in screen.tiles(channels, count):
            here = rows.stop - rows.start
            screen.part_extremes(value[rows], part_at[: here * parts.size], extremes[rows])
            repeating[rows] = screen.may_be_static(
                value[rows], intervals=rules.static.intervals, quanta_min=rules.static.quanta_min
            )
            some = slice(*np.searchsorted(reads.channel, (rows.start, rows.stop)).tolist())
            last = min(rows.stop * count + 1, value.size)
            screen.running_totals(value.reshape(-1)[:last], edge[some], total[some])
            np.greater(block.expected[rows], block.present[rows], out=missing[:here])
            screen.whole_days(missing[:here], word_at[: here * len(parts)], word, whole[rows])
            if block.flagged:
                marks[rows] = screen.any_flag(block.flags[rows])
        return cls(whole, extremes, marks, repeating, edge, total)


@dataclass(frozen=True)
class Screened:
    """
    What the first look says of values and days; grids have the shape (channels, slots).

    Attributes:
        expected: One was due.
        usable: Received and not failed; not to be written to.
        held: Usable and kept from billing.
        day_max: Largest usable value of each day, 0 where there is none [quanta], shape
            (channels, days).
        spiky: Days whose highest value stands out from the third highest (V23 without its floor),
            of channels that are judged for it, shape (channels, days).
        whole: Days of which nothing is missing, shape (channels, days).
        repeating: Channels that may hold a run of equal values (V26), shape (channels,).
    """

    expected: Bool
    usable: Bool
    held: Bool
    day_max: Int64
    spiky: Bool
    whole: Bool
    repeating: Bool

    @cached_property
    def missing(self) -> Bool:
        """Expected and not usable."""
        return np.greater(self.expected, self.usable)


def screen_block(block: Block, rules: RuleSet, marks: Marks) -> tuple[Screened, Sums]:
    """Look at every value once: what is unusable, missing or spiky, and how sums add up."""
    look, held = FirstLook.at(block, rules), np.zeros(block.value.shape, np.bool_)
    day_max = screen.of_whole_days(look.extremes)
    doubtful = (day_max < 0) | (day_max > block.limits.v_max[:, None])
    doubtful |= ((look.flags & (FAILING | FLAG_PARTIAL)) != 0)[:, None]
    usable, failed = block.present, _joined([])
    if doubtful.any():
        failed, doubted = _look_closely(block, doubtful, rules, day_max=day_max, marks=marks)
        held[doubted] = True
        usable = usable.copy()
        usable[failed] = False
        gone = block.expected[failed]
        look.whole[failed[0][gone], block.slots.day[failed[1][gone]]] = False
    spiky = _spiky_days(block, rules, look, usable, day_max=day_max, doubtful=doubtful)
    screened = Screened(
        expected=block.expected,
        usable=usable,
        held=held,
        day_max=day_max,
        spiky=spiky,
        whole=look.whole,
        repeating=look.repeating,
    )
    return screened, _sums(block, rules, look, screened, failed=failed)


Cells = tuple[Int64, Int64]
"""Rows and columns of a block."""


def _spiky_days(
    block: Block, rules: RuleSet, look: FirstLook, usable: Bool, *, day_max: Int64, doubtful: Bool
) -> Bool:
    """Find the days on which fewer than three values come near the highest."""
    judged = rules.per_commodity(block.context.commodity, "spike").astype(np.bool_)
    judged &= may_surprise(block.context)
    least = validate_days.spike_threshold(day_max, excess_per_cent=rules.spike.excess_per_cent)
    maybe = screen.stands_out(look.extremes, least, rank=validate_days.RANK)
    maybe |= doubtful  # the look was at what failed, too
    spiky = np.zeros(day_max.shape, np.bool_)
    channel, day = np.nonzero(maybe & (day_max > 0) & judged[:, None])
    for listed in DayList(channel, day, block.slots).parts(LISTED_MAX):
        enough = least[listed.channel, listed.day][:, None]
        reached = listed.of(block.value) >= enough  # what is absent is 0
        failing = doubtful[listed.channel, listed.day]
        reached[failing] &= listed.where(failing).of(usable)
        spiky[listed.channel, listed.day] = np.count_nonzero(reached, axis=1) < validate_days.RANK
    return spiky


def _sums(
    block: Block, rules: RuleSet, look: FirstLook, screened: Screened, *, failed: Cells
) -> Sums:
    """
    Chain the registers and compare what they say with the intervals.

    Args:
        block: What is examined.
        rules: What registers and sums are judged by.
        look: Its totals are used up: what failed is taken off them.
        screened: What may be used.
        failed: Values that do not count, by row and column.
    """
    reads, edge, total = block.registers, look.edge, look.total
    bookends = chain(
        reads,
        block.limits,
        backstep_max=rules.bookend.backstep_quanta_max,
        failed=impossible_digits(reads, block.limits),
    )
    if bookends.kept is not None:
        edge = edge[bookends.kept]
        total = np.add.reduceat(total, bookends.kept) if len(edge) else total[:0]
    cells = failed[0] * block.value.shape[1] + failed[1]
    after = np.searchsorted(edge, cells, side="right")
    within = after > 0
    np.subtract.at(total, after[within] - 1, block.value.reshape(-1)[cells[within]])
    known = None
    if not block.expected.all() and len(edge):
        dark = np.append(~(block.expected | screened.usable), [False])
        known = ~np.logical_or.reduceat(dark, edge)
    between = Between(edge, total, lambda: screened.missing, known)
    return Sums.check(bookends, between, block.limits, rules.sum_check)


def may_surprise(context: Context) -> Bool:
    """Return the channels whose values may be judged by what is usual (V22 to V24, V28)."""
    energy = context.measures(Quantity.DELIVERED, Quantity.RECEIVED)
    return energy & ~context.irregular


def _look_closely(
    block: Block, doubtful: Bool, rules: RuleSet, *, day_max: Int64, marks: Marks
) -> tuple[Cells, Cells]:
    """
    Look at doubtful days value by value: received flags, V20 and V21.

    Args:
        block: What is examined.
        doubtful: Its days, shape (channels, days).
        rules: How much may flow backwards.
        day_max: Largest values, corrected for what failed, shape (channels, days).
        marks: What is found is added.

    Returns:
        The values that failed, and those that are held.
    """
    failed, held = [], []
    channel, day = np.nonzero(doubtful)
    net = block.context.measures(Quantity.NET)
    for listed in DayList(channel, day, block.slots).parts(LISTED_MAX):
        value, present = listed.of(block.value), listed.of(block.present)
        flags = listed.of(block.flags)
        reversible = block.limits.reversible[listed.channel]
        two_way = reversible | net[listed.channel]
        below = validate.negative(value, present, two_way)
        above = validate.beyond_maximum(value, present, block.limits.v_max[listed.channel], two_way)
        marks.values(20, *listed.cells(below))
        marks.values(21, *listed.cells(above))
        fails = below | above
        if flags.any():
            partial = (flags & (FLAG_PARTIAL | FLAG_POWER_FAIL)) == FLAG_PARTIAL
            fails |= present & (((flags & FAILING) != 0) | partial)
        failed.append(listed.cells(fails))
        sound = np.where(fails, 0, value)
        day_max[listed.channel, listed.day] = np.maximum(sound.max(axis=1), 0)
        if reversible.any():
            backward, much = validate.reverse_flow(
                sound,
                reversible,
                np.array([0, value.shape[1]]),
                quanta_max=rules.reverse_flow.quanta_max,
                day_per_cent_max=rules.reverse_flow.day_per_cent_max,
            )
            marks.values(20, *listed.cells(backward))
            held.append(listed.cells(backward & much))
    return _joined(failed), _joined(held)


def _joined(parts: list[Cells]) -> Cells:
    none = np.zeros(0, np.int64)
    rows, columns = zip((none, none), *parts, strict=True)
    return np.concatenate(rows), np.concatenate(columns)
