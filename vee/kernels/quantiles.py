"""
Quantiles: what several reference windows say of each cell, cut at one common level.

The absolute error of a group whose total is known is least where every cell stands at the same
quantile of what it may be, and the totals agree.
"""

import numpy as np

from mdms.domain.readings import Int64
from vee.kernels.gaps import Float

LEVELS = (np.arange(24) + 0.5) / 24
"""Quantiles that are looked up; between two of them a straight line is drawn."""

_VALUES_MAX = 1 << 19
"""Values that are sorted at a time: 4 MB."""


def at_levels(value: Float, weight: Float, levels: Float = LEVELS) -> Float:
    """
    Return weighted quantiles of each cell.

    Args:
        value: Quanta, shape (cells, references).
        weight: 0 or more, same shape; at least one of each cell is above 0.
        levels: Rising, between 0 and 1.

    Returns:
        Quanta at these levels, rising, shape (cells, levels).
    """
    rows = max(1, _VALUES_MAX // max(1, value.shape[1]))
    parts = [
        _at_levels(value[start : start + rows], weight[start : start + rows], levels)
        for start in range(0, len(value), rows)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(levels)))


def _at_levels(value: Float, weight: Float, levels: Float) -> Float:
    order = np.argsort(np.where(weight > 0, value, np.inf), axis=1, kind="stable")
    value, weight = np.take_along_axis(value, order, 1), np.take_along_axis(weight, order, 1)
    above = np.cumsum(weight, axis=1)
    middle = (above - weight / 2) / above[:, -1:]
    middle = np.where(weight > 0, middle, np.inf)
    last = np.count_nonzero(weight, axis=1)[:, None] - 1
    reached = _below(middle, levels)
    low, high = np.clip(reached - 1, 0, last), np.minimum(reached, last)
    begin, end = (np.take_along_axis(middle, each, 1) for each in (low, high))
    rise = end - begin
    share = np.clip((levels - begin) / np.where(rise > 0, rise, 1), 0, 1)
    lower, upper = (np.take_along_axis(value, each, 1) for each in (low, high))
    found: Float = lower + (upper - lower) * share
    return found


def _below(grid: Float, levels: Float) -> Int64:
    """Return how many values of each row lie below each level, shape (rows, levels)."""
    rows, count = len(grid), len(levels) + 1
    passed = np.searchsorted(levels, grid.reshape(-1), side="right")  # levels not above a value
    passed += np.repeat(np.arange(rows) * count, grid.shape[1])
    counts = np.bincount(passed, minlength=rows * count).reshape(rows, count)
    return np.cumsum(counts, axis=1)[:, :-1]


def meet(total: Float, quantile: Float, first: Int64) -> Float:
    """
    Cut the cells of each group at the common level at which they sum to its total.

    Args:
        total: What each group should sum to, shape (groups,).
        quantile: Rising quantiles of each cell, shape (cells, levels).
        first: First cell of each group, rising, shape (groups,).

    Returns:
        Quanta, shape (cells,); they sum to the total unless it lies beyond all levels.
    """
    sums = np.add.reduceat(quantile, first, axis=0)
    group = np.arange(len(first))
    reached = np.count_nonzero(sums < total[:, None], axis=1)
    low = np.maximum(reached - 1, 0)
    high = np.minimum(reached, len(LEVELS) - 1)
    rise = sums[group, high] - sums[group, low]
    share = np.clip((total - sums[group, low]) / np.where(rise > 0, rise, 1), 0, 1)
    count = np.diff(first, append=len(quantile))
    low, high, share = (np.repeat(each, count) for each in (low, high, share))
    cell = np.arange(len(quantile))
    level: Float = quantile[cell, low] * (1 - share) + quantile[cell, high] * share
    return level
