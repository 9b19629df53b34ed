"""Validation: masks of the values that cannot be, and of the sums that do not fit."""

import numpy as np

from mdms.domain.readings import Bool, Int64


def negative(value: Int64, present: Bool, reversible: Bool) -> Bool:
    """
    Find values below zero on meters that cannot run backwards (V20).

    Args:
        value: Quanta, shape (channels, slots).
        present: Where there is a value, shape (channels, slots).
        reversible: Meters that may run backwards, shape (channels,).

    Returns:
        Values that fail, shape (channels, slots).
    """
    failed: Bool = present & (value < 0) & ~reversible[:, None]
    return failed


def beyond_maximum(value: Int64, present: Bool, v_max: Int64, two_way: Bool) -> Bool:
    """
    Find values that the service cannot carry (V21).

    Args:
        value: Quanta, shape (channels, slots).
        present: Where there is a value, shape (channels, slots).
        v_max: Physical maximum of an interval [quanta], shape (channels,).
        two_way: Meters for which it holds below zero too, shape (channels,).

    Returns:
        Values that fail, shape (channels, slots).
    """
    limit = v_max[:, None]
    failed: Bool = present & ((value > limit) | (two_way[:, None] & (value < -limit)))
    return failed


def reverse_flow(
    value: Int64,
    reversible: Bool,
    day_first: Int64,
    *,
    quanta_max: int,
    day_per_cent_max: float,
) -> tuple[Bool, Bool]:
    """
    Find backward flow through meters that may run backwards (V20, water).

    One quantum is noise. More is worth a warning; a day with much of it is held.

    Args:
        value: Quanta, 0 where absent, shape (channels, slots).
        reversible: Meters that may run backwards, shape (channels,).
        day_first: First slot of each day and the number of slots, shape (days + 1,).
        quanta_max: Backward flow of a day beyond this is held [quanta],
        day_per_cent_max: if it is also beyond this share of the day's forward flow [%].

    Returns:
        Values with a warning and days that are held, shapes (channels, slots), (channels, days).
    """
    backward = (value < -1) & reversible[:, None]
    days = day_first[:-1]
    lost = -np.add.reduceat(np.where(backward, value, 0), days, axis=1)
    used = np.add.reduceat(np.maximum(value, 0), days, axis=1)
    return backward, lost > np.maximum(quanta_max, used * (day_per_cent_max / 100))
