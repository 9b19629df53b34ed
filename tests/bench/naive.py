"""
Validation as an analyst would write it: one meter at a time, in pandas.

It makes the same checks as `vee.examination.examine` on forward-only meters and must come to the
same result: gaps, V20, V21, and V45 and V46 for each bracket between two registers.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vee.examination import V20, V21, V45


@dataclass(frozen=True, slots=True)
class Meter:
    """
    One meter's reads.

    Attributes:
        value: Quanta by start of the interval; absent intervals have no row.
        register: Quanta by instant, on boundaries of intervals.
        v_max: Physical maximum of an interval [quanta].
        modulus: The register wraps to 0 here [quanta].
        resolution: Value of the register's last digit [quanta].
    """

    value: "pd.Series[int]"
    register: "pd.Series[int]"
    v_max: int
    modulus: int
    resolution: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with one meter: by interval, and how many brackets have too little usage."""

    missing: "pd.Series[bool]"
    flags: "pd.Series[int]"
    overdrawn_count: int


def validate(meter: Meter, expected: pd.DatetimeIndex) -> Findings:
    """Find gaps, impossible values and brackets whose sum is off."""
    value = meter.value.reindex(expected)
    present = value.notna()
    negative = value < 0
    beyond = value > meter.v_max
    missing = ~present | negative | beyond

    usage = meter.register.diff().mod(meter.modulus)
    slots = np.diff(expected.searchsorted(meter.register.index), prepend=0)
    assert (usage[1:] <= slots[1:] * meter.v_max + meter.resolution).all(), "registers are sound"
    closing = meter.register.index.searchsorted(expected, side="right")
    sums = (
        pd.DataFrame({"value": value.mask(missing, 0), "missing": missing}).groupby(closing).sum()
    )
    usage = usage.set_axis(range(len(usage))).reindex(sums.index)
    residual = usage - sums["value"]
    tolerance = np.maximum(2 * meter.resolution, usage / 1000)
    unequal = (sums["missing"] == 0) & (residual.abs() > tolerance)
    overdrawn = (sums["missing"] > 0) & (residual < -tolerance)

    off = present & unequal.reindex(closing).to_numpy()
    flags = negative * V20 | beyond * V21 | off * V45
    return Findings(missing, flags, int(overdrawn.sum()))
