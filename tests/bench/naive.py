"""
Validation as an analyst would write it: one meter at a time, in pandas.

It makes the checks of `vee.examination.examine` that concern a forward-only meter by itself, and
must come to the same result: gaps, V20 to V26, V45 and V46. Tests hold the two together.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from mdms.domain.readings import Int64, rule_bit
from vee.block import Block
from vee.rules import RuleSet

RANK = 3


@dataclass(frozen=True, slots=True)
class Meter:
    """
    One electric meter's reads.

    Attributes:
        value: Quanta by start of the interval, in local time; absent intervals have no row.
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
    """What is wrong with one meter: by interval, by day, and brackets with too little usage."""

    missing: "pd.Series[bool]"
    flags: "pd.Series[int]"
    day_flags: "pd.Series[int]"
    overdrawn_count: int


def local(start_s: Int64, zone: ZoneInfo) -> pd.DatetimeIndex:
    """Return instants as local time."""
    return pd.DatetimeIndex(pd.to_datetime(start_s, unit="s", utc=True)).tz_convert(zone)


def meter(block: Block, row: int, zone: ZoneInfo) -> Meter:
    """Return a row of a block as an analyst would have it."""
    present, slots = block.present[row], block.slots
    registers = block.registers.take(block.registers.channel == row)
    at_s = slots.start_s[0] + slots.interval_s * registers.boundary
    return Meter(
        value=pd.Series(block.value[row][present], local(slots.start_s[present], zone)),
        register=pd.Series(registers.value, local(at_s, zone)),
        v_max=int(block.limits.v_max[row]),
        modulus=int(block.limits.modulus[row]),
        resolution=int(block.limits.resolution[row]),
    )


def validate(meter: Meter, expected: pd.DatetimeIndex, rules: RuleSet) -> Findings:
    """Find what a meter's values, days and registers have wrong."""
    value = meter.value.astype("float64").reindex(expected)
    present = value.notna()
    negative = value < 0
    beyond = value > meter.v_max
    missing = ~present | negative | beyond
    usable = value.mask(missing)
    off, overdrawn_count = _sums(meter, usable, missing, expected)
    off &= present
    flags = negative * rule_bit(20) | beyond * rule_bit(21) | off * rule_bit(45)

    day = pd.Series(expected.strftime("%Y-%m-%d"), expected)
    sound = ~(missing | off).groupby(day).any()
    surprises = _surprises(usable, day, sound, rules)
    peak = usable.groupby(day).max()
    idle = _runs(sound & (peak == 0)) >= rules.electric.zero_days
    static = _static(usable, rules).groupby(day).any()
    day_flags = idle * rule_bit(25) | static * rule_bit(26)
    return Findings(missing, flags | surprises, day_flags, overdrawn_count)


def _sums(
    meter: Meter, usable: "pd.Series[float]", missing: "pd.Series[bool]", expected: pd.DatetimeIndex
) -> tuple["pd.Series[bool]", int]:
    """Return the intervals of brackets whose sum is off (V45), and how many are overdrawn (V46)."""
    usage = meter.register.diff().mod(meter.modulus)
    slots = np.diff(expected.searchsorted(meter.register.index), prepend=0)
    assert (usage[1:] <= slots[1:] * meter.v_max + meter.resolution).all(), "registers are sound"
    closing = meter.register.index.searchsorted(expected, side="right")
    sums = pd.DataFrame({"value": usable.fillna(0), "missing": missing}).groupby(closing).sum()
    usage = usage.set_axis(range(len(usage))).reindex(sums.index)
    residual = usage - sums["value"]
    milli = 1000 * residual
    tolerance = np.maximum(2000 * meter.resolution, usage)
    stuck = (usage == 0) & (milli < -tolerance)
    unequal = (sums["missing"] == 0) & (milli.abs() > tolerance) & ~stuck
    overdrawn = (sums["missing"] > 0) & (milli < -tolerance) & ~stuck
    return pd.Series(unequal.reindex(closing, fill_value=False).to_numpy(), expected), int(
        overdrawn.sum()
    )


def _surprises(
    usable: "pd.Series[float]", day: "pd.Series[str]", sound: "pd.Series[bool]", rules: RuleSet
) -> "pd.Series[int]":
    """Return V22 to V24: values beyond the days before, beyond their own day, beyond both."""
    by_day = usable.groupby(day)
    peak = by_day.max().fillna(0)
    third = by_day.apply(lambda values: values.nlargest(RANK).iloc[-1:].sum())
    third[by_day.count() < RANK] = 0
    floor = rules.spike.floor_w * (usable.index[1] - usable.index[0]).total_seconds() / 3600
    before = _peaks_before(peak, sound, rules)
    per_cent = 100 * usable
    stands_out = per_cent > day.map(third) * (100 + rules.spike.excess_per_cent)
    v22 = per_cent > day.map(before) * rules.history.max_per_cent
    v23 = stands_out & (day.map(third) >= floor)
    flags = v22 * rule_bit(22) + v23 * rule_bit(23) + (stands_out & v22) * rule_bit(24)
    whole: pd.Series[int] = flags.astype("int64")
    return whole


def _peaks_before(
    peak: "pd.Series[float]", sound: "pd.Series[bool]", rules: RuleSet
) -> "pd.Series[float]":
    """Return the largest value of the valid days before each day; NaN where too few are."""
    limits, highest, count = [], 0.0, 0
    for day in peak.index:
        known = count >= rules.history.valid_days_min and highest > 0
        limits.append(highest if known else np.nan)
        beyond = peak[day] * 100 > highest * rules.history.max_per_cent
        if sound[day] and not (count >= rules.history.valid_days_min and beyond):
            highest, count = max(highest, peak[day]), count + 1
    return pd.Series(limits, peak.index)


def _static(usable: "pd.Series[float]", rules: RuleSet) -> "pd.Series[bool]":
    """Return the values of runs that repeat themselves too often (V26)."""
    counts = usable >= rules.static.quanta_min
    run = (usable.ne(usable.shift()) | ~counts).cumsum()
    return counts & (run.groupby(run).transform("size") >= rules.static.intervals)


def _runs(flag: "pd.Series[bool]") -> "pd.Series[int]":
    """Return how many days in a row, up to and with each, a flag holds."""
    return flag.astype("int64").groupby((~flag).cumsum()).cumsum()
