"""Disconnecting for non-payment: policy.md 2.4, with the notices of `mdms.policy.notices`."""

from datetime import date, datetime, timedelta
from typing import Final

from mdms.domain.facts import ABSENT
from mdms.policy import notices
from mdms.policy.calendars import Closure
from mdms.policy.case import Case, Row, deny, found, refer, unknown
from mdms.policy.decision import Finding
from mdms.policy.nonpay_facts import Arrangement, Dispute, NonpayFacts, NonpayRules

NonpayCase = Case[NonpayFacts, NonpayRules]

_CLAUSE: Final = "R9.C.8"

_CLOSED: Final = {
    Closure.CALENDAR_MISSING: ("CALENDAR_MISSING", _CLAUSE, "sign a calendar for this year"),
    Closure.FRIDAY: ("NP_FRIDAY", _CLAUSE, "wait: not on a Friday"),
    Closure.WEEKEND: ("NP_WEEKEND", _CLAUSE, "wait: not on a weekend"),
    Closure.LEGAL_HOLIDAY: ("NP_HOLIDAY", _CLAUSE, "wait: not on a legal holiday"),
    Closure.OFFICE_CLOSED: (
        "NP_OFFICE_CLOSED",
        _CLAUSE,
        "wait until office and call centre are open",
    ),
}


def judge(case: NonpayCase) -> list[Finding]:
    """Return every failing row in the order of the table, the calendar last."""
    return [*found(_ROWS, case), *_window(case)]


def not_after(case: NonpayCase) -> datetime | None:
    """Return when the meter must have acted; None where the window is closed all day."""
    hours = case.calendar.np_hours(case.today)
    return hours[1] - timedelta(minutes=case.rules.margin_minutes) if hours else None


def _not_due(case: NonpayCase) -> Finding | None:
    """N1."""
    code, clause = "NP_NOT_DUE", "R11.B"
    past_due, due = case.facts.past_due, case.facts.due_on
    if past_due is not None and past_due <= 0:
        return deny(code, clause, "none: nothing is past due")
    if due is ABSENT:
        return deny(code, clause, "issue the corrected bill, and let its due date pass")
    if past_due is None or not isinstance(due, date):
        return unknown(code, clause, "past_due", "the due date")
    over_at = case.calendar.day_after(due)
    if case.at < over_at:
        return deny(code, clause, f"wait: the bill is due on {due}", over_at)
    return None


def _bill_incorrect(case: NonpayCase) -> Finding | None:
    """N2."""
    code, clause = "NP_BILL_INCORRECT", "R9.C.9"
    if case.facts.bill_incorrect is None:
        return unknown(code, clause, "bill_incorrect")
    due = case.facts.corrected_due_on
    if not case.facts.bill_incorrect:
        return None
    if due is ABSENT:
        return deny(code, clause, "issue the corrected bill, and let its due date pass")
    if due is None:
        return unknown(code, clause, "corrected_due_on")
    over_at = case.calendar.day_after(due)
    if case.at < over_at:
        return deny(code, clause, f"wait: the corrected bill is due on {due}", over_at)
    return None


def _dispute(case: NonpayCase) -> Finding | None:
    """N3: on any part; the undisputed part stays due (7.5)."""
    code, clause = "NP_DISPUTE", "R9.C.11, 10010(b)(1)"
    if case.facts.dispute is None:
        return unknown(code, clause, "dispute")
    if case.facts.dispute is Dispute.OPEN:
        return deny(code, clause, "answer the dispute, then deliver a new 48-hour notice")
    return None


def _arrangement(case: NonpayCase) -> Finding | None:
    """N4."""
    code, clause = "NP_ARRANGEMENT", "R9.C.3-6, R11.H.2, 10010(b)(2)"
    if case.facts.arrangement is None:
        return unknown(code, clause, "arrangement")
    if case.facts.arrangement is Arrangement.KEPT:
        return deny(code, clause, "none while the arrangement is kept")
    return None


