"""
Screening: what a channel-day's extremes already say, in one pass that stays in the cache.

Most channel-days can break no rule. What is looked at here is cheap and errs on one side only:
a channel or day that is not listed is sound, one that is listed is examined value by value.
"""

from collections.abc import Iterator
from math import gcd

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import SlotTable

TILE_CELLS = 98_304
"""Values at a time: 768 KiB; larger tiles leave the caches, smaller ones cost calls."""

DAY_PARTS = ((0, 3), (1, 3), (6, 9), (7, 9), (8, 9))
"""
Where the parts of a day begin, as shares of it: two thirds, and the evening once more in thirds.

Most days have high values in three of them, and then no value stands out.
"""

STATIC_SAMPLES = 2
"""A run that is long enough holds so many samples."""


def tiles(channels: int, slots: int) -> Iterator[slice]:
    """Cut the channels of a block into parts that fit the cache."""
    rows = tile_channels(slots)
    for start in range(0, channels, rows):
        yield slice(start, min(start + rows, channels))


def tile_channels(slots: int) -> int:
    """Return how many channels of so many slots are looked at together."""
    return max(1, TILE_CELLS // max(slots, 1))


def in_every_row(first: Int64, channels: int, count: int) -> Int64:
    """
    Return positions in the flattened grid of these slots of every channel.

    A grid of fewer channels has the first ones of them.
    """
    cells: Int64 = (np.arange(0, channels * count, count)[:, None] + first.reshape(-1)).reshape(-1)
    return cells


def day_extremes(value: Int64, slots: SlotTable) -> Int64:
    """
    Return the largest value of each day, negative ones taken for very large.

    Args:
        value: Quanta, shape (channels, slots).
        slots: Its columns.

    Returns:
        Largest value as an unsigned number [quanta], shape (channels, days).
    """
    extremes = np.empty((len(value), len(slots.days)), np.int64)
    if extremes.size:
        cells = in_every_row(slots.first[:-1], *value.shape)
        part_extremes(np.ascontiguousarray(value), cells, extremes)
    return extremes


def part_extremes(value: Int64, first: Int64, extremes: Int64) -> None:
    """
    Find the largest value from each position to the next, negative ones taken for very large.

    One pass tells both what exceeds a limit and what is below zero.

    Args:
        value: Quanta, contiguous.
        first: Positions in the flattened values, rising, shape (parts,).
        extremes: Filled in: largest value as an unsigned number [quanta], as many, contiguous.
    """
    unsigned = extremes.reshape(-1).view(np.uint64)
    np.maximum.reduceat(value.reshape(-1).view(np.uint64), first, out=unsigned)


def of_whole_days(extremes: Int64) -> Int64:
    """Return the extremes of days from those of their parts, shape (channels, days)."""
    unsigned = extremes.view(np.uint64)
    largest = unsigned[:, :, 0].copy()
    for part in range(1, extremes.shape[2]):  # few; days are the long axis
        np.maximum(largest, unsigned[:, :, part], out=largest)
    return largest.view(np.int64)


def day_parts(slots: SlotTable) -> Int64:
    """Return the first slot of each part of each day, shape (days, parts)."""
    length = np.diff(slots.first)[:, None]
    share, whole = np.array(DAY_PARTS).T
    first: Int64 = slots.first[:-1, None] + length * share // whole
    return first


def running_totals(value: Int64, edge: Int64, total: Int64) -> None:
    """
    Add up what lies from each edge to the next one, and from the last one on.

    Args:
        value: Quanta, shape (cells,).
        edge: Positions in it, rising, shape (edges,); the number of cells may be the last one.
        total: Filled in, shape (edges,).
    """
    count = len(edge)
    if count and edge[-1] == len(value):
        total[-1] = 0
        count -= 1
    if count:
        np.add.reduceat(value, edge[:count], out=total[:count])


def any_flag(flags: Int64) -> Int64:
    """Return the union of the rule masks of each channel, shape (channels,)."""
    marks: Int64 = np.bitwise_or.reduce(flags, axis=1)
    return marks


def word_slots(slots: SlotTable) -> int:
    """Return how many slots of a mask may be looked at as one word, so that days are whole ones."""
    return gcd(8, *slots.first.tolist())


def whole_days(missing: Bool, first: Int64, word: int, whole: Bool) -> None:
    """
    Find the days without a missing slot.

    Args:
        missing: Shape (channels, slots), contiguous.
        first: First words of the days of all channels.
        word: Slots of a word.
        whole: Filled in, shape (channels, days), contiguous.
    """
    words = missing.reshape(-1).view(f"u{word}")
    np.equal(np.bitwise_or.reduceat(words, first), 0, out=whole.reshape(-1))


def stands_out(extremes: Int64, least: Int64, *, rank: int) -> Bool:
    """
    Find days of which fewer than `rank` parts reach the day's own threshold.

    Args:
        extremes: Largest value of each part [quanta], shape (channels, days, parts).
        least: Thresholds [quanta], shape (channels, days).
        rank: How many values clear a day.

    Returns:
        Days that must be looked at value by value, shape (channels, days).
    """
    reached = np.zeros(least.shape, np.uint8)
    for part in range(extremes.shape[2]):  # few; days are the long axis
        reached += extremes[:, :, part] >= least
    return reached < rank


def may_be_static(value: Int64, *, intervals: int, quanta_min: int) -> Bool:
    """
    Find the channels in which a run of equal values is possible.

    Of a run that is long enough, two samples lie in it, and all that is between them.

    Args:
        value: Quanta, shape (channels, slots), contiguous.
        intervals: Length of the run.
        quanta_min: Smaller values do not count.

    Returns:
        Channels in which two samples and all between them are equal, shape (channels,).
    """
    apart, (channels, count) = max(1, intervals // STATIC_SAMPLES), value.shape
    flat, found = value.reshape(-1), np.zeros(channels, np.bool_)
    first = apart * np.flatnonzero(flat[apart::apart] == flat[:-apart:apart])
    first = first[flat[first] >= quanta_min]
    first = first[flat[first + apart // 2] == flat[first]]  # hardly any are left
    first = first[first // count == (first + apart) // count]
    if len(first):
        between = flat[first[:, None] + np.arange(1, apart)]
        found[first[(between == flat[first][:, None]).all(axis=1)] // count] = True
    return found
