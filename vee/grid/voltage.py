"""Voltage on a base of 120 V: shares beyond the ranges of ANSI C84.1, violations; vee.md 9.3."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from vee.grid.rules import VoltageDayRules
from vee.kernels.validate_days import voltage_beyond
from vee.rule_tables import VoltageRules

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VoltageBands:
    """
    How voltage did, one row a meter or transformer.

    Attributes:
        intervals: Heard, shape (rows,).
        share_a: Of them beyond range A, 0 where nothing was heard, shape (rows,).
        share_b: Beyond range B, shape (rows,).
        violations: Days that were violations, shape (rows, days).
    """

    intervals: Int64
    share_a: Floats
    share_b: Floats
    violations: Bool


def bands(
    value: npt.NDArray[Any],
    valid: Bool,
    day_first: Int64,
    limits: VoltageRules,
    rules: VoltageDayRules,
) -> VoltageBands:
    """
    Return how voltage did.

    Args:
        value: 0.1 V, shape (rows, slots).
        valid: What counts, shape (rows, slots).
        day_first: First slot of each day, shape (days,).
        limits: Ranges A and B.
        rules: What makes a day a violation.
    """
    beyond_a = voltage_beyond(value, valid, low=limits.a_low, high=limits.a_high)
    beyond_b = voltage_beyond(value, valid, low=limits.b_low, high=limits.b_high)
    heard = np.add.reduceat(valid, day_first, axis=1, dtype=np.int64)
    outside = np.add.reduceat(beyond_a, day_first, axis=1, dtype=np.int64)
    often = (outside > 0) & (outside >= rules.share_a_min * heard)
    in_a_row = beyond_b.copy()
    for step in range(1, rules.run_b_min):  # a few shifts; the run is named by its last slot
        in_a_row[:, step:] &= beyond_b[:, :-step]
        in_a_row[:, :step] = False
    intervals = heard.sum(axis=1)
    counted = np.maximum(intervals, 1)
    return VoltageBands(
        intervals=intervals,
        share_a=beyond_a.sum(axis=1) / counted,
        share_b=beyond_b.sum(axis=1) / counted,
        violations=often | np.logical_or.reduceat(in_a_row, day_first, axis=1),
    )


def transformer_voltage(
    value: npt.NDArray[Any], valid: Bool, transformer: Int64
) -> tuple[Floats, Bool]:
    """
    Return the median voltage of each transformer's meters, and where there is one.

    Args:
        value: 0.1 V, shape (meters, slots).
        valid: What counts, shape (meters, slots).
        transformer: Row of each meter's transformer, sorted, every row from 0 on, shape (meters,).
    """
    first = np.flatnonzero(np.diff(transformer, prepend=-1))
    members = np.diff(first, append=len(transformer))
    place = np.arange(len(transformer)) - np.repeat(first, members)
    shape = len(first), int(members.max(initial=1)), value.shape[1]
    grid = np.full(shape, np.inf)
    grid[transformer, place] = np.where(valid, value, np.inf)
    grid.sort(axis=1)
    count = np.isfinite(grid).sum(axis=1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2], axis=1)
    middle = np.minimum(middle, shape[1] - 1)
    known = count > 0
    both = np.take_along_axis(grid, middle, axis=1)
    return np.where(known, np.where(known[:, None], both, 0.0).mean(axis=1), 0.0), known
