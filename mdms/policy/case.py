"""What a row of a table is asked about, and how it says no."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from mdms.domain.time import local_day
from mdms.policy.calendars import Calendar
from mdms.policy.decision import Finding, Verdict

Facts = TypeVar("Facts")
Values = TypeVar("Values")


@dataclass(frozen=True, slots=True)
class Case(Generic[Facts, Values]):
    """
    Facts, the values that hold, and an instant.

    Attributes:
        at: The instant that is judged.
        later: `at` lies ahead: news that is fresh now will be fresh then.
    """

    facts: Facts
    rules: Values
    at: datetime
    calendar: Calendar
    later: bool = False

    @property
    def today(self) -> date:
        """The local day of the instant."""
        return local_day(self.at, self.calendar.zone)


Row = Callable[[Case[Facts, Values]], Finding | None]
"""Returns why not, or None: the row passes."""


def found(rows: Iterable[Row[Facts, Values]], case: Case[Facts, Values]) -> list[Finding]:
    """Return what the rows found, in their order."""
    return [finding for row in rows if (finding := row(case))]


def deny(code: str, clause: str, cure: str, next_possible_at: datetime | None = None) -> Finding:
    """Return a finding that forbids."""
    return Finding(Verdict.DENY, code, clause, cure, next_possible_at)


def refer(code: str, clause: str, cure: str) -> Finding:
    """Return a finding that a person must decide."""
    return Finding(Verdict.REFER, code, clause, cure)


def pending(code: str, clause: str, cure: str, next_possible_at: datetime | None = None) -> Finding:
    """Return a finding that something named is still missing."""
    return Finding(Verdict.PENDING, code, clause, cure, next_possible_at)


def unknown(code: str, clause: str, *facts: str) -> Finding:
    """Return a finding that facts are missing: what is not known never allows harm."""
    return refer(code, clause, f"not known: the customer system must state {' and '.join(facts)}")
