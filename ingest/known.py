"""
What is stored already: a window over the newest reads of each channel, to save work.

About seven copies of each interval arrive; six of them must cost next to nothing. The window
only ever spares a question to the database: its unique key is the truth, and a read that the
window is not sure of is put to it.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Int32, Int64, IntervalReads, RegisterReads, UInt8

Reads = TypeVar("Reads", IntervalReads, RegisterReads)


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

    A cell holds time and value as 32 bits each: all of an interval value that a frame can carry,
    the low half of a register. A cell with an older time, or none, proves that a read is new
    only as far back as the ring reaches.
    """

    def __init__(self, slot_count: int) -> None:
        self._slot_count = slot_count
        self._step_s = np.empty(0, np.int64)
        self._newest_s = np.empty(0, np.int64)
        self._time = np.empty((0, slot_count), np.uint32)
        self._value = np.empty((0, slot_count), np.uint32)

    def cover(self, channel_id: Int32, step_s: Int32) -> None:
        """Make room for these channels and note the usual distance of their reads."""
        size = int(channel_id.max(initial=-1)) + 1
        more = size - len(self._step_s)
        if more > 0:
            self._step_s = np.pad(self._step_s, (0, more), constant_values=1)
            self._newest_s = np.pad(self._newest_s, (0, more))
            self._time = np.pad(self._time, ((0, more), (0, 0)))
            self._value = np.pad(self._value, ((0, more), (0, 0)))
        self._step_s[channel_id] = step_s

    def judge(self, channel_id: Int32, at_s: Int64, value: Int64) -> UInt8:
        """Return the Verdict on each read, one byte each."""
        cell = channel_id, self._slot(channel_id, at_s)
        held = self._time[cell].astype(np.int64)
        reach_s = self._newest_s[channel_id] - self._slot_count * self._step_s[channel_id]
        verdict = np.full(len(channel_id), Verdict.NEW, np.uint8)
        verdict[(at_s <= reach_s) | (held > at_s)] = Verdict.UNSURE
        known = held == at_s
        same = known & (self._value[cell] == _low_half(value))
        verdict[known] = Verdict.DIFFERENT
        verdict[same] = Verdict.SAME
        return verdict

    def remember(self, channel_id: Int32, at_s: Int64, value: Int64) -> None:
        """Note stored reads, sorted by channel and time; only after their commit."""
        slot = self._slot(channel_id, at_s)
        newer = at_s > self._time[channel_id, slot]
        channel_id, slot, at_s = channel_id[newer], slot[newer], at_s[newer]
        # Where reads share a cell the last assignment stays, which the order makes the newest.
        self._time[channel_id, slot] = at_s
        self._value[channel_id, slot] = _low_half(value[newer])
        self._newest_s[channel_id] = np.maximum(self._newest_s[channel_id], at_s)

    def _slot(self, channel_id: Int32, at_s: Int64) -> Int64:
        step_s = self._step_s[channel_id]
        slot: Int64 = (at_s + step_s // 2) // step_s % self._slot_count
        return slot


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


def sieve(window: Window, reads: Reads) -> Sieved[Reads]:
    """Drop copies of what is stored and of each other; of copies that differ the first counts."""
    wanted = window.judge(reads.channel_id, times(reads), reads.value) != Verdict.SAME
    copies = reads.take(wanted)
    copies = copies.take(np.lexsort((times(copies), copies.channel_id)))
    firsts, others = _split_first(copies)
    conflicts = []
    while len(others):
        conflict, others = _split_first(others)
        conflicts.append(conflict)
    verdict = window.judge(firsts.channel_id, times(firsts), firsts.value)
    conflict_count = sum(len(part) for part in conflicts)
    return Sieved(
        sure=firsts.take(verdict == Verdict.NEW),
        unsure=firsts.take(verdict != Verdict.NEW),
        conflicts=tuple(conflicts),
        duplicate_count=len(reads) - len(firsts) - conflict_count,
        different_count=int((verdict == Verdict.DIFFERENT).sum()) + conflict_count,
    )


def _split_first(reads: Reads) -> tuple[Reads, Reads]:
    """Split sorted reads into the first of each key and those that say something else."""
    channel_id, at_s = reads.channel_id, times(reads)
    is_first = np.ones(len(reads), np.bool_)
    is_first[1:] = (channel_id[1:] != channel_id[:-1]) | (at_s[1:] != at_s[:-1])
    firsts = reads.take(is_first)
    differs = reads.value != firsts.value[np.cumsum(is_first) - 1]
    return firsts, reads.take(differs)


def times(reads: IntervalReads | RegisterReads) -> Int64:
    """Return the time in the key: start of an interval, instant of a register."""
    return reads.start_s if isinstance(reads, IntervalReads) else reads.at_s


def _low_half(value: Int64) -> npt.NDArray[np.uint32]:
    return value.astype(np.uint32)
