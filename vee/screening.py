"""
The first look at a block: tile by tile, every value once while it is in the cache.

What comes of it is exact: unusable values are found where extremes or flags betray them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdms.domain.readings import FLAG_PARTIAL, FLAG_POWER_FAIL, Bool, Int64, rule_bit
from vee.block import Block, SlotTable
from vee.context import Context, Quantity
from vee.kernels import screen, validate, validate_days
from vee.kernels.bits import Bits
from vee.kernels.brackets import chain
from vee.kernels.validate_registers import impossible_digits
from vee.marks import DayList, Marks
from vee.rules import RuleSet
from vee.sums import Between, Sums

FAILING = sum(rule_bit(number) for number in (4, 5, 11, 12, 13, 14))
"""Flags of a received value that say it must not be used; V05 is set by `vee.clocks`."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """
    What one pass over all values shows, as if all that was received could be used.

    Attributes:
        day_max: Largest value of each day, negative ones taken for very large and thus below zero,
            shape (channels, days).
        spiky: Days whose highest value stands out from the third highest, shape (channels, days);
            says nothing of days with a value that the service cannot carry.
        flags: Union of the rule masks of each channel, shape (channels,).
        repeating: Channels that may hold a run of equal values (V26), shape (channels,).
        edge: Position of each register read's boundary in the flattened grid, shape (reads,).
        total: Sum of the values from each register read to the next, shape (reads,).
    """

    day_max: Int64
    spiky: Bool
    flags: Int64
    repeating: Bool
    edge: Int64
    total: Int64

    @classmethod
    def at(cls, block: Block, rules: RuleSet, *, spikes: bool) -> "FirstLook":
        """
        Look at a block tile by tile: its values come from memory once.

        Sums are first, because they take so long that the rest of the tile arrives meanwhile.

        Args:
            block: What is examined.
            rules: What a spike and a run of equal values are.
            spikes: Whether some channel is judged for spikes; else none is looked for.
        """
        (channels, count), reads, slots = block.value.shape, block.registers, block.slots
        value, static = np.ascontiguousarray(block.value), rules.static
        days, apart = screen.day_edges(slots, channels), screen.samples_apart(static.intervals)
        narrow = np.min_scalar_type(block.limits.v_max.max(initial=0))
        edge, total = np.empty(len(reads), np.int64), np.empty(len(reads), np.int64)
        day_max = np.empty((channels, len(slots.days)), np.int64)
        samples = np.empty((channels, -(-count // apart)), narrow)
        reached = np.empty(block.value.shape if spikes else (0, 0), np.bool_)
        marks, spiky = np.zeros(channels, np.int64), np.zeros(day_max.shape, np.bool_)
        for rows, some in screen.tiles(channels, count, reads.channel):
            tile, last = value[rows], min(rows.stop * count + 1, value.size)
            np.multiply(reads.channel[some], count, out=edge[some])
            edge[some] += reads.boundary[some]
            screen.running_totals(value.reshape(-1)[:last], edge[some], total[some])
            screen.largest(tile, days[: day_max[rows].size], day_max[rows])
            samples[rows] = tile[:, ::apart]
            if spikes:
                least = validate_days.spike_threshold(
                    day_max[rows], excess_per_cent=rules.spike.excess_per_cent
                )
                screen.reach(tile, least, slots, reached[rows], narrow=narrow)
            if block.flagged:
                marks[rows] = screen.any_flag(block.flags[rows])
        repeating = screen.may_be_static(
            value, samples, intervals=static.intervals, quanta_min=static.quanta_min
        )
        if spikes:
            near = Bits.of(reached).between(days).reshape(spiky.shape)
            spiky = (near < validate_days.RANK) & (day_max > 0)
        return cls(day_max, spiky, marks, repeating, edge, total)


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
        repeating: Channels that may hold a run of equal values (V26), shape (channels,).
    """

    expected: Bool
    usable: Bool
    held: Bool
    day_max: Int64
    spiky: Bool
    repeating: Bool

    @cached_property
    def missing(self) -> Bool:
        """Expected and not usable."""
        return np.greater(self.expected, self.usable)

    @cached_property
    def gaps(self) -> Bits:
        """The same, to be counted."""
        return Bits.of(self.missing)

    def whole_days(self, slots: SlotTable) -> Bool:
        """Return the days of which nothing is missing, shape (channels, days)."""
        whole: Bool = self.gaps.between(screen.day_edges(slots, len(self.usable))) == 0
        return whole.reshape(self.day_max.shape)


