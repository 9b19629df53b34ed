"""
Reconnecting: policy.md 3. At any hour; no window, no holiday.

What is not known of the switch does not hold anybody up: the meter itself refuses to close on
load-side voltage or when hot. What is not known of money or safety goes to a person at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from mdms.domain.controls import Action
from mdms.domain.facts import ABSENT, Absence
from mdms.domain.time import local_day
from mdms.policy import reasons
from mdms.policy.calendars import DAY, Calendar
from mdms.policy.case import Case, Row, deny, found, refer, unknown
from mdms.policy.decision import Finding, Verdict
from mdms.policy.nonpay_facts import Arrangement

ERROR: Final = "ERROR"
"""Cause of a reconnect: the supply was cut off by our mistake."""

SAFETY_CAUSES: Final = frozenset({reasons.HAZARD, reasons.ADVERSE_LOAD, reasons.THEFT})
"""After these somebody must have looked before current flows again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRules:
    """
    Who may, and how fast it must be done.

    Attributes:
        approvals: People needed; the requester is one.
        safety_approvals: People needed after a hazard or an adverse load.
        arm_after_hours: Open for longer, the switch is armed instead of closed.
        workday_starts: What is met before this hour counts for the same day.
        workday_ends: Hour of the deadline.
        alarm_minutes: Not verified after this, somebody is alarmed.
        field_minutes: Not verified after this, a person is sent.
    """

    approvals: int
    safety_approvals: int
    arm_after_hours: int
    workday_starts: time
    workday_ends: time
    alarm_minutes: int
    field_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectFacts:
    """
    An open switch, and what stands between it and closing. None: not known.

    Attributes:
        open_cause: Why it was opened, by the command that opened it.
        opened_at: When.
        balance_due: Proper charges that are open, dollars.
        reconnect_charges_due: Deposit and reconnection charge that are open, dollars.
        arrangement: One that is kept counts as paid.
        account_established: Somebody has an account for the premise.
        inspection: Identifier of the inspection that found it safe; ABSENT: there is none.
        inspected_at: When that was filed.
        load_side_voltage: There is voltage behind the open switch.
        hot: The meter raised a temperature alarm.
        locked: The meter refuses: its switch is locked.
        customer_confirmed: Somebody is there and answers for the appliances.
        met_at: When the last condition was met in our systems.
    """

    open_cause: str | None = None
    opened_at: datetime | None = None
    balance_due: Decimal | None = None
    reconnect_charges_due: Decimal | None = None
    arrangement: Arrangement | None = None
    account_established: bool | None = None
    inspection: str | Absence | None = None
    inspected_at: datetime | None = None
    load_side_voltage: bool | None = None
    hot: bool | None = None
    locked: bool | None = None
    customer_confirmed: bool | None = None
    met_at: datetime | None = None


ReconnectCase = Case[ReconnectFacts, ReconnectRules]


def allowing(cause: str) -> Finding:
    """Return what stands when no row fails."""
    if cause == ERROR:
        return Finding(Verdict.ALLOW, "RC_ERROR", "Q8")
    return Finding(Verdict.ALLOW, "RC_OK", "R9.E.2, R9.F")


def judge(cause: str, case: ReconnectCase) -> list[Finding]:
    """Return every failing row: those of why the switch is open, and those of the switch."""
    return found((*_conditions(cause, case.facts.open_cause), *_SWITCH), case)


def people_needed(case: ReconnectCase) -> int:
    """Return how many must stand behind it, the requester among them (Q4: two)."""
    if case.facts.open_cause in {reasons.HAZARD, reasons.ADVERSE_LOAD}:
        return case.rules.safety_approvals
    return case.rules.approvals


def mode(cause: str, case: ReconnectCase) -> Action:
    """Return Q7: close where somebody is there and the switch opened lately, else arm."""
    if cause == ERROR:
        return Action.RECONNECT
    limit = timedelta(hours=case.rules.arm_after_hours)
    lately = case.facts.opened_at is not None and case.at - case.facts.opened_at <= limit
    return Action.RECONNECT if case.facts.customer_confirmed and lately else Action.ARM


def deadline(met_at: datetime, rules: ReconnectRules, calendar: Calendar) -> datetime:
    """Return the end of the first business day that lies wholly after a condition was met."""
    day = local_day(met_at, calendar.zone)
    while not (calendar.deadline_day(day) and met_at < calendar.instant(day, rules.workday_starts)):
        day += DAY
    return calendar.instant(day, rules.workday_ends)