def _transferred(case: NonpayCase) -> Finding | None:
    """N6."""
    code, clause = "NP_TRANSFERRED", "R9.C.5"
    if case.facts.balance_transferred is None:
        return unknown(code, clause, "balance_transferred")
    if case.facts.balance_transferred:
        return deny(code, clause, "none: the balance was moved to another account")
    return None


def _military(case: NonpayCase) -> Finding | None:
    """N7."""
    code, clause = "NP_MILITARY", "R9.C.12"
    granted, extended = case.facts.military_granted_on, case.facts.military_extended
    if granted is None:
        return unknown(code, clause, "military_granted_on")
    if granted is ABSENT:
        return None
    length = timedelta(days=case.rules.military_days)
    first, second = (case.calendar.day_after(granted + length * times) for times in (1, 2))
    over_at = second if extended else first
    if case.at < over_at:
        return deny(code, clause, "wait: the customer is under military protection", over_at)
    if extended is None and case.at < second:
        return unknown(code, clause, "military_extended")
    return None


def _medical(case: NonpayCase) -> Finding | None:
    """N8."""
    code, clause = "NP_MEDICAL", "10010(b)(3)"
    if case.facts.medical_certificate is None:
        return unknown(code, clause, "medical_certificate")
    if case.facts.medical_certificate:
        return deny(code, clause, "none while a physician certifies the need")
    return None


def _payment_pending(case: NonpayCase) -> Finding | None:
    """N15, payments in flight."""
    code, clause = "NP_PAYMENT_PENDING", "R9.C.8"
    started = case.facts.payment_started_at
    if started is None:
        return unknown(code, clause, "payment_started_at")
    if started is ABSENT:
        return None
    over_at = started + timedelta(hours=case.rules.payment_hours)
    if case.at < over_at:
        return deny(code, clause, "wait: a payment is on its way", over_at)
    return None


def _stale(case: NonpayCase) -> Finding | None:
    """N15, feeds."""
    feeds = {"payments": case.facts.payments_through, "cases": case.facts.cases_through}
    late = [name for name, through in feeds.items() if not _fresh(case, through)]
    if not late:
        return None
    return deny("NP_STALE", "R9.C.8", f"bring the feed of {' and '.join(late)} up to date")


def _shared_meter(case: NonpayCase) -> Finding | None:
    """N17."""
    code, clause = "NP_TENANTS", "tenant protection law"
    if case.facts.shared_meter is None:
        return unknown(code, clause, "shared_meter")
    if case.facts.shared_meter:
        return refer(code, clause, "tenants live behind this meter: a supervisor decides")
    return None


def _window(case: NonpayCase) -> list[Finding]:
    """N16."""
    closures = case.calendar.closures(case.at)
    opening = case.calendar.next_np_opening(case.at, until=case.rules.send_until)
    findings = [deny(*_CLOSED[closure], opening) for closure in closures]
    if closures:
        return findings
    if not _answering(case):
        findings.append(deny("NP_OFFICE_CLOSED", _CLAUSE, "wait until the call centre answers"))
    if case.at.astimezone(case.calendar.zone).time() >= case.rules.send_until:
        findings.append(deny("NP_LATE_MARGIN", _CLAUSE, "wait: too late for this day", opening))
    return findings


def _answering(case: NonpayCase) -> bool:
    if not case.facts.call_centre:
        return False
    return _fresh(case, case.facts.call_centre_known_at)


def _fresh(case: NonpayCase, through: datetime | None) -> bool:
    if through is None:
        return False
    return case.later or case.at - through < timedelta(minutes=case.rules.feed_minutes_max)


_ROWS: tuple[Row[NonpayFacts, NonpayRules], ...] = (
    _not_due,
    _bill_incorrect,
    _dispute,
    _arrangement,
    notices.arrangement_broken,
    _transferred,
    _military,
    _medical,
    *notices.ROWS,
    _payment_pending,
    _stale,
    _shared_meter,
    notices.dispute_answered,
    notices.arrangement_ended,
)
