"""
When a meter is read, and what is billed where it could not be: policy.md 4.1.

Quantities are in billing units and exact; a bill rounds its period once, elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mdms.policy.decision import Decision, Figure, Finding, Verdict, decide

_PERIOD: Final = "R10.A.1, R11.F"
_ESTIMATE: Final = "R10.A.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """
    Terms of reading.

    Attributes:
        period_days_min: Shortest regular period; a shorter one is flagged and prorated.
        period_days_max: Longest one.
        near_days: How far from the read day a register may lie.
        estimates_in_a_row: Estimates from which on a person is sent to read.
        spread_share: Of a bill, above which a difference to an estimate is spread.
    """

    period_days_min: int
    period_days_max: int
    near_days: int
    estimates_in_a_row: int
    spread_share: Decimal


class EstimateReason(StrEnum):
    """Why a meter could not be read: a bill says so, so one is needed."""

    METER = "meter"
    """A fault of the meter or its radio."""
    NO_ACCESS = "no_access"
    STAFFING = "staffing"
    NETWORK = "network"
    """An outage of ours (A)."""
    SELF_READ_MISSING = "self_read_missing"


ESTIMATE_CODES: Final = {
    EstimateReason.METER: "EST_METER",
    EstimateReason.NO_ACCESS: "EST_ACCESS",
    EstimateReason.STAFFING: "EST_STAFF",
    EstimateReason.NETWORK: "EST_NETWORK",
    EstimateReason.SELF_READ_MISSING: "CROM_EST",
}


def judge_period(start_on: date, end_on: date, rules: ReadingRules) -> Decision:
    """
    Return whether a period between two read days is regular; READ_WINDOW prorates.

    Args:
        start_on: Read day that opens it; the meter is read at its local midnight.
        end_on: Read day that closes it. Days are civil: one of 23 or 25 hours counts as one.
        rules: The terms.
    """
    days = (end_on - start_on).days
    assert days > 0, "a period ends after it starts"
    regular = rules.period_days_min <= days <= rules.period_days_max
    return decide(
        [],
        Finding(Verdict.ALLOW, "READ_OK" if regular else "READ_WINDOW", _PERIOD),
        follow_ups=[] if regular else ["prorate by days", "flag the period"],
        figures=[Figure("service_days", Decimal(days), "days")],
    )


@dataclass(frozen=True, slots=True)
class ReadDay:
    """The day whose register closes a period; None where it must be estimated."""

    decision: Decision
    read_on: date | None


def choose_read_day(nominal_on: date, read_on: Iterable[date], rules: ReadingRules) -> ReadDay:
    """
    Return the day of the register that stands for a read day: its own, else the nearest.

    Args:
        nominal_on: The read day of the billing cycle.
        read_on: Days with a valid register.
        rules: The terms. Of two days as near as each other the earlier one is taken.
    """
    reach = timedelta(days=rules.near_days)
    near = [day for day in read_on if abs(day - nominal_on) <= reach]
    nearest = min(near, key=lambda day: (abs(day - nominal_on), day), default=None)
    if nearest is None:
        none = Finding(Verdict.PENDING, "READ_NONE", _ESTIMATE, "read the meter, or estimate")
        return ReadDay(decide([none], _read_ok("READ_OK")), None)
    on_time = nearest == nominal_on
    return ReadDay(
        decide(
            [],
            _read_ok("READ_OK" if on_time else "READ_NEAR"),
            follow_ups=[] if on_time else [f"prorate to {nearest}"],
        ),
        nearest,
    )


def _read_ok(code: str) -> Finding:
    return Finding(Verdict.ALLOW, code, _PERIOD)


def judge_estimate(
    reason: EstimateReason | None, estimated_before: int, rules: ReadingRules
) -> Decision:
    """
    Return whether a period may be estimated, and whether a person must be sent to read.

    Args:
        reason: Why there is no actual read; None when nobody said.
        estimated_before: How many periods in a row before this one were estimated.
        rules: The terms.
    """
    if reason is None:
        unknown = Finding(Verdict.REFER, "EST_REASON", _ESTIMATE, "say why it could not be read")
        return decide([unknown], Finding(Verdict.ALLOW, "READ_OK", _PERIOD))
    sent = reason is EstimateReason.METER or estimated_before + 1 >= rules.estimates_in_a_row
    return decide(
        [],
        Finding(Verdict.ALLOW, ESTIMATE_CODES[reason], _ESTIMATE),
        follow_ups=["field order"] if sent else [],
    )


def true_up(
    estimated: Decimal, actual: Decimal, normal_bill: Decimal, rules: ReadingRules
) -> Decision:
    """
    Return what the next bill adds once an actual read shows what an estimate should have been.

    Args:
        estimated: Billed by estimate.
        actual: What it should have been.
        normal_bill: Use of a bill of this length; more than its share is spread (A).
        rules: The terms.

    Returns:
        `adjustment` in billing units: negative is an automatic credit (R10.A.4); a positive one
        is billed within the limits of back-bills (policy.md 7.18).
    """
    adjustment = actual - estimated
    spread = adjustment > rules.spread_share * normal_bill
    return decide(
        [],
        Finding(Verdict.ALLOW, "EST_TRUEUP", "R10.A.4"),
        follow_ups=["spread it over several bills"] if spread else [],
        figures=[Figure("adjustment", adjustment, "billing units")],
    )
