"""Validation of days and runs: spikes, repeated values, days without usage, usage that is off."""

import numpy as np

from mdms.domain.readings import Bool, Int64

RANK = 3
"""A spike is measured against the third highest interval of its day (Oracle MDM, California)."""


def spike_threshold(day_max: Int64, *, excess_per_cent: int) -> Int64:
    """
    Return the least value that makes a day's highest one no spike, if three values reach it.

    (P1 - P3) / P3 > e is P3 < P1 / (1 + e); in whole quanta, no rounding.

    Args:
        day_max: Highest value of each day [quanta].
        excess_per_cent: e.
    """
    return -(-day_max * 100 // (100 + excess_per_cent))


def third_highest(value: Int64) -> Int64:
    """
    Return the third highest value of each row; 0 where there are fewer.

    Args:
        value: Quanta, 0 where absent, shape (rows, slots).
    """
    if value.shape[1] < RANK:
        return np.zeros(len(value), np.int64)
    third: Int64 = np.partition(value, -RANK, axis=1)[:, -RANK]
    return third


def spikes(value: Int64, third: Int64, *, excess_per_cent: int) -> Bool:
    """
    Find the values that stand out from the third highest of their day (V23, V24).

    Args:
        value: Quanta, shape (rows, slots).
        third: Third highest of each row [quanta], shape (rows,).
        excess_per_cent: How far they may stand out.

    Source:
        California DASMMD, 180 %: P1 = 8.4 with P3 = 3.0 is 180.0 % and passes.
    """
    return value * 100 > third[:, None] * (100 + excess_per_cent)


def runs(value: Int64, usable: Bool, *, intervals: int, quanta_min: int) -> Bool:
    """
    Find values that repeat themselves too often in a row (V26).

    Args:
        value: Quanta, shape (channels, slots).
        usable: Values that count; others end a run, shape (channels, slots).
        intervals: Length of a run that is too long.
        quanta_min: Smaller values end a run.

    Returns:
        All values of such runs, shape (channels, slots).
    """
    counts = usable & (value >= quanta_min)
    again = np.zeros(value.shape, np.bool_)
    again[:, 1:] = counts[:, 1:] & counts[:, :-1] & (value[:, 1:] == value[:, :-1])
    number = np.arange(value.shape[1])
    first = np.maximum.accumulate(np.where(again, 0, number), axis=1)
    ends = np.ones(value.shape, np.bool_)
    ends[:, :-1] = ~again[:, 1:]
    last = np.minimum.accumulate(np.where(ends, number, value.shape[1])[:, ::-1], axis=1)[:, ::-1]
    return counts & (last - first + 1 >= intervals)


def steps(value: Int64, usable: Bool, *, rise_per_cent_max: int) -> Bool:
    """
    Find values that rise or fall too far from the one before (V28).

    Args:
        value: Quanta, shape (channels, slots).
        usable: Values that count, shape (channels, slots).
        rise_per_cent_max: Of the value before.
    """
    found = np.zeros(value.shape, np.bool_)
    before, after = value[:, :-1], value[:, 1:]
    both = usable[:, 1:] & usable[:, :-1] & (before > 0)
    found[:, 1:] = both & (np.abs(after - before) * 100 > before * rise_per_cent_max)
    return found


def zero_runs(zero: Bool, before: Int64, anew: Bool) -> Int64:
    """
    Return how many days in a row, up to and with each day, had no usage.

    Args:
        zero: Whole days without usage, shape (channels, days).
        before: Days without usage that run up to the first of them, shape (channels,).
        anew: Days on which a run begins anew, shape (channels, days).
    """
    length = np.zeros(zero.shape, np.int64)
    running = before
    for day in range(zero.shape[1]):  # days are few; channels are the long axis
        running = np.where(zero[:, day], np.where(anew[:, day], 0, running) + 1, 0)
        length[:, day] = running
    return length


def voltage_beyond(value: Int64, usable: Bool, *, low: int, high: int) -> Bool:
    """
    Find voltages outside a range of ANSI C84.1 (V35).

    Args:
        value: 0.1 V, shape (channels, slots).
        usable: Values that count, shape (channels, slots).
        low: Least that is inside [0.1 V].
        high: Most that is inside [0.1 V].
    """
    outside: Bool = usable & ((value < low) | (value > high))
    return outside
