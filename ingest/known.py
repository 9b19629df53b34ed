"""
What is stored already: a window over the newest reads of each channel, to save work.

About seven copies of each interval arrive; six of them must cost next to nothing. The window
only ever spares a question to the database: its unique key is the truth, and a read that the
window is not sure of is put to it.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Int32, Int64, IntervalReads, RegisterReads, UInt8

Reads = TypeVar("Reads", IntervalReads, RegisterReads)
Rows = npt.NDArray[np.intp]
Word = npt.NDArray[np.uint64]

CONFLICTS_MAX: Final = 16
"""
Values for one key within a batch that are kept beside the first; the raw messages have them all.
"""
_BLOCK_ROWS = 8_192
"""Reads whose cells stay in a processor's own cache while they are judged and remembered."""
_LOW_HALF = (1 << 32) - 1
_TIME_BITS = 33


class Verdict(IntEnum):
    """What the window knows about a read."""

    NEW = 0
    SAME = 1
    DIFFERENT = 2
    UNSURE = 3
    """Older than the window reaches."""


class Window:
    """
    A direct-mapped cache: for each channel a ring of cells, one read a cell, newest wins.

    A cell holds time and value as 32 bits each, in one word, so that a copy is recognised by one
    comparison: all of an interval value that a frame can carry; a register folded to half its
    length, by which any single bit and nearly any other damage is told from a copy. A cell with an
    older time, or none, proves that a read is new only as far back as the ring reaches.

    Args:
        slot_count: How many usual distances back it reaches; there are as many cells to a channel,
            rounded up to a power of two.
    """

    def __init__(self, slot_count: int) -> None:
        self._reach = slot_count
        self._slot_count = 1 << (slot_count - 1).bit_length()
        self._step_s = np.empty(0, np.uint32)
        self._newest_s = np.empty(0, np.int64)
        self._cell = np.empty(0, np.uint64)

    def cover(self, channel_id: Int32, step_s: Int32) -> None:
        """Make room for these channels and note the usual distance of their reads."""
        size = int(channel_id.max(initial=-1)) + 1
        more = size - len(self._step_s)
        if more > 0:
            self._step_s = np.concatenate([self._step_s, np.ones(more, np.uint32)])
            self._newest_s = np.concatenate([self._newest_s, np.zeros(more, np.int64)])
            # Fresh zeros take no memory before something is written to them.
            cell = np.zeros(size * self._slot_count, np.uint64)
            cell[: len(self._cell)] = self._cell
            self._cell = cell
        self._step_s[channel_id] = step_s

    def judge(self, channel_id: Int32, at_s: Int64, value: Int64) -> UInt8:
        """Return the Verdict on each read, one byte each."""
        return self._judge(self._place(channel_id, at_s), channel_id, at_s, value)

    def remember(self, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        """Note reads, sorted by channel and time, that are stored or will be before others are."""
        self._remember(self._place(channel_id, at_s), channel_id, at_s, value)

    def learn(self, channel_id: Int32, at_s: Int64, value: Int64) -> tuple[Rows, UInt8]:
        """
        Judge reads and remember those that are not known, of two values for one key the first.

        Both are done with some reads before the next are looked at: where there are a million
        channels, memory is what costs, and so each piece of it is fetched once.

        Returns:
            The rows of reads that are no copies, and the Verdict on each of these.
        """
        found = [(np.empty(0, np.intp), np.empty(0, np.uint8))]
        for first in range(0, len(channel_id), _BLOCK_ROWS):
            block = slice(first, first + _BLOCK_ROWS)
            key = _key(channel_id[block], at_s[block])
            rows = first + np.argsort(key, kind="stable")
            reads = channel_id[rows], at_s[rows], value[rows]
            place = self._place(*reads[:2])
            verdict = self._judge(place, *reads)
            other = np.flatnonzero(verdict != Verdict.SAME)
            found.append((rows[other], verdict[other]))
            key = key[rows[other] - first]
            other = other[np.append(True, key[1:] != key[:-1])[: len(other)]]
            self._remember(place[other], *(column[other] for column in reads))
        rows_of, verdict_of = zip(*found, strict=True)
        return np.concatenate(rows_of), np.concatenate(verdict_of)

    def forget(self, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        """Take back that these reads are known; whatever they displaced stays unsure."""
        place = self._place(channel_id, at_s)
        self._cell[place[self._cell[place] == _word(at_s, value)]] = 0

    def _judge(self, place: Int64, channel_id: Int32, at_s: Int64, value: Int64) -> UInt8:
        held = self._cell[place]
        verdict = np.full(len(channel_id), Verdict.SAME, np.uint8)
        other = np.flatnonzero(held != _word(at_s, value))
        verdict[other] = self._judge_other(channel_id[other], at_s[other], held[other])
        return verdict

    def _remember(self, place: Int64, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        newer = at_s > _time(self._cell[place])
        # Where reads share a cell the last assignment stays, which the order makes the newest.
        self._cell[place[newer]] = _word(at_s, value)[newer]
        last = np.append(channel_id[1:] != channel_id[:-1], True)[: len(channel_id)]
        newest = channel_id[last]
        self._newest_s[newest] = np.maximum(self._newest_s[newest], at_s[last])

    def _judge_other(self, channel_id: Int32, at_s: Int64, held: Word) -> UInt8:
        held_s = _time(held)
        reach_s = self._newest_s[channel_id] - self._reach * self._step_s[channel_id].astype(
            np.int64
        )
        verdict = np.full(len(channel_id), Verdict.NEW, np.uint8)
        verdict[(at_s <= reach_s) | (held_s > at_s)] = Verdict.UNSURE
        verdict[held_s == at_s] = Verdict.DIFFERENT
        return verdict

    def _place(self, channel_id: Int32, at_s: Int64) -> Int64:
        """Return where the cell of each read lies; narrow numbers divide much faster."""
        step_s = self._step_s[channel_id]
        slot = (at_s.astype(np.uint32) + step_s // 2) // step_s & np.uint32(self._slot_count - 1)
        place: Int64 = channel_id.astype(np.int64) * self._slot_count + slot
        return place


@dataclass(frozen=True, slots=True)
class Sieved(Generic[Reads]):
    """
    Reads that the database must hear of, each part sorted by channel and time, keys unique.

    Attributes:
        sure: New, as far as the window knows.
        unsure: Perhaps stored already, or known with another value.
        conflicts: Values that differ from one of the same batch; one part for each further value.
        duplicate_count: Copies that were dropped.
        different_count: Reads whose key is known with another value.
    """

    sure: Reads
    unsure: Reads
    conflicts: tuple[Reads, ...]
    duplicate_count: int
    different_count: int

    def recorded(self, at_us: int) -> Self:
        """Return the same reads as known since this time [us since 1970-01-01 UTC]."""
        return replace(
            self,
            sure=_recorded(self.sure, at_us),
            unsure=_recorded(self.unsure, at_us),
            conflicts=tuple(_recorded(part, at_us) for part in self.conflicts),
        )


def sieve(window: Window, reads: Reads) -> Sieved[Reads]:
    """Drop copies of what is known and of each other; of copies that differ the first counts."""
    verdict = window.judge(reads.channel_id, times(reads), reads.value)
    rows = np.flatnonzero(verdict != Verdict.SAME)
    return _sieved(reads, rows, verdict[rows])


def take_in(window: Window, reads: Reads) -> Sieved[Reads]:
    """Sieve reads, and know from now on those that are left."""
    return _sieved(reads, *window.learn(reads.channel_id, times(reads), reads.value))


def _sieved(reads: Reads, rows: Rows, verdict: UInt8) -> Sieved[Reads]:
    """Sort these rows out, which are no copies of what was known."""
    key = keys(reads)[rows]
    order = np.argsort(key, kind="stable")
    verdict_of = np.empty(len(reads), np.uint8)
    verdict_of[rows] = verdict
    firsts, others = _split_first(rows[order], key[order], reads.value)
    conflicts: list[Reads] = []
    while len(others) and len(conflicts) < CONFLICTS_MAX:
        conflict, others = _split_first(others, keys(reads)[others], reads.value)
        conflicts.append(reads.take(conflict))
    verdict = verdict_of[firsts]
    conflict_count = sum(len(part) for part in conflicts) + len(others)
    return Sieved(
        sure=reads.take(firsts[verdict == Verdict.NEW]),
        unsure=reads.take(firsts[verdict != Verdict.NEW]),
        conflicts=tuple(conflicts),
        duplicate_count=len(reads) - len(firsts) - conflict_count,
        different_count=int((verdict == Verdict.DIFFERENT).sum()) + conflict_count,
    )


def _split_first(rows: Rows, key: Int64, value: Int64) -> tuple[Rows, Rows]:
    """Split rows, sorted by key, into the first of each key and those that say something else."""
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = key[1:] != key[:-1]
    if is_first.all():
        return rows, rows[:0]
    first = rows[is_first]
    return first, rows[value[rows] != value[first[np.cumsum(is_first) - 1]]]


def keys(reads: IntervalReads | RegisterReads) -> Int64:
    """Return channel and time as one number each; it sorts as they do."""
    return _key(reads.channel_id, times(reads))


def _key(channel_id: Int32, at_s: Int64) -> Int64:
    key: Int64 = channel_id.astype(np.int64) << _TIME_BITS | at_s
    return key


def _recorded(reads: Reads, at_us: int) -> Reads:
    return replace(reads, recorded_us=np.full(len(reads), at_us, np.int64))


def channel_of(key: Int64) -> Int64:
    """Return the channel in such numbers."""
    channel_id: Int64 = key >> _TIME_BITS
    return channel_id


def time_of(key: Int64) -> Int64:
    """Return the time in such numbers."""
    at_s: Int64 = key & ((1 << _TIME_BITS) - 1)
    return at_s


def times(reads: IntervalReads | RegisterReads) -> Int64:
    """Return the time in the key: start of an interval, instant of a register."""
    return reads.start_s if isinstance(reads, IntervalReads) else reads.at_s


def _word(at_s: Int64, value: Int64) -> Word:
    """Return what a cell says of a read: its time, then its value, folded to half its length."""
    return (at_s << 32 | (value ^ value >> 32) & _LOW_HALF).view(np.uint64)


def _time(cell: Word) -> Int64:
    """Return the time in each cell; 0 where nothing is."""
    return (cell >> 32).astype(np.int64)