def screen_block(block: Block, rules: RuleSet, marks: Marks) -> tuple[Screened, Sums]:
    """Look at every value once: what is unusable, missing or spiky, and how sums add up."""
    judged = rules.per_commodity(block.context.commodity, "spike").astype(np.bool_)
    judged &= may_surprise(block.context)
    look = FirstLook.at(block, rules, spikes=bool(judged.any()))
    held = np.zeros(block.value.shape, np.bool_)
    doubtful = (look.day_max < 0) | (look.day_max > block.limits.v_max[:, None])
    doubtful |= ((look.flags & (FAILING | FLAG_PARTIAL)) != 0)[:, None]
    usable, failed = block.present, _joined([])
    if doubtful.any():
        failed, doubted = _look_closely(block, doubtful, rules, look, marks=marks)
        held[doubted] = True
        usable = usable.copy()
        usable[failed] = False
    screened = Screened(
        expected=block.expected,
        usable=usable,
        held=held,
        day_max=look.day_max,
        spiky=look.spiky & judged[:, None],
        repeating=look.repeating,
    )
    return screened, _sums(block, rules, look, screened, failed=failed)


Cells = tuple[Int64, Int64]
"""Rows and columns of a block."""


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
    edits = block.edits
    vouched = None if edits is None else edits.vouches(reads.channel, reads.boundary)
    bookends = chain(
        reads,
        block.limits,
        backstep_max=rules.bookend.backstep_quanta_max,
        failed=impossible_digits(reads, block.limits),
        vouched=vouched,
    )
    if bookends.kept is not None:
        edge = edge[bookends.kept]
        vouched = None if vouched is None else vouched[bookends.kept]
        total = np.add.reduceat(total, bookends.kept) if len(edge) else total[:0]
    cells = failed[0] * block.value.shape[1] + failed[1]
    after = np.searchsorted(edge, cells, side="right")
    within = after > 0
    np.subtract.at(total, after[within] - 1, block.value.reshape(-1)[cells[within]])
    known = None
    if not block.all_expected and len(edge):
        dark = np.append(~(block.expected | screened.usable), [False])
        known = ~np.logical_or.reduceat(dark, edge)
    between = Between(edge, total, screened.gaps, known)
    return Sums.check(bookends, between, block.limits, rules.sum_check, vouched=vouched)


def may_surprise(context: Context) -> Bool:
    """Return the channels whose values may be judged by what is usual (V22 to V24, V28)."""
    energy = context.measures(Quantity.DELIVERED, Quantity.RECEIVED)
    return energy & ~context.irregular


def _look_closely(
    block: Block, doubtful: Bool, rules: RuleSet, look: FirstLook, *, marks: Marks
) -> tuple[Cells, Cells]:
    """
    Look at doubtful days value by value: received flags, V20, V21, and spikes among the rest.

    Args:
        block: What is examined.
        doubtful: Its days, shape (channels, days).
        rules: How much may flow backwards, and what is a spike.
        look: Its largest values and spiky days are corrected for what failed.
        marks: What is found is added.

    Returns:
        The values that failed, and those that are held.
    """
    failed, held = [], []
    channel, day = np.nonzero(doubtful)
    net = block.context.measures(Quantity.NET)
    for listed in DayList(channel, day, block.slots).parts():
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
        day_max = np.maximum(sound.max(axis=1), 0)
        least = validate_days.spike_threshold(day_max, excess_per_cent=rules.spike.excess_per_cent)
        near = np.count_nonzero(sound >= least[:, None], axis=1)
        look.day_max[listed.channel, listed.day] = day_max
        look.spiky[listed.channel, listed.day] = (near < validate_days.RANK) & (day_max > 0)
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
