"""
Credits for water that leaked away: Rule 11.L, as read in vee.md 7.10 and policy.md 4.3.

"Greater than 100 % of normal" is everything above normal, not more than twice as much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from mdms.domain.time import months_after
from mdms.policy.case import Case, Row, deny, found, refer
from mdms.policy.decision import Decision, Finding, Verdict, decide, prevailing
from mdms.policy.leak_excess import PRIOR_YEARS, Excess, WaterPeriod, excess, total
from mdms.policy.money import cents

_CLAUSE: Final = "R11.L"
_CENTI_CCF: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakCreditRules:
    """
    Terms of a leak credit.

    Attributes:
        request_days: After a bill's due date, to ask in.
        wait_months: From one credit to the next.
        normal_multiple: Use above this many times the normal counts.
        share: Of that use, credited.
        cap_usd: Largest credit.
        midpoint_days: How far the middle of a prior year's period may lie from the leak's.
        explained_share_min: Of the use above normal, that the found leak must have lost.
    """

    request_days: int
    wait_months: int
    normal_multiple: Decimal
    share: Decimal
    cap_usd: Decimal
    midpoint_days: int
    explained_share_min: Decimal


class Repair(StrEnum):
    """What was done about a leak."""

    REPAIRED = "repaired"
    SHUT_OFF = "shut_off"
    """A closed valve: not a repair."""
    NOT_REPAIRED = "not_repaired"


@dataclass(frozen=True, slots=True)
class LeakBill:
    """A bill that the leak raised."""

    due_on: date
    period: WaterPeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRequest:
    """
    What a customer asks for, and what is known about it.

    Attributes:
        asked_on: When.
        bills: Those that the leak raised, at least one. It is one application with one cap.
        history: Other billed periods of the same meter and customer.
        last_credit_on: When the account was last granted one; None when never.
        repair: What was done; None when not known.
        cause_determined: Whether it is known which leak it was; None when nobody looked.
        lost_ccf: What the leak lost by the meter's own intervals; None without a leak found.
        tier1_rate: Commodity rate of the first tier [$ per ccf].
        approved: What the General Manager or a delegate decided; None before.
    """

    asked_on: date
    bills: tuple[LeakBill, ...]
    history: tuple[WaterPeriod, ...]
    last_credit_on: date | None
    repair: Repair | None
    cause_determined: bool | None
    lost_ccf: Decimal | None
    tier1_rate: Decimal
    approved: bool | None


@dataclass(frozen=True, slots=True)
class LeakCredit:
    """
    What a request comes to; volumes in ccf, to two places.

    Attributes:
        decision: REFER until the General Manager or a delegate decided, which is final.
        normal_ccf: What the bills would have said without the leak.
        above_ccf: Billed above that.
        credited_ccf: The part of it that is credited; 0 when denied.
        wastewater_ccf: What wastewater and utility tax are billed on instead; the cap does not
            hold for them.
        credit_usd: 0 when denied.
        flags: What whoever approves should know: `late_bills` (some were asked for too late and
            do not count), `short_history`, `irregular_history`, `leak_explains_less_than_half`.
    """

    decision: Decision
    normal_ccf: Decimal
    above_ccf: Decimal
    credited_ccf: Decimal
    wastewater_ccf: Decimal
    credit_usd: Decimal
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A request with what its timely bills come to."""

    request: LeakRequest
    in_time: tuple[LeakBill, ...]
    excess: Excess


_Case = Case[_Measured, LeakCreditRules]
_Row = Row[_Measured, LeakCreditRules]


def judge(case: Case[LeakRequest, LeakCreditRules]) -> LeakCredit:
    """Return the credit for a leak, or every reason why there is none."""
    request, rules = case.facts, case.rules
    assert request.bills, "a request names a bill"
    measured = _measured(request, rules)
    inner = Case(measured, rules, case.at, case.calendar)
    findings = found(_ROWS, inner)
    denied = prevailing(findings) is Verdict.DENY
    credited = Decimal(0) if denied else _places(Fraction(rules.share) * measured.excess.above)
    uncapped = cents(credited * request.tier1_rate)
    credit = min(rules.cap_usd, uncapped)
    assert Decimal(0) <= credit <= rules.cap_usd, "a credit is never above the cap"
    code = "LEAK_OK" if credit == uncapped else "LEAK_CAP"
    return LeakCredit(
        decision=decide(findings, Finding(Verdict.ALLOW, code, _CLAUSE)),
        normal_ccf=_places(measured.excess.normal),
        above_ccf=_places(measured.excess.above),
        credited_ccf=credited,
        wastewater_ccf=_places(measured.excess.billed) - credited,
        credit_usd=credit,
        flags=tuple(_flags(inner)),
    )


