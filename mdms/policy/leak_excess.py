"""
How much water of a bill was above normal: vee.md 7.10.

Normal is the average of the same period in up to three prior years, day for day. Exact fractions
within; rounding is for whoever pays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

PRIOR_YEARS: Final = (1, 2, 3)
_YEAR_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class WaterPeriod:
    """
    A billed period [start_on, end_on) of water.

    Attributes:
        used_ccf: What was billed.
        irregular: Estimated, or credited before: counted in an average, and said so.
    """

    start_on: date
    end_on: date
    used_ccf: Decimal
    irregular: bool = False

    @property
    def days(self) -> int:
        """How many civil days were billed."""
        return (self.end_on - self.start_on).days


@dataclass(frozen=True, slots=True)
class Excess:
    """
    Billed water against normal, in ccf; exact.

    Attributes:
        billed: What was billed.
        normal: What would have been; 0 without history.
        above: Billed above normal; 0 without history.
        years: How many prior years `normal` rests on: of several bills, the fewest.
        irregular: Some period of those years was.
    """

    billed: Fraction
    normal: Fraction
    above: Fraction
    years: int
    irregular: bool


def excess(
    period: WaterPeriod,
    history: Iterable[WaterPeriod],
    *,
    normal_multiple: Decimal,
    midpoint_days: int,
) -> Excess:
    """
    Return how much of a period's water was above so many times the normal.

    Args:
        period: The one with the leak.
        history: Other periods of the same meter and customer.
        normal_multiple: Water up to this many times the normal is the customer's own.
        midpoint_days: How far the middle of a prior year's period may lie from the same day.
    """
    matched = _matched(period, list(history), midpoint_days)
    billed = Fraction(period.used_ccf)
    if not matched:
        return Excess(billed, Fraction(0), Fraction(0), 0, irregular=False)
    daily = [Fraction(each.used_ccf) / each.days for each in matched]
    normal = period.days * sum(daily, Fraction(0)) / len(daily)
    above = max(Fraction(0), billed - Fraction(normal_multiple) * normal)
    irregular = any(each.irregular for each in matched)
    return Excess(billed, normal, above, len(matched), irregular=irregular)


def total(each: Sequence[Excess]) -> Excess:
    """Return the sum over several bills; none of them is set off against another."""
    return Excess(
        billed=sum((one.billed for one in each), Fraction(0)),
        normal=sum((one.normal for one in each), Fraction(0)),
        above=sum((one.above for one in each), Fraction(0)),
        years=min((one.years for one in each), default=0),
        irregular=any(one.irregular for one in each),
    )


def _matched(
    leak: WaterPeriod, history: Sequence[WaterPeriod], midpoint_days: int
) -> list[WaterPeriod]:
    """Return the period of each prior year whose middle is nearest to the leak's, if near."""
    matched = []
    for years in PRIOR_YEARS:
        twice_middle = _twice_middle(leak) - 2 * _YEAR_DAYS * years
        off = {each: abs(_twice_middle(each) - twice_middle) for each in history}
        near = [each for each in off if off[each] <= 2 * midpoint_days]
        matched += sorted(near, key=lambda each: (off[each], each.start_on))[:1]
    return matched


def _twice_middle(period: WaterPeriod) -> int:
    return period.start_on.toordinal() + period.end_on.toordinal()
