"""What edits do to values: whole quanta in, whole quanta out, sums exact; vee.md 5.1."""

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.kernels.conserve import apportion, shift


def scaled(value: Int64, total: int, *, signed: bool) -> Int64:
    """
    Scale values so that they sum to a total, losing no quantum (SCALE).

    Values that are all zero share the total evenly. Where values may have a sign, all are raised
    or lowered alike instead: proportions of a sum near zero mean nothing.

    Args:
        value: Quanta, shape (intervals,), at least one.
        total: What they are to sum to; 0 or more where nothing has a sign.
        signed: Whether values may be negative.
    """
    group = np.zeros(len(value), np.int64)
    totals = np.array([total], np.int64)
    if signed:
        return shift(totals, value, group, one=1)
    return apportion(totals, value, group)


def interpolated(left: int, right: int, count: int) -> Int64:
    """
    Draw a straight line between two values, rounded half up (INTERPOLATE).

    Args:
        left: Value of the interval before the first [quanta].
        right: Value of the interval after the last [quanta].
        count: Intervals between them.
    """
    step = np.arange(1, count + 1, dtype=np.int64)
    parts = count + 1
    drawn: Int64 = left + (2 * (right - left) * step + parts) // (2 * parts)
    return drawn


def taken(value: Int64, known: Bool, first: int, count: int) -> Int64 | None:
    """
    Return consecutive values from another place (COPY, SHIFT); None where one is not known.

    Args:
        value: Quanta, shape (slots,).
        known: Where there is a value, shape (slots,).
        first: Slot to start at.
        count: How many.
    """
    if first < 0 or first + count > len(value) or not known[first : first + count].all():
        return None
    return value[first : first + count].copy()
