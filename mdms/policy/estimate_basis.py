"""
What a period that could not be read is estimated from: R10.A.2-3, vee.md 8.3.

History is that of the premises, whoever lived there. Usage is in billing units.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

_PLACES: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRules:
    """How far this year's trend may bend last year's use, as factors of it."""

    trend_min: Decimal
    trend_max: Decimal


class Basis(StrEnum):
    """What an estimate rests on, best first; stored with it."""

    LAST_YEAR_TREND = "last_year_trend"
    """The same period last year, times how the period before compares with its own last year."""
    LAST_YEAR_AND_PRIOR = "last_year_and_prior"
    """The mean of the same period last year and the period before."""
    LAST_YEAR = "last_year"
    PRIOR = "prior"
    CLASS = "class"
    """What such customers use: somebody looks at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUsage:
    """
    Average daily usage at a premises; None where that period is unknown.

    Attributes:
        prior: Of the period before.
        last_year: Of the same period last year.
        prior_last_year: Of the period before that one.
        customer_class: Of such customers in this season.
        season: How this season compares with the period before, for such customers.
    """

    prior: Decimal | None
    last_year: Decimal | None
    prior_last_year: Decimal | None
    customer_class: Decimal
    season: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class PeriodEstimate:
    """
    An estimated period.

    Attributes:
        usage: In billing units, two places.
        needs_review: Somebody looks at it before it is billed.
    """

    basis: Basis
    usage: Decimal
    needs_review: bool


def estimate(history: DailyUsage, days: int, rules: EstimateRules) -> PeriodEstimate:
    """
    Return what a period of so many days used, on the best basis that history allows.

    Average daily use is rounded to two places, and its product with the days again.
    """
    assert days > 0, "a period has days"
    basis, daily = _daily(history, rules)
    usage = _rounded(_rounded(daily) * days)
    return PeriodEstimate(basis, usage, needs_review=basis is Basis.CLASS)


def estimated_register(last: int, usage: Decimal, *, multiplier: int, modulus: int) -> int:
    """
    Return what the register would show after an estimated period.

    Args:
        last: Last register, in units of its last digit.
        usage: Estimated, in the same units times the multiplier.
        multiplier: Register units to usage.
        modulus: The register wraps to 0 here.
    """
    turned = (usage / multiplier).quantize(Decimal(1), rounding=ROUND_DOWN)
    return (last + int(turned)) % modulus


def _daily(history: DailyUsage, rules: EstimateRules) -> tuple[Basis, Decimal]:
    prior, last_year, prior_last_year = history.prior, history.last_year, history.prior_last_year
    if last_year is not None and prior is not None:
        if prior_last_year:
            trend = min(max(prior / prior_last_year, rules.trend_min), rules.trend_max)
            return Basis.LAST_YEAR_TREND, last_year * trend
        return Basis.LAST_YEAR_AND_PRIOR, (last_year + prior) / 2
    if last_year is not None:
        return Basis.LAST_YEAR, last_year
    if prior is not None:
        return Basis.PRIOR, prior * history.season
    return Basis.CLASS, history.customer_class


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_PLACES, rounding=ROUND_HALF_UP)
