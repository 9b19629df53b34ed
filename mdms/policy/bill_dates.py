"""Dates that follow from a bill: due, late, and by when a question about it is answered."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mdms.domain.time import local_midnight
from mdms.policy.calendars import Calendar
from mdms.policy.case import deny
from mdms.policy.decision import Decision, Finding, Verdict, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRules:
    """
    Terms of a bill, in calendar days.

    Attributes:
        due_days: After issuance.
        late_after_days: After issuance; unpaid then, the late charge posts on the day after.
        dispute_answer_days: After a dispute was filed.
        error_notice_days: After a reading error was found.
    """

    due_days: int
    late_after_days: int
    dispute_answer_days: int
    error_notice_days: int


def due_on(issued_on: date, rules: BillRules) -> date:
    """Return the last day on which a bill is paid in time (R11.B)."""
    return issued_on + timedelta(days=rules.due_days)


def late_charge_on(issued_on: date, rules: BillRules) -> date:
    """Return the day on which an unpaid bill's late charge posts (R11.B, R9.C.1.a)."""
    return issued_on + timedelta(days=rules.late_after_days + 1)


def late_charge(issued_on: date, at: datetime, rules: BillRules, calendar: Calendar) -> Decision:
    """Return whether a bill that is unpaid at an instant carries its late charge."""
    posts_at = local_midnight(late_charge_on(issued_on, rules), calendar.zone)
    cure = "none: the bill is not late yet"
    early = deny("LATE_FEE", "R11.B, R9.C.1.a", cure, posts_at) if at < posts_at else None
    return decide([early], Finding(Verdict.ALLOW, "LATE_FEE", "R11.B, R9.C.1.a"))


def dispute_answered_by(filed_on: date, rules: BillRules) -> date:
    """Return the last day to answer a dispute (R9.C.11); a late charge may be suspended (R11.H)."""
    return filed_on + timedelta(days=rules.dispute_answer_days)


def error_notice(found_on: date, rules: BillRules, calendar: Calendar) -> Decision:
    """
    Return by when a customer must have been told of a reading error: `deadline`.

    Rule 10 says 30 calendar days, Rule 11.I.3 30 working days: the shorter holds (policy.md 7.17).
    """
    last_on = found_on + timedelta(days=rules.error_notice_days)
    return decide(
        [],
        Finding(Verdict.ALLOW, "ERR_NOTICE", "R10.D-err.2"),
        deadline=calendar.day_after(last_on),
        follow_ups=[f"tell the customer by {last_on}"],
    )