def last_day_to_ask(due_on: date, rules: LeakCreditRules) -> date:
    """Return the last day on which a credit may be asked for, by the bill's due date."""
    return due_on + timedelta(days=rules.request_days)


def _measured(request: LeakRequest, rules: LeakCreditRules) -> _Measured:
    in_time = tuple(
        bill for bill in request.bills if request.asked_on <= last_day_to_ask(bill.due_on, rules)
    )
    each = [
        excess(
            bill.period,
            request.history,
            normal_multiple=rules.normal_multiple,
            midpoint_days=rules.midpoint_days,
        )
        for bill in in_time
    ]
    return _Measured(request, in_time, total(each))


def _places(volume: Fraction) -> Decimal:
    exact = Decimal(volume.numerator) / volume.denominator
    return exact.quantize(_CENTI_CCF, rounding=ROUND_HALF_UP)


def _flags(case: _Case) -> Iterator[str]:
    measured = case.facts
    if len(measured.in_time) < len(measured.request.bills):
        yield "late_bills"
    if measured.excess.years < len(PRIOR_YEARS):
        yield "short_history"
    if measured.excess.irregular:
        yield "irregular_history"
    if _explains_too_little(case):
        yield "leak_explains_less_than_half"


def _explains_too_little(case: _Case) -> bool:
    lost = case.facts.request.lost_ccf
    needed = Fraction(case.rules.explained_share_min) * case.facts.excess.above
    return lost is not None and Fraction(lost) < needed


def _late(case: _Case) -> Finding | None:
    if case.facts.in_time:
        return None
    return deny("LEAK_LATE", _CLAUSE, "none: the last day to ask is over")


def _too_soon(case: _Case) -> Finding | None:
    request = case.facts.request
    if request.last_credit_on is None:
        return None
    again_on = months_after(request.last_credit_on, case.rules.wait_months)
    if request.asked_on >= again_on:
        return None
    return deny("LEAK_36M", _CLAUSE, f"a leak may be credited again from {again_on} on")


def _not_high(case: _Case) -> Finding | None:
    measured = case.facts
    if not measured.in_time or measured.excess.above > 0:
        return None
    if not measured.excess.years:
        return refer("LEAK_NO_HISTORY", _CLAUSE, "somebody says what normal use would have been")
    return deny("LEAK_NOT_HIGH", _CLAUSE, "none: the use is not above normal")


def _not_repaired(case: _Case) -> Finding | None:
    repair = case.facts.request.repair
    if repair is Repair.REPAIRED:
        return None
    verdict = Verdict.REFER if repair is None else Verdict.DENY
    cure = "repair the leak and show it; to shut the water off is no repair"
    return Finding(verdict, "LEAK_NOT_REPAIRED", _CLAUSE, cure)


def _undetermined(case: _Case) -> Finding | None:
    determined = case.facts.request.cause_determined
    if determined and not _explains_too_little(case):
        return None
    verdict = Verdict.DENY if determined is False else Verdict.REFER
    cure = "show which leak used the water above normal"
    return Finding(verdict, "LEAK_UNDETERMINED", "R11.L.5", cure)


def _approval(case: _Case) -> Finding | None:
    approved = case.facts.request.approved
    if approved:
        return None
    if approved is False:
        return deny("LEAK_REFUSED", _CLAUSE, "none: the decision is final")
    return refer("LEAK_APPROVAL", _CLAUSE, "the General Manager or a delegate decides")


_ROWS: Final[Sequence[_Row]] = (
    _late,
    _too_soon,
    _not_high,
    _not_repaired,
    _undetermined,
    _approval,
)
