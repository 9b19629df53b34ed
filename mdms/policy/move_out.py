"""Disconnecting after a move-out: policy.md 2.3."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from mdms.domain.facts import Absence
from mdms.policy.case import Case, Row, deny, found, pending, refer, unknown
from mdms.policy.decision import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOutRules:
    """
    When a home counts as left.

    Attributes:
        notice_business_days: From a customer's notice to the end of service.
        standby_w: An empty home draws no more than this over a day [W].
    """

    notice_business_days: int
    standby_w: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOutFacts:
    """
    A home that somebody leaves. None: not known; ABSENT: known that there is none.

    Attributes:
        end_on: Last day of service that the customer asked for.
        notice_on: When the customer asked.
        revert_to_owner: The owner agreed to take the service over (R11.B.8).
        successor_on: When the next account starts.
        continues_until: Last day until which the customer asked service to continue.
        new_application: Somebody applied for service here.
        in_use: More than standby was used for a day.
    """

    end_on: date | None = None
    notice_on: date | None = None
    revert_to_owner: bool | None = None
    successor_on: date | Absence | None = None
    continues_until: date | Absence | None = None
    new_application: bool | None = None
    in_use: bool | None = None


MoveOutCase = Case[MoveOutFacts, MoveOutRules]


def judge(case: MoveOutCase) -> list[Finding]:
    """Return every failing row in the order of the table."""
    return found(_ROWS, case)


def not_after(case: MoveOutCase) -> datetime | None:
    """Return when the office closes; None where it does not open on this day."""
    hours = case.calendar.office_hours(case.today)
    return hours[1] if hours else None


def end_of_service(case: MoveOutCase) -> date | None:
    """Return the last day of service; a request at short notice moves it. None: not known."""
    facts = case.facts
    if facts.end_on is None or facts.notice_on is None:
        return None
    days = case.rules.notice_business_days
    return max(facts.end_on, case.calendar.business_days_after(facts.notice_on, days))


def _early(case: MoveOutCase) -> Finding | None:
    """M1."""
    code, clause = "MO_EARLY", "RD-II, R9.A"
    if case.facts.end_on is None:
        return unknown(code, clause, "service_end_on")
    over_at = case.calendar.day_after(case.facts.end_on)
    if case.at < over_at:
        return deny(code, clause, f"wait: service ends with {case.facts.end_on}", over_at)
    return None


def _notice(case: MoveOutCase) -> Finding | None:
    """M2."""
    code, clause = "MO_NOTICE", "R9.A.1"
    last = end_of_service(case)
    if last is None:
        return unknown(code, clause, "service_end_on", "move_out_notice_on")
    over_at = case.calendar.day_after(last)
    if last != case.facts.end_on and case.at < over_at:
        cure = f"wait: notice was short, service ends with {last}"
        return deny(code, clause, cure, over_at)
    return None


def _owner(case: MoveOutCase) -> Finding | None:
    """M3."""
    code, clause = "MO_RTO", "R11.B.8"
    if case.facts.revert_to_owner is None:
        return unknown(code, clause, "revert_to_owner")
    if case.facts.revert_to_owner:
        return deny(code, clause, "none: move the account to the owner")
    return None


def _successor(case: MoveOutCase) -> Finding | None:
    """M4: nobody moves in on the last or the next day, nor by now or tomorrow."""
    code, clause = "MO_SUCCESSOR", "R9.A"
    starts = case.facts.successor_on
    if starts is None:
        return unknown(code, clause, "successor_on")
    if not isinstance(starts, date):
        return None
    end = case.facts.end_on or case.today
    if starts <= max(end, case.today) + timedelta(days=1):
        return deny(code, clause, f"none: the next account starts on {starts}")
    return None


def _continues(case: MoveOutCase) -> Finding | None:
    """M4."""
    code, clause = "MO_CONTINUE", "R9.A.2"
    until = case.facts.continues_until
    if until is None:
        return unknown(code, clause, "service_continues_until")
    if not isinstance(until, date):
        return None
    over_at = case.calendar.day_after(until)
    if case.at < over_at:
        return deny(code, clause, f"wait: service was asked for until {until}", over_at)
    return None


def _occupied(case: MoveOutCase) -> Finding | None:
    """M5."""
    code, clause = "MO_OCCUPIED", "A"
    if case.facts.new_application is None or case.facts.in_use is None:
        return unknown(code, clause, "new_application", "whether anything is used there")
    if case.facts.new_application or case.facts.in_use:
        return refer(code, clause, "somebody seems to live there: a person looks")
    return None


def _hours(case: MoveOutCase) -> Finding | None:
    """M6."""
    if case.calendar.office_open(case.at):
        return None
    if not case.calendar.known(case.today):
        return refer("CALENDAR_MISSING", "A", "sign a calendar for this year")
    opening = case.calendar.next_office_opening(case.at)
    return pending("MO_HOURS", "A", "wait until the office is open", opening)


_ROWS: Final[tuple[Row[MoveOutFacts, MoveOutRules], ...]] = (
    _early,
    _notice,
    _owner,
    _successor,
    _continues,
    _occupied,
    _hours,
)
