"""
Screening: what a channel-day's extremes already say, in one pass that stays in the cache.

Most channel-days can break no rule. What is looked at here is cheap and errs on one side only:
a channel or day that is not listed is sound, one that is listed is examined value by value.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from vee.block import SlotTable

Quanta = npt.NDArray[np.integer]
"""Whole numbers of any size."""

TILE_CELLS = 98_304
"""Values at a time: 768 KiB; larger tiles leave the caches, smaller ones cost calls."""

STATIC_SAMPLES = 2
"""A run that is long enough holds so many samples."""


def tiles(channels: int, slots: int, of: Int64) -> Iterator[tuple[slice, slice]]:
    """
    Cut the channels of a block into parts that fit the cache.

    Args:
        channels: How many there are.
        slots: Of each.
        of: Channels of its register reads, rising.

    Yields:
        Consecutive channels, and their reads.
    """
    first = [*range(0, channels, max(1, TILE_CELLS // max(slots, 1))), channels]
    bounds = zip(first, np.searchsorted(of, first).tolist(), strict=True)
    for (start, earliest), (stop, latest) in pairwise(bounds):
        yield slice(start, stop), slice(earliest, latest)


def day_edges(slots: SlotTable, channels: int) -> Int64:
    """
    Return where each day of each channel begins in the flattened grid, and where the last one ends.

    A grid of fewer channels has the first ones of them.
    """
    rows = np.arange(0, channels * len(slots), len(slots))[:, None]
    return np.append(rows + slots.first[:-1], channels * len(slots))


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
        days = day_edges(slots, len(value))[:-1]
        largest(np.ascontiguousarray(value), days, extremes)
    return extremes


def largest(value: Int64, first: Int64, extremes: Int64) -> None:
    """
    Find the largest value from each position to the next, negative ones taken for very large.

    One pass tells both what exceeds a limit and what is below zero.

    Args:
        value: Quanta, contiguous.
        first: Positions in the flattened values, rising, shape (stretches,).
        extremes: Filled in: largest value as an unsigned number [quanta], as many, contiguous.
    """
    unsigned = extremes.reshape(-1).view(np.uint64)
    np.maximum.reduceat(value.reshape(-1).view(np.uint64), first, out=unsigned)


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


def reach(
    value: Int64, least: Int64, slots: SlotTable, reached: Bool, *, narrow: np.dtype[Any]
) -> None:
    """
    Find the values that reach their day's threshold.

    Args:
        value: Quanta, shape (channels, slots), contiguous.
        least: Thresholds [quanta], shape (channels, days).
        slots: Columns of the values.
        reached: Filled in, shape (channels, slots), contiguous.
        narrow: Type that values and thresholds are compared in, as the machine compares four times
            as many of a quarter of the size. Of days with one that does not fit nothing is said.
    """
    few, least, length = value.astype(narrow), least.astype(narrow), np.diff(slots.first)
    if (length == length[0]).all():  # days are rows
        rows = (-1, int(length[0]))
        np.greater_equal(few.reshape(rows), least.reshape(-1, 1), out=reached.reshape(rows))
    else:
        np.greater_equal(few, np.repeat(least, length, axis=1), out=reached)


def samples_apart(intervals: int) -> int:
    """Return how many slots lie from a sample to the next one, so that a run holds enough."""
    return max(1, intervals // STATIC_SAMPLES)


def may_be_static(value: Int64, samples: Quanta, *, intervals: int, quanta_min: int) -> Bool:
    """
    Find the channels in which a run of equal values is possible.

    Of a run that is long enough, two samples lie in it, and all that is between them.

    Args:
        value: Quanta, shape (channels, slots), contiguous.
        samples: Every `samples_apart`-th value of each channel, of a type that holds what counts,
            shape (channels, samples).
        intervals: Length of the run.
        quanta_min: Smaller values do not count.

    Returns:
        Channels in which two samples and all between them are equal, shape (channels,).
    """
    apart, (channels, count) = samples_apart(intervals), value.shape
    flat, found = value.reshape(-1), np.zeros(channels, np.bool_)
    pairs = np.flatnonzero(samples[:, 1:] == samples[:, :-1])
    channel, sample = np.divmod(pairs, max(1, samples.shape[1] - 1))
    first = channel * count + sample * apart
    first = first[flat[first] >= quanta_min]
    first = first[flat[first + apart // 2] == flat[first]]  # hardly any are left
    if len(first):
        between = flat[first[:, None] + np.arange(1, apart + 1)]
        found[first[(between == flat[first][:, None]).all(axis=1)] // count] = True
    return found