def overdue(met_at: datetime, at: datetime, rules: ReconnectRules) -> Finding | None:
    """Return whom to call for a reconnect that nobody has verified yet; its clock keeps running."""
    waited = at - met_at
    if waited >= timedelta(minutes=rules.field_minutes):
        return refer("RC_FIELD", "RD-III", "send a person with a field order")
    if waited >= timedelta(minutes=rules.alarm_minutes):
        return refer("RC_ALARM", "RD-III", "find out why the meter does not confirm")
    return None


def _conditions(
    cause: str, opened_for: str | None
) -> Sequence[Row[ReconnectFacts, ReconnectRules]]:
    if opened_for is None:
        return (_cause,)
    if cause == ERROR:  # Q8
        return (_safety,) if opened_for in SAFETY_CAUSES else ()
    return _CONDITIONS.get(opened_for, (_cause,))


def _cause(_case: ReconnectCase) -> Finding | None:
    """Q1."""
    cure = "no command of ours opened it: if it is open, find out why, and link what opened it"
    return refer("RC_CAUSE", "Q1", cure)


def _balance(case: ReconnectCase) -> Finding | None:
    """Q2; an agreed resolution counts as paid."""
    if case.facts.arrangement is Arrangement.KEPT:
        return None
    return _charges(case)


def _charges(case: ReconnectCase) -> Finding | None:
    """Q2 and Q5."""
    code, clause = "RC_BALANCE_DUE", "R9.F.1, R9.E.2, R11.K"
    sums = (case.facts.balance_due, case.facts.reconnect_charges_due)
    due = sum((amount for amount in sums if amount), Decimal())
    if due > 0:
        return deny(code, clause, f"${due:.2f} paid, or an arrangement that is kept")
    if None in sums:
        return unknown(code, clause, "balance_due", "reconnect_charges_due")
    return None


def _account(case: ReconnectCase) -> Finding | None:
    """Q3."""
    code, clause = "RC_NO_ACCOUNT", "R9.E.2"
    if case.facts.account_established is None:
        return unknown(code, clause, "account_established")
    if not case.facts.account_established:
        return deny(code, clause, "somebody must open an account for the premise")
    return None


def _safety(case: ReconnectCase) -> Finding | None:
    """Q4 and Q5; an inspection from before it was opened proves nothing."""
    code, clause = "RC_SAFETY", "R9.F.2"
    inspection, opened_at = case.facts.inspection, case.facts.opened_at
    if inspection is ABSENT:
        return deny(code, clause, "remove the cause, have it inspected, and file the inspection")
    inspected_at = case.facts.inspected_at
    if inspection is None or inspected_at is None or opened_at is None:
        return unknown(code, clause, "inspection_id")
    if inspected_at < opened_at:
        return deny(code, clause, "have it inspected again: that inspection was before the cut")
    return None


def _load_side(case: ReconnectCase) -> Finding | None:
    """Q6."""
    if not case.facts.load_side_voltage:
        return None
    cure = "call the customer, send a person: there is voltage behind the open switch"
    return refer("RC_LOAD_SIDE", "Q6", cure)


def _hot(case: ReconnectCase) -> Finding | None:
    """Q6."""
    if not case.facts.hot:
        return None
    return refer("RC_HOT", "Q6", "send a person: the meter is hot")


def _locked(case: ReconnectCase) -> Finding | None:
    """Q6."""
    if not case.facts.locked:
        return None
    return refer("RC_LOCKED", "Q6", "send a person with a field order: the switch is locked")


_CONDITIONS: Final[dict[str, tuple[Row[ReconnectFacts, ReconnectRules], ...]]] = {
    reasons.NONPAY: (_balance,),
    reasons.MOVE_OUT: (_account,),
    reasons.HAZARD: (_safety,),
    reasons.ADVERSE_LOAD: (_safety,),
    reasons.THEFT: (_charges, _safety),
}
"""Q2 to Q5, by why the switch was opened; money and safety are separate (7.6)."""

_SWITCH: Final[tuple[Row[ReconnectFacts, ReconnectRules], ...]] = (_load_side, _hot, _locked)
"""Q6."""
