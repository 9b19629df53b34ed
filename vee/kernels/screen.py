"""
Screening: what a channel-day's extremes already say, in one pass that stays in the cache.

Most channel-days can break no rule. What is looked at here is cheap and errs on one side only:
a channel or day that is not listed is sound, one that is listed is examined value by value.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import SlotTable

TILE_CELLS = 262_144
"""Values at a time: two megabytes; larger tiles leave the caches, smaller ones cost calls."""

EVENING = 3
"""The last third of a day."""

STATIC_SAMPLES = 3
"""A run that is long enough holds so many samples."""


def tile_cells(channels: int, slots: int) -> int:
    """Return how many values the largest tile of a block holds."""
    return min(channels, max(1, TILE_CELLS // max(slots, 1))) * slots


def tiles(channels: int, slots: int) -> Iterator[slice]:
    """Cut the channels of a block into parts that fit the cache."""
    rows = max(1, TILE_CELLS // max(slots, 1))
    for start in range(0, channels, rows):
        yield slice(start, min(start + rows, channels))


def day_extremes(value: Int64, slots: SlotTable) -> Int64:
    """
    Return the largest value of each day, negative ones taken for very large.

    One pass tells both what exceeds a limit and what is below zero.

    Args:
        value: Quanta, shape (channels, slots).
        slots: Its columns.

    Returns:
        Largest value as an unsigned number [quanta], shape (channels, days).
    """
    channels, count = value.shape
    first = (np.arange(channels)[:, None] * count + slots.first[:-1]).ravel()
    unsigned = np.ascontiguousarray(value).reshape(-1).view(np.uint64)
    extremes: Int64 = np.maximum.reduceat(unsigned, first).view(np.int64)
    return extremes.reshape(channels, -1)


def any_flag(flags: Int64) -> Int64:
    """Return the union of the rule masks of each channel, shape (channels,)."""
    marks: Int64 = np.bitwise_or.reduce(flags, axis=1)
    return marks


def whole_days(missing: Bool, slots: SlotTable) -> Bool:
    """
    Return the days without a missing slot, shape (channels, days).

    Args:
        missing: Shape (channels, slots), contiguous.
        slots: Its columns.
    """
    channels, count = missing.shape
    first = (np.arange(channels)[:, None] * count + slots.first[:-1]).ravel()
    return ~np.logical_or.reduceat(missing.reshape(-1), first).reshape(channels, -1)


@dataclass(frozen=True, slots=True)
class DaySpan:
    """
    Consecutive days of one length: a view of them has the shape (channels, days, slots a day).

    Attributes:
        day: First day and one past the last.
        slot: First slot and one past the last.
    """

    day: slice
    slot: slice

    def of(self, value: Int64) -> Int64:
        """Return the days of a grid (channels, slots), without a copy."""
        days = self.day.stop - self.day.start
        return value[:, self.slot].reshape(len(value), days, -1)


def day_spans(slots: SlotTable) -> list[DaySpan]:
    """Cut the days of a slot table where their length changes: 92, 96 and 100 slots."""
    length = np.diff(slots.first)
    starts = np.flatnonzero(np.diff(length, prepend=-1))
    ends = np.append(starts[1:], len(length))
    return [
        DaySpan(
            slice(int(start), int(end)),
            slice(int(slots.first[start]), int(slots.first[end])),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def falls_short(value: Int64, least: Int64, spans: list[DaySpan], *, rank: int) -> Bool:
    """
    Find days whose evening does not show `rank` values that reach the day's own threshold.

    Evenings are when most days have their high values, so a third of the values clears most days.

    Args:
        value: Quanta, shape (channels, slots).
        least: Thresholds [quanta], shape (channels, days).
        spans: The days.
        rank: How many values clear a day.

    Returns:
        Days that must be looked at as a whole, shape (channels, days).
    """
    short = np.empty(least.shape, np.bool_)
    for span in spans:
        days = span.of(value)
        evening = days[:, :, days.shape[2] - days.shape[2] // EVENING :]
        short[:, span.day] = _count(evening >= least[:, span.day, None]) < rank
    return short


def _count(mask: Bool) -> Int64:
    """Count along the last axis: as many bytes at a time as divide its length evenly."""
    length = mask.shape[-1]
    for word, lanes in ((np.uint64, 8), (np.uint32, 4), (np.uint16, 2)):
        if length % lanes == 0 and length // lanes < 1 << 8:  # no byte overflows into the next
            sums = mask.view(word).sum(axis=-1, dtype=word, keepdims=True)
            mask = sums.view(np.bool_)
            break
    counts: Int64 = mask.view(np.uint8).sum(axis=-1, dtype=np.int64)
    return counts


def may_be_static(value: Int64, *, intervals: int, quanta_min: int) -> Bool:
    """
    Find the channels in which a run of equal values is possible.

    Args:
        value: Quanta, shape (channels, slots).
        intervals: Length of the run.
        quanta_min: Smaller values do not count.

    Returns:
        Channels with equal samples, as often in a row as such a run must show, shape (channels,).
    """
    samples = np.ascontiguousarray(value[:, :: max(1, intervals // STATIC_SAMPLES)])
    equal = (samples[:, 1:] == samples[:, :-1]) & (samples[:, 1:] >= quanta_min)
    twice: Bool = (equal[:, 1:] & equal[:, :-1]).any(axis=1)
    return twice
