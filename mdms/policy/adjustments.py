"""
Bills that were wrong: back-bills, refunds, meter tests, theft (policy.md 4.3).

A customer owes at most what the limits leave; the utility returns all that the term reaches. Money
is in dollars, to the cent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from mdms.domain.registry import Commodity
from mdms.domain.time import months_after
from mdms.policy.calendars import Calendar
from mdms.policy.decision import Decision, Figure, Finding, Verdict, decide
from mdms.policy.money import cents

_BACK_BILL: Final = "R11.I"
_TEST: Final = "R11.I.1-2"
_THEFT: Final = "R11.K"
_MANAGER: Final = "the General Manager or a delegate approves"
_YEAR_MONTHS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRules:
    """
    Terms of corrections.

    Attributes:
        years_max: How far back a bill is corrected.
        back_bill_usd_max: Per account and incident; metered service only.
        waiver_usd_max: What the General Manager may waive.
        energy_error_max: Of electric and gas meters, as a share; only more is a fault.
        water_error_max: Of water meters.
        hearing_request_days: Calendar days to ask for a hearing on theft.
        hearing_business_days: From that request to the hearing.
    """

    years_max: int
    back_bill_usd_max: Decimal
    waiver_usd_max: Decimal
    energy_error_max: Decimal
    water_error_max: Decimal
    hearing_request_days: int
    hearing_business_days: int


@dataclass(frozen=True, slots=True)
class WrongBill:
    """A bill that was wrong; `amount_usd` is by how much, never negative."""

    issued_on: date
    amount_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Undercharge:
    """
    What a customer was billed too little, and what is known about it.

    Attributes:
        found_on: When it was found.
        bills: Each that was too low.
        metered: Whether the service has a meter.
        established: Whether its cause and date are; None when not known.
        approved: Whether the General Manager or a delegate said yes; None before.
    """

    found_on: date
    bills: tuple[WrongBill, ...]
    metered: bool
    established: bool | None
    approved: bool | None


def back_bill(undercharge: Undercharge, rules: AdjustmentRules) -> Decision:
    """
    Return what may be billed of an undercharge.

    Returns:
        `back_bill` in dollars, zero when denied, and `waivable`, the part that may be waived.
        Every limit that cut it is named; it is always approved by a person.
    """
    total = sum((bill.amount_usd for bill in undercharge.bills), Decimal(0))
    reached = _reached(undercharge.bills, undercharge.found_on, rules)
    limit = rules.back_bill_usd_max if undercharge.metered else reached
    owed = cents(min(reached, limit))
    refused = undercharge.approved is False or undercharge.established is False
    if refused:
        owed = Decimal(0)
    assert Decimal(0) <= owed <= cents(total), "never more than what was billed too little"
    return decide(
        [
            _not_established(undercharge),
            None if undercharge.approved or reached == total else _to_approve("BACKBILL_3Y"),
            None if undercharge.approved or reached <= limit else _to_approve("BACKBILL_CAP"),
            _approval(undercharge),
        ],
        Finding(Verdict.ALLOW, "BACKBILL_OK", _BACK_BILL),
        figures=[
            Figure("back_bill", owed, "USD"),
            Figure("waivable", min(owed, rules.waiver_usd_max), "USD"),
        ],
    )


def refund(bills: Iterable[WrongBill], found_on: date, rules: AdjustmentRules) -> Decision:
    """
    Return what a customer who was billed too much gets back: `refund` in dollars, without a cap.

    Args:
        bills: Each that was too high.
        found_on: When it was found.
        rules: The terms.
    """
    every = list(bills)
    reached = _reached(every, found_on, rules)
    cut = reached < sum((bill.amount_usd for bill in every), Decimal(0))
    return decide(
        [],
        Finding(Verdict.ALLOW, "REFUND_3Y" if cut else "REFUND_OK", "R11.I.4"),
        figures=[Figure("refund", cents(reached), "USD")],
    )


@dataclass(frozen=True, slots=True)
class TestRuling:
    """
    What follows from the test of a meter.

    Attributes:
        correct_from: First day whose bills are corrected; None when the meter is good.
    """

    decision: Decision
    correct_from: date | None


def judge_meter_test(
    commodity: Commodity,
    error: Decimal | None,
    tested_on: date,
    in_use_since: date,
    rules: AdjustmentRules,
) -> TestRuling:
    """
    Return what follows from a meter's error.

    Args:
        commodity: What it measures.
        error: Share of the true quantity that it shows too much, negative for too little; None
            for a meter that stands still.
        tested_on: When it was tested.
        in_use_since: Since when it measured for this customer.
        rules: The terms. At the limit exactly a meter is good.
    """
    limit = rules.water_error_max if commodity is Commodity.WATER else rules.energy_error_max
    since = max(in_use_since, months_after(tested_on, -rules.years_max * _YEAR_MONTHS))
    if error is not None and abs(error) <= limit:
        return TestRuling(decide([], Finding(Verdict.ALLOW, "TEST_OK", _TEST)), None)
    if error is not None and error > 0:
        fast = decide(
            [],
            Finding(Verdict.ALLOW, "TEST_FAST", "R11.I.1"),
            follow_ups=["refund on corrected reads", "waive late charges"],
        )
        return TestRuling(fast, since)
    slow = Finding(
        Verdict.REFER,
        "TEST_DEAD" if error is None else "TEST_SLOW",
        "R11.I.2",
        "somebody decides whether to bill on the average of the same season or prior years",
    )
    return TestRuling(decide([slow], Finding(Verdict.ALLOW, "TEST_OK", _TEST)), since)


def corrected_usage(billed: Decimal, error: Decimal) -> Decimal:
    """
    Return what a meter would have shown without its error.

    Args:
        billed: What it showed.
        error: Share of the true quantity that it shows too much, negative for too little.

    Source:
        vee.md 8.8: U / (1 + e).
    """
    assert error > -1, "a meter that shows nothing has no factor"
    return billed / (1 + error)


def theft(
    amount_usd: Decimal, repair_usd: Decimal, *, started_on: date | None, discovered_on: date
) -> Decision:
    """
    Return what is due for service that was stolen: `theft` in dollars, all of it, at once.

    Args:
        amount_usd: Of the service, from its start to its discovery; no term, no cap.
        repair_usd: Labour and material.
        started_on: Established start; None when there is none.
        discovered_on: When it was found.
    """
    unknown = started_on is None or started_on > discovered_on
    start = Finding(Verdict.REFER, "THEFT_START", _THEFT, "establish when it started")
    return decide(
        [start if unknown else None],
        Finding(Verdict.ALLOW, "THEFT", _THEFT),
        follow_ups=["due at once"],
        figures=[Figure("theft", cents(amount_usd + repair_usd), "USD")],
    )


def hearing_requested_by(notified_on: date, rules: AdjustmentRules) -> date:
    """Return the last day to ask for a hearing on theft (R11.K)."""
    return notified_on + timedelta(days=rules.hearing_request_days)


def hearing_held_by(requested_on: date, rules: AdjustmentRules, calendar: Calendar) -> date:
    """Return the last day to hold the hearing (R11.K)."""
    return calendar.business_days_after(requested_on, rules.hearing_business_days)


def _reached(bills: Iterable[WrongBill], found_on: date, rules: AdjustmentRules) -> Decimal:
    """Return the sum over the bills that were issued within the term."""
    first_on = months_after(found_on, -rules.years_max * _YEAR_MONTHS)
    return sum((bill.amount_usd for bill in bills if bill.issued_on >= first_on), Decimal(0))


def _not_established(undercharge: Undercharge) -> Finding | None:
    if undercharge.established:
        return None
    known = undercharge.established is False
    return Finding(
        Verdict.DENY if known else Verdict.REFER,
        "BACKBILL_CAUSE",
        _BACK_BILL,
        "establish cause and date of the error",
    )


def _approval(undercharge: Undercharge) -> Finding | None:
    if undercharge.approved:
        return None
    if undercharge.approved is False:
        return Finding(Verdict.DENY, "BACKBILL_WAIVED", "R11.I.4", "none: it was waived")
    return _to_approve("BACKBILL_APPROVAL")


def _to_approve(code: str) -> Finding:
    return Finding(Verdict.REFER, code, "R11.I.4", _MANAGER)
