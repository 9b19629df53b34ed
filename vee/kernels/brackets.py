"""
Brackets: what a register says about the intervals between two of its reads.

Every aligned, plausible register read is a bookend; consecutive bookends form a bracket, so the
tightest bracket wins.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Limits, Registers
from vee.kernels.bits import Bits

PASSES_MAX = 4
"""Runs of implausible reads longer than this break the chain instead of being dropped."""

_ANY = 1 << 62
"""More than anything that flows."""


@dataclass(frozen=True, slots=True)
class Bookends:
    """
    What became of the register reads of a block.

    Attributes:
        registers: The reads that are bookends.
        kept: Their positions among all reads; None where all are kept.
        linked: Whether a bookend and the one before it, of the same channel, agree on the usage
            between them, shape (bookends,).
        usage: That usage, rollover taken into account [quanta]; 0 where not linked.
        rolled: Positions of bookends that are linked over a rollover of the register (V40).
        refused: Reads that do not follow the one before them (V41): what decreased, and what rose
            by more than the service can carry.
    """

    registers: Registers
    kept: Int64 | None
    linked: Bool
    usage: Int64
    rolled: Int64
    refused: Registers


def chain(
    registers: Registers,
    limits: Limits,
    *,
    backstep_max: int,
    failed: Bool | None = None,
    vouched: Bool | None = None,
) -> Bookends:
    """
    Keep the register reads that fit their neighbours.

    Two reads agree when the usage between them, wrapped at the modulus, is no more than the
    service can carry in that time. Where two do not, the read that its neighbours do without is
    dropped: the later one first. Where neither can be blamed the chain breaks there: a reset
    register is trusted again from its next read on.

    Args:
        registers: Aligned reads.
        limits: Of the block's channels.
        backstep_max: Decreases up to this much are dropped but not refused [register quanta].
        failed: Reads that cannot be what the register showed (V42): refused and dropped, shape
            (reads,); None where there is none.
        vouched: Reads that a person vouches for: neither dropped nor refused for others, likewise.

    Source:
        V40, V41 and vee.md 3.3 (registers).
    """
    refused = np.zeros(len(registers), np.bool_)
    kept, reads = None, registers
    if failed is not None and failed.any():
        refused |= failed
        kept = np.flatnonzero(~failed)
        reads = registers.take(kept)
    pairs = _Pairs.of(reads, limits)
    if len(pairs.misfits):  # rare: only the channels that have one are looked at read by read
        every = np.flatnonzero(~refused)
        troubled = np.isin(reads.channel, reads.channel[pairs.misfits])
        if vouched is None:
            vouched = np.zeros(len(registers), np.bool_)
        rest = _drop_misfits(
            registers,
            every[troubled],
            limits,
            backstep_max=backstep_max,
            refused=refused,
            vouched=vouched,
        )
        kept = np.sort(np.concatenate([every[~troubled], rest]))
        reads = registers.take(kept)
        pairs = _Pairs.of(reads, limits)
    return Bookends(
        registers=reads,
        kept=kept,
        linked=pairs.linked,
        usage=pairs.usage,
        rolled=pairs.rolled,
        refused=registers.take(np.flatnonzero(refused)),
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """
    Reads beside the ones before them.

    Attributes:
        linked: Reads of the same channel that agree, shape (reads,).
        usage: Since the read before [quanta]; 0 where not linked, shape (reads,).
        rolled: Positions of those that are linked over a rollover.
        misfits: Positions of those that do not agree.
    """

    linked: Bool
    usage: Int64
    rolled: Int64
    misfits: Int64

    @classmethod
    def of(cls, reads: Registers, limits: Limits) -> "_Pairs":
        """
        Compare neighbours.

        What any service could carry within one slot needs no closer look: most pairs are such.
        """
        usage, linked = np.empty(len(reads), np.int64), np.empty(len(reads), np.bool_)
        usage[:1], linked[:1] = 0, False
        later = linked[1:]
        np.equal(reads.channel[1:], reads.channel[:-1], out=later)
        rise = np.subtract(reads.value[1:], reads.value[:-1], out=usage[1:])
        if (limits.multiplier != 1).any():
            rise *= limits.multiplier[reads.channel[1:]]
        least_room = (limits.v_max + limits.step).min(initial=_ANY)
        closely = rise.view(np.uint64) > np.uint64(least_room)  # a fall is a very large number
        closely &= later
        at = 1 + np.flatnonzero(closely)
        usage[~linked] = 0
        wrapped = reads.value[at] < reads.value[at - 1]
        usage[at] = _usage(reads, limits, at, apart=1)
        agree = _plausible(reads, limits, usage[at], at, apart=1)
        misfits = at[~agree]
        linked[misfits], usage[misfits] = False, 0
        return cls(linked, usage, at[agree & wrapped], misfits)


def _drop_misfits(
    registers: Registers,
    kept: Int64,
    limits: Limits,
    *,
    backstep_max: int,
    refused: Bool,
    vouched: Bool,
) -> Int64:
    """Return which of the kept reads stay; what does not follow is noted in `refused`."""
    for _ in range(PASSES_MAX):
        reads = registers.take(kept)
        later = _misfits(reads, limits)
        two_apart = _agree(reads, limits, apart=2)
        has_next = np.append(_same_channel(reads, apart=1), [False])
        blame_later = np.append(two_apart, [False, False])[later - 1] & ~vouched[kept[later]]
        blame_earlier = ~blame_later & np.append([False, False], two_apart)[later] & has_next[later]
        blame_earlier &= ~vouched[kept[later - 1]]
        blamed = blame_later | blame_earlier
        drop = later[blamed] - blame_earlier[blamed]
        fall = (reads.value[later - 1] - reads.value[later])[blamed]
        refused[kept[drop[(fall <= 0) | (fall > backstep_max)]]] = True
        if len(drop) == 0:
            break
        kept = np.delete(kept, drop)
    reads = registers.take(kept)
    later = _misfits(reads, limits)
    later = later[~vouched[kept[later]]]
    fall = reads.value[later - 1] - reads.value[later]
    refused[kept[later[(fall <= 0) | (fall > backstep_max)]]] = True
    return kept


def _misfits(reads: Registers, limits: Limits) -> Int64:
    """Return the positions of reads that do not agree with the one before them."""
    return 1 + np.flatnonzero(_same_channel(reads, apart=1) & ~_agree(reads, limits, apart=1))


def _same_channel(reads: Registers, *, apart: int) -> Bool:
    same: Bool = reads.channel[apart:] == reads.channel[:-apart]
    return same


def _agree(reads: Registers, limits: Limits, *, apart: int) -> Bool:
    """Return whether each read is a plausible successor of the one `apart` before it."""
    at = np.arange(apart, len(reads))
    usage = _usage(reads, limits, at, apart=apart)
    same = _same_channel(reads, apart=apart)
    return same & _plausible(reads, limits, usage, at, apart=apart)


def _usage(reads: Registers, limits: Limits, at: Int64, *, apart: int) -> Int64:
    """Return ((R2 - R1) mod modulus) x multiplier; a register shows less than its modulus."""
    channel = reads.channel[at]
    rise: Int64 = reads.value[at] - reads.value[at - apart]
    rise += np.where(rise < 0, limits.modulus[channel], 0)
    rise *= limits.multiplier[channel]
    return rise


def _plausible(reads: Registers, limits: Limits, usage: Int64, at: Int64, *, apart: int) -> Bool:
    """Return whether the service can carry the usage since the read `apart` before."""
    channel = reads.channel[at]
    slots = reads.boundary[at] - reads.boundary[at - apart]
    room = limits.v_max[channel] * slots + limits.step[channel]  # both reads are truncated
    fits: Bool = usage <= room
    return fits


@dataclass(frozen=True, slots=True)
class Brackets:
    """
    Stretches of slots whose usage is known, sorted by channel and time; they never overlap.

    Attributes:
        channel: Row of the block, shape (brackets,).
        first: First slot, shape (brackets,).
        last: One past the last slot, shape (brackets,).
        usage: What the register says [quanta], shape (brackets,).
    """

    channel: Int64
    first: Int64
    last: Int64
    usage: Int64

    @classmethod
    def closed_by(cls, reads: Registers, later: Int64, usage: Int64) -> "Brackets":
        """
        Return the brackets that some bookends close, each opened by the one before it.

        Args:
            reads: The bookends.
            later: Positions of those that close one, shape (brackets,).
            usage: What flowed within each [quanta], shape (brackets,).
        """
        return cls(reads.channel[later], reads.boundary[later - 1], reads.boundary[later], usage)

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, brackets: Int64 | Bool) -> "Brackets":
        """Return the brackets at these positions, or where this mask is true."""
        return Brackets(
            self.channel[brackets], self.first[brackets], self.last[brackets], self.usage[brackets]
        )

    def cells(self, slots: int) -> Int64:
        """Return the positions of all their slots in the flattened grid, rising."""
        length = self.last - self.first
        start = np.cumsum(length) - length
        within = np.arange(int(length.sum())) - np.repeat(start, length)
        cells: Int64 = np.repeat(self.channel * slots + self.first, length) + within
        return cells

    def total(self, grid: Int64) -> Int64:
        """Return the sum of a grid (channels, slots) over each bracket."""
        edges = self._edges(grid.shape[1])
        if len(edges) == 0:
            return np.zeros(0, np.int64)
        ends_with_grid = int(edges[-1]) == grid.size
        total: Int64 = np.add.reduceat(grid.reshape(-1), edges[:-1] if ends_with_grid else edges)
        return total[::2]

    def count(self, mask: Bool) -> Int64:
        """Return how many slots of each bracket are true in a mask (channels, slots)."""
        before = Bits.of(mask).count(self._edges(mask.shape[1]))
        return before[1::2] - before[::2]

    def touching(self, mask: Bool) -> Bool:
        """Return the brackets that share a slot or an edge with the true ones (channels, slots)."""
        slots, bits = mask.shape[1], Bits.of(mask)
        row = self.channel * slots
        first = bits.count(row + np.maximum(self.first - 1, 0))
        touched: Bool = bits.count(row + np.minimum(self.last + 1, slots)) > first
        return touched

    def holding(self, cells: Int64, slots: int) -> Int64:
        """Return the bracket of each of these positions in the flattened grid, -1 where none is."""
        row = self.channel * slots
        number = np.searchsorted(row + self.first, cells, side="right") - 1
        past = cells >= np.append(row + self.last, 0)[number]  # -1 reads the padding
        return np.where(past, -1, number)

    def mark(self, brackets: Bool, shape: tuple[int, int]) -> Bool:
        """Return the slots of the brackets where this mask is true, shape (channels, slots)."""
        cuts = np.concatenate([[0], self._edges(shape[1]), [shape[0] * shape[1]]])
        inside = np.zeros(len(cuts) - 1, np.bool_)  # between brackets, in one, between, in one, ...
        inside[1::2] = brackets
        return np.repeat(inside, np.diff(cuts)).reshape(shape)

    def _edges(self, slots: int) -> Int64:
        """Return where each bracket begins and ends in the flattened grid, in turn."""
        edges, row = np.empty((len(self), 2), np.int64), self.channel * slots
        np.add(row, self.first, out=edges[:, 0])
        np.add(row, self.last, out=edges[:, 1])
        return edges.reshape(-1)
