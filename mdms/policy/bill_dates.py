"""Dates that follow from a bill: due, late, and by when a question about it is answered."""

from dataclasses import dataclass
from datetime import date, timedelta


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


def has_late_charge(issued_on: date, day: date, rules: BillRules) -> bool:
    """Return whether a bill that is still unpaid on a day carries its late charge."""
    return day >= late_charge_on(issued_on, rules)


def dispute_answered_by(filed_on: date, rules: BillRules) -> date:
    """Return the last day to answer a dispute (R9.C.11); a late charge may be suspended (R11.H)."""
    return filed_on + timedelta(days=rules.dispute_answer_days)


def error_notice_by(found_on: date, rules: BillRules) -> date:
    """
    Return the last day to tell a customer of a reading error.

    Rule 10 says 30 calendar days, Rule 11.I.3 30 working days: the shorter holds (policy.md 7.17).
    """
    return found_on + timedelta(days=rules.error_notice_days)
