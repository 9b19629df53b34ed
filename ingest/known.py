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

from mdms.domain.readings import Bool, Int32, Int64, IntervalReads, RegisterReads, UInt8

Reads = TypeVar("Reads", IntervalReads, RegisterReads)
Rows = npt.NDArray[np.intp]
Word = npt.NDArray[np.uint64]

CONFLICTS_MAX: Final = 16
"""
Values for one key within a batch that are kept beside the first; the raw messages have them all.
"""
_BLOCK_ROWS = 8_192
"""Reads whose cells stay in a processor's own cache while they are judged and remembered."""
_STRIDE = 4
"""Of a frame's reads these touch nearly every line of cells: a line has eight, begun anywhere."""
_LOW_HALF = (1 << 32) - 1
_TIME_BITS = 33


class Verdict(IntEnum):
    """What the window knows about a read."""

    NEW = 0
    SAME = 1
    DIFFERENT = 2
    UNSURE = 3
    """Older than the window reaches."""


@dataclass(frozen=True, slots=True)
class _Found:
    """
    Reads and the cells where they belong; columns of one length.

    Attributes:
        channel: Ours, in the width of places in memory.
        at_s: Time in the key.
        place: Of the cell.
        held: What the cell held when it was looked at.
        word: What it holds if it knows the read.
    """

    channel: Rows
    at_s: Int64
    place: Rows
    held: Word
    word: Word

    def take(self, rows: Rows | Bool) -> Self:
        return type(self)(
            self.channel[rows],
            self.at_s[rows],
            self.place[rows],
            self.held[rows],
            self.word[rows],
        )


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
        # The newest read less the reach, from 1970 on: what is older may be stored and have no
        # cell. Narrow, for neighbours to share a line.
        self._sure_after_s = np.empty(0, np.uint32)
        self._cell = np.empty(0, np.uint64)

    def cover(self, channel_id: Int32, step_s: Int32) -> None:
        """
        Make room for these channels and note the usual distance of their reads.

        Reads of a channel whose distance changes belong into other cells: those that are held are
        no longer known, and may be stored.
        """
        size = int(channel_id.max(initial=-1)) + 1
        covered = len(self._step_s)
        more = size - covered
        if more > 0:
            self._step_s = np.concatenate([self._step_s, np.ones(more, np.uint32)])
            self._sure_after_s = np.concatenate([self._sure_after_s, np.zeros(more, np.uint32)])
            # Written and not only reserved: memory is waited for now, not by the first reads.
            cell = np.full(size * self._slot_count, 0, np.uint64)
            cell[: len(self._cell)] = self._cell
            self._cell = cell
        was_s = self._step_s[channel_id].astype(np.int64)
        newest_s = self._sure_after_s[channel_id] + self._reach * was_s
        self._step_s[channel_id] = step_s
        is_s = self._step_s[channel_id].astype(np.int64)
        self._sure_after_s[channel_id] = np.maximum(newest_s - self._reach * is_s, 0)
        changed = np.flatnonzero((is_s != was_s) & (channel_id < covered))
        self._sure_after_s[channel_id[changed]] = newest_s[changed]
        self._cell.reshape(-1, self._slot_count)[channel_id[changed]] = 0

    def judge(self, channel_id: Int32, at_s: Int64, value: Int64) -> UInt8:
        """Return the Verdict on each read, one byte each."""
        found = self._look_up(channel_id, at_s, value)
        verdict = np.full(len(channel_id), Verdict.SAME, np.uint8)
        other = np.flatnonzero(found.held != found.word)
        verdict[other] = self._judge(found.take(other))
        return verdict

    def remember(self, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        """Note reads, sorted by channel and time, that are stored or will be before others are."""
        self._remember(self._look_up(channel_id, at_s, value))

    def learn(self, channel_id: Int32, at_s: Int64, value: Int64) -> tuple[Rows, UInt8]:
        """
        Judge reads and remember those that are not known, of two values for one key the first.

        Both are done with some reads before the next are looked at: where there are a million
        channels, memory is what costs, and so each piece of it is fetched once.

        Returns:
            The rows of reads that are no copies, and the Verdict on each of these.
        """
        learnt = [(np.empty(0, np.intp), np.empty(0, np.uint8))]
        for first in range(0, len(channel_id), _BLOCK_ROWS):
            block = slice(first, first + _BLOCK_ROWS)
            found = self._look_up(channel_id[block], at_s[block], value[block])
            rows = np.flatnonzero(found.held != found.word)
            found = found.take(rows)
            key = _key(found.channel, found.at_s)
            order = _order(key)
            if order is not None:
                rows, key, found = rows[order], key[order], found.take(order)
            learnt.append((first + rows, self._judge(found)))
            is_first = np.append(True, key[1:] != key[:-1])[: len(key)]
            self._remember(found if is_first.all() else found.take(is_first))
        rows_of, verdict_of = zip(*learnt, strict=True)
        return np.concatenate(rows_of), np.concatenate(verdict_of)

    def forget(self, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        """Take back that these reads are known; whatever they displaced stays unsure."""
        found = self._look_up(channel_id, at_s, value)
        self._cell[found.place[found.held == found.word]] = 0

    def _look_up(self, channel_id: Int32, at_s: Int64, value: Int64) -> _Found:
        channel = channel_id.astype(np.intp)  # as a place in memory, once and not at each use
        step_s = self._step_s[channel]
        # Narrow numbers divide much faster.
        slot = (at_s.astype(np.uint32) + step_s // 2) // step_s & np.uint32(self._slot_count - 1)
        place: Rows = channel * self._slot_count + slot
        # Some cells of each line first: so more of them are on their way at a time.
        self._cell.take(place[::_STRIDE])
        return _Found(channel, at_s, place, self._cell[place], _word(at_s, value))

    def _judge(self, found: _Found) -> UInt8:
        """Judge reads that are not what their cells hold."""
        held_s = _time(found.held)
        verdict = np.full(len(held_s), Verdict.NEW, np.uint8)
        is_beyond = found.at_s <= self._sure_after_s[found.channel]
        verdict[is_beyond | (held_s > found.at_s)] = Verdict.UNSURE
        verdict[held_s == found.at_s] = Verdict.DIFFERENT
        return verdict

    def _remember(self, found: _Found) -> None:
        newer = found.at_s > _time(found.held)
        # Where reads share a cell the last assignment stays, which the order makes the newest.
        self._cell[found.place[newer]] = found.word[newer]
        is_last = np.append(found.channel[1:] != found.channel[:-1], True)[: len(newer)]
        last = np.flatnonzero(is_last)
        channel = found.channel[last]
        sure_after_s = found.at_s[last] - self._reach * self._step_s[channel].astype(np.int64)
        self._sure_after_s[channel] = np.maximum(self._sure_after_s[channel], sure_after_s)


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
    verdict_of = np.empty(len(reads), np.uint8)
    verdict_of[rows] = verdict
    order = _order(key)
    if order is not None:
        rows, key = rows[order], key[order]
    firsts, others = _split_first(rows, key, reads.value)
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


def _key(channel_id: Int32 | Rows, at_s: Int64) -> Int64:
    key: Int64 = channel_id.astype(np.int64) << _TIME_BITS | at_s
    return key


def _order(key: Int64) -> Rows | None:
    """Return the rows by key, those of one key as they came; None if they are in order."""
    return np.argsort(key, kind="stable") if (key[1:] < key[:-1]).any() else None


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
