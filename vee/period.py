"""
What is checked before a bill window is frozen: V44 and V50 to V58 (vee.md 3.5 and 3.6).

Whole windows of one service, in plain numbers: these rules see a few facts a month, not a stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.kernels.gaps import Float
from vee.marks import Severity
from vee.rule_tables import CommodityRules, PeriodRules, WeatherRules

MONTH_DAYS = 30
"""The floor of V51 is what may differ in so many days."""
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class PeriodFinding:
    """One rule that a window broke, with its figures in a sentence."""

    rule: int
    severity: Severity
    detail: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A period that another one is compared with."""

    usage: float
    """Quanta."""
    days: int
    valid_days: int

    @property
    def daily(self) -> float:
        """Average daily usage (ADU)."""
        return self.usage / self.days


@dataclass(frozen=True, slots=True)
class Weather:
    """What a reference would have used in other days' weather."""

    daily: float
    """Quanta a day."""
    rules: WeatherRules


def days_beyond(usage: Float, valid: Bool, like: Int64, rules: CommodityRules) -> Bool:
    """
    Find days far from the median of their like in the 28 days before (V50); shown, never held.

    Args:
        usage: By day [quanta], shape (days,).
        valid: Whole days, shape (days,).
        like: Type of each day (weekday, weekend or holiday), shape (days,).
        rules: Of the commodity.
    """
    beyond = np.zeros(len(usage), np.bool_)
    for day in np.flatnonzero(valid).tolist():
        past = slice(max(0, day - 28), day)
        same = usage[past][valid[past] & (like[past] == like[day])]
        median = float(np.median(same)) if len(same) else 0.0
        if median > 0:
            ratio = usage[day] / median
            beyond[day] = not rules.day_ratio_min <= ratio <= rules.day_ratio_max
    return beyond


def compare(
    usage: float,
    days: int,
    *,
    year_before: Reference | None,
    before: Reference | None,
    rules: CommodityRules,
    period: PeriodRules,
    irregular: bool = False,
    weather: Weather | None = None,
) -> list[PeriodFinding]:
    """
    Compare average daily usage with a year ago, else with the previous period (V51).

    Where it is known what that period would have used in this one's weather, this counts.

    Args:
        usage: Of the window [quanta].
        days: Of the window.
        year_before: The same period a year ago, if it is known.
        before: The previous period, if it is known.
        rules: Of the commodity.
        period: Of all windows.
        irregular: The service's usage is no surprise.
        weather: What the reference says of these days' weather, where that is known.
    """
    reference = reference_of(year_before, before, period)
    if irregular or reference is None or reference.daily <= 0:
        return []
    like, low, high = "", rules.bill_ratio_min, rules.bill_ratio_max
    expected = reference.daily
    if weather is not None and weather.daily > 0:
        like, expected = " in such weather", weather.daily
        low, high = weather.rules.bill_weather_ratio_min, weather.rules.bill_weather_ratio_max
    ratio = usage / days / expected
    off = abs(usage - expected * days)
    floor = rules.bill_floor_quanta * days / MONTH_DAYS
    if low <= ratio <= high or off <= floor:
        return []
    detail = f"{ratio:.2f} times the daily usage of the reference{like}, {off:.0f} quanta apart"
    return [PeriodFinding(51, Severity.HOLD, detail)]


def reference_of(
    year_before: Reference | None, before: Reference | None, period: PeriodRules
) -> Reference | None:
    """Return what a period is compared with: a year ago if enough of it is valid (V51)."""
    solid = year_before is not None and year_before.valid_days >= period.reference_days_min
    return year_before if solid else before


def registers_apart(now: float, before: float, rules: CommodityRules) -> list[PeriodFinding]:
    """Compare the daily usage of two consecutive stretches of a register (V44)."""
    if now <= 0 or before <= 0:
        return []
    ratio = now / before
    if rules.bill_ratio_min <= ratio <= rules.bill_ratio_max:
        return []
    detail = f"the register moves {ratio:.2f} times as fast as before"
    return [PeriodFinding(44, Severity.WARN, detail)]


def load_factor(
    usage_wh: float, demand_w: float, days: float, rules: PeriodRules
) -> list[PeriodFinding]:
    """Compare energy with demand (V52)."""
    if demand_w <= 0:
        return []
    factor = usage_wh / (demand_w * days * DAY_HOURS)
    if rules.load_factor_min <= factor <= rules.load_factor_max:
        return []
    return [PeriodFinding(52, Severity.HOLD, f"a load factor of {factor:.3f}")]


def estimated_share(
    share: float, bucket_shares: Mapping[str, float], rules: PeriodRules
) -> list[PeriodFinding]:
    """Judge how much of a window's energy is estimated, whole and by time of use (V53)."""
    if share > rules.estimated_share_hold:
        return [PeriodFinding(53, Severity.HOLD, f"{share:.1%} of the energy is estimated")]
    if share > rules.estimated_share_max:
        return [PeriodFinding(53, Severity.WARN, f"{share:.1%} of the energy is estimated")]
    return [
        PeriodFinding(53, Severity.WARN, f"{each:.1%} of the energy of {bucket} is estimated")
        for bucket, each in bucket_shares.items()
        if each > rules.estimated_bucket_share_max
    ]


def prolonged_estimate(
    days_running: int, bills_running: int, rules: PeriodRules
) -> list[PeriodFinding]:
    """Judge how long there was no actual read (V54); this window's bill counts."""
    if days_running > rules.estimated_days_max:
        return [PeriodFinding(54, Severity.HOLD, f"estimated for {days_running} days running")]
    if bills_running > rules.estimated_bills_max:
        return [PeriodFinding(54, Severity.HOLD, f"{bills_running} estimated bills running")]
    return []


def service_days(days: int, rules: PeriodRules) -> list[PeriodFinding]:
    """Judge the length of a window (V55): outside, the bill is prorated."""
    if rules.service_days_min <= days <= rules.service_days_max:
        return []
    return [PeriodFinding(55, Severity.WARN, f"{days} service days")]


def buckets_add_up(buckets: Sequence[int], total: int) -> list[PeriodFinding]:
    """Compare time-of-use units with the total, after rounding (V57)."""
    if sum(buckets) == total:
        return []
    return [PeriodFinding(57, Severity.FAIL, f"buckets sum to {sum(buckets)}, not {total}")]


def gas_factors(
    pressure: float | None, therm: float | None, rules: PeriodRules
) -> list[PeriodFinding]:
    """Judge the factors that turn gas into therms (V58)."""
    if pressure is None or therm is None:
        return [PeriodFinding(58, Severity.FAIL, "no pressure or therm factor")]
    factor = pressure * therm
    if rules.gas_factor_min <= factor <= rules.gas_factor_max:
        return []
    return [PeriodFinding(58, Severity.FAIL, f"a factor of {factor:.3f}")]
