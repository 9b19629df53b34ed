"""Reliability indices of IEEE 1366, from the meters' own clocks; vee.md 9.2."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Int64
from vee.grid.rules import OutageRules


@dataclass(frozen=True, slots=True)
class Reliability:
    """
    How often and how long customers were without power.

    Attributes:
        customers: Served.
        sustained: Interruptions of customers longer than momentary.
        momentary: The others.
        saidi_min: Minutes of sustained interruption a customer.
        saifi: Sustained interruptions a customer.
        caidi_min: Minutes of a sustained interruption; None without one.
        maifi: Momentary interruptions a customer.
    """

    customers: int
    sustained: int
    momentary: int
    saidi_min: float
    saifi: float
    caidi_min: float | None
    maifi: float


def reliability(length_s: Int64, customers: int, rules: OutageRules) -> Reliability:
    """
    Return the indices.

    Args:
        length_s: How long each interruption of one customer was, shape (interruptions,).
        customers: How many are served, at least one.
        rules: What is momentary.
    """
    assert customers > 0, "indices are a share of customers"
    sustained = length_s[length_s > rules.momentary_s]
    minutes = float(np.sum(sustained)) / 60
    count = len(sustained)
    momentary = len(length_s) - count
    return Reliability(
        customers=customers,
        sustained=count,
        momentary=momentary,
        saidi_min=minutes / customers,
        saifi=count / customers,
        caidi_min=minutes / count if count else None,
        maifi=momentary / customers,
    )
