"""
Which period rules a bill meets before it is frozen, from it and the bills before it (vee.md 3.6).

A rule that compares with what is not there says nothing: a first bill has no past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee import period
from vee.kernels.gaps import Float
from vee.kernels.weather import WeatherLines
from vee.marks import Severity
from vee.period import PeriodFinding, Reference, Weather
from vee.rule_tables import CommodityRules, WeatherRules
from vee.rules import RuleSet

YEAR = timedelta(days=365)
PAST_DAYS = YEAR.days + 60
"""How far back bills are looked at."""
LIKE_DAYS = 28
"""How far back days are looked at that are like one of the bill's."""


@dataclass(frozen=True, slots=True)
class Bill:
    """
    What one channel used in one bill window.

    Attributes:
        start: First day.
        end: Day after the last one.
        days: Between the two registers.
        usage: Quanta.
        estimated_share: Estimated energy over all energy, 0..1.
        valid_days: Whole days' worth of values that are no estimates.
        estimated: One of its registers is an estimate.
        same_register: The register of the bill that is judged, not of a meter before it.
        same_customer: The customer of the bill that is judged.
    """

    start: date
    end: date
    days: int
    usage: int
    estimated_share: float
    valid_days: int
    estimated: bool
    same_register: bool = True
    same_customer: bool = True

    @property
    def reference(self) -> Reference:
        """What a later bill is compared with."""
        return Reference(self.usage, self.days, self.valid_days)


@dataclass(frozen=True, slots=True)
class Days:
    """
    Consecutive local days of one channel, the last one the bill's last.

    Attributes:
        first: Number of the bill's first day among them.
        usage: Quanta, shape (days,).
        valid: Whole and sound days, shape (days,).
        estimated: Days without a single actual value, but with estimates, shape (days,).
        like: Type of each day: weekday, weekend or holiday, shape (days,).
    """

    first: int
    usage: Int64
    valid: Bool
    estimated: Bool
    like: Int64


def judge(
    bill: Bill,
    past: Sequence[Bill],
    days: Days,
    rules: RuleSet,
    commodity: CommodityRules,
    *,
    irregular: bool,
    weather: Weather | None = None,
) -> list[PeriodFinding]:
    """
    Return what a bill breaks: V44, V51, V53, V54 and V55.

    Args:
        bill: Not yet frozen.
        past: Frozen bills of the same service and quantity that end by its start.
        days: Its days and those before.
        rules: In force on its last day.
        commodity: Of these, those of its commodity.
        irregular: The service's usage is no surprise.
        weather: What the bill that it is compared with would be in its weather.
    """
    before = _newest(past)
    known = [each for each in past if each.same_customer]
    found = period.compare(
        bill.usage,
        bill.days,
        year_before=_reference(_year_before(bill, known)),
        before=_reference(_newest(known)),
        rules=commodity,
        period=rules.period,
        irregular=irregular,
        weather=weather,
    )
    if before is not None and before.same_register and before.end == bill.start:
        found += period.registers_apart(
            bill.usage / bill.days, before.usage / before.days, commodity
        )
    found += period.estimated_share(bill.estimated_share, {}, rules.period)
    found += period.prolonged_estimate(
        _longest_run(days.estimated, days.first), _estimated_running(bill, past), rules.period
    )
    return found + period.service_days(bill.days, rules.period)


def compared_with(bill: Bill, past: Sequence[Bill], rules: RuleSet) -> Bill | None:
    """Return the bill that V51 compares with."""
    known = [each for each in past if each.same_customer]
    year_before, before = _year_before(bill, known), _newest(known)
    references = (_reference(year_before), _reference(before))
    chosen = period.reference_of(*references, rules.period)
    return year_before if chosen is references[0] else before


def in_weather(
    usage: Float, valid: Bool, reference_f: Float, bill_f: Float, rules: WeatherRules
) -> Weather | None:
    """
    Return what a reference would have used in a bill's weather; None where nobody can tell.

    Args:
        usage: Of the reference's days [quanta], shape (days,).
        valid: Which of them are whole and sound, shape (days,).
        reference_f: How warm they were [degrees F], NaN where unknown, shape (days,).
        bill_f: How warm the bill's days were, likewise.
        rules: How much must be known.
    """
    bill_degrees = rules.degrees(bill_f)
    known = bill_degrees.take(bill_degrees.known)
    line = WeatherLines.through(
        usage[None, :], valid[None, :], rules.degrees(reference_f), cools=np.zeros(1, np.bool_)
    )
    solid = line.usable(days_min=rules.days_min, explained_min=rules.explained_min)
    if len(known.heating) < rules.days_min or not solid[0]:
        return None
    return Weather(float(line.expected(known).mean()), rules)


def surprising_days(days: Days, commodity: CommodityRules, *, irregular: bool) -> int:
    """Count the bill's days that are far from the median of their like (V50)."""
    if irregular:
        return 0
    beyond = period.days_beyond(days.usage.astype(np.float64), days.valid, days.like, commodity)
    return int(np.count_nonzero(beyond[days.first :]))


def keeps_from_billing(finding: PeriodFinding) -> bool:
    """Return whether a person must accept a finding before the bill is frozen."""
    return finding.severity in {Severity.HOLD, Severity.FAIL}


def _newest(past: Sequence[Bill]) -> Bill | None:
    return max(past, key=lambda each: (each.end, each.days), default=None)


def _year_before(bill: Bill, past: Sequence[Bill]) -> Bill | None:
    """Return the bill that covers most of the same days a year ago, and at least half of them."""

    def shared(each: Bill) -> int:
        start, end = bill.start - YEAR, bill.end - YEAR
        return (min(end, each.end) - max(start, each.start)).days

    best = max(past, key=shared, default=None)
    return best if best is not None and 2 * shared(best) >= bill.days else None


def _reference(bill: Bill | None) -> Reference | None:
    return None if bill is None else bill.reference


def _estimated_running(bill: Bill, past: Sequence[Bill]) -> int:
    """Return how many bills in a row are estimated, this one included; 0 where it is not."""
    by_end = {each.end: each for each in past}
    count, each = 0, bill
    while each.estimated:
        count += 1
        before = by_end.get(each.start)
        if before is None:
            break
        each = before
    return count


def _longest_run(estimated: Bool, first: int) -> int:
    """Return the most consecutive estimated days that reach into the bill's days."""
    longest = running = 0
    for day, is_estimated in enumerate(estimated.tolist()):
        running = running + 1 if is_estimated else 0
        if day >= first:
            longest = max(longest, running)
    return longest
