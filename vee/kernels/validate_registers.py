"""Validation of registers: digits, sums, and what demand and time-of-use registers say."""

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Limits, Registers

_ANY = 1 << 62
"""More than any register shows."""


def impossible_digits(registers: Registers, limits: Limits) -> Bool:
    """
    Find readings that the register has no digits for (V42).

    Returns:
        Readings that fail, shape (reads,).
    """
    shown = registers.value.view(np.uint64)  # below zero is far above any modulus
    if shown.max(initial=0) < limits.modulus.min(initial=_ANY):
        return np.zeros(len(registers), np.bool_)
    modulus = limits.modulus[registers.channel]
    failed: Bool = (registers.value < 0) | (registers.value >= modulus)
    return failed


def tolerance_milli(usage: Int64, step: Int64, *, resolutions: int, usage_per_mille: int) -> Int64:
    """
    Return how far intervals and register may differ, in thousandths of a quantum.

    Two truncated reads differ from the truth by less than one step; the second leaves room for
    latency. Reads that are not aligned are no bookends, so nothing is allowed for them.

    Args:
        usage: What the register says of each bracket [quanta], shape (brackets,).
        step: Resolution times multiplier of its register [quanta], shape (brackets,).
        resolutions: Steps to allow.
        usage_per_mille: Share of the usage to allow, if that is more.

    Source:
        V45: max(2 x R x M, 0.1 % x usage).
    """
    return np.maximum(1000 * resolutions * step, usage_per_mille * usage)


def demand_differs(
    demand: Int64, step: Int64, largest: Int64, *, interval_s: int, per_cent_max: float
) -> Bool:
    """
    Find demand registers that the intervals do not explain (V36).

    Args:
        demand: Maximum demand as registered [W], shape (services,).
        step: Resolution of that register [W], shape (services,).
        largest: Largest interval since it was reset [Wh], shape (services,).
        interval_s: Length of an interval.
        per_cent_max: How far they may differ, or one step if that is more.
    """
    shown = largest * 3600 // interval_s
    differs: Bool = np.abs(demand - shown) > np.maximum(step, demand * (per_cent_max / 100))
    return differs


def buckets_differ(buckets: Int64, total: Int64, tolerance: Int64) -> Bool:
    """
    Find time-of-use registers whose sum is not that of the total register (V37).

    Args:
        buckets: Usage by time-of-use register [quanta], shape (services, buckets).
        total: Usage by the total register [quanta], shape (services,).
        tolerance: As from tolerance_milli(), shape (services,).
    """
    differ: Bool = 1000 * np.abs(buckets.sum(axis=1) - total) > tolerance
    return differ
