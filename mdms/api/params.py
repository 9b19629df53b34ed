"""What callers may write for a day, an instant and a period."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, Field

from mdms.domain.errors import UsageError
from mdms.domain.time import Period, check_year, local_midnight

At = TypeVar("At", bound=date)

Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""Of a row, as the database counts them."""


def _in_its_year(value: At) -> At:
    check_year(value)
    return value


Day = Annotated[date, AfterValidator(_in_its_year)]
Instant = Annotated[AwareDatetime, AfterValidator(_in_its_year)]
"""Of a body, or of a parameter that is nothing else."""

From = Annotated[str, Query(alias="from", description="Local day, or instant with offset.")]
To = Annotated[str, Query(description="Local day (included), or instant (excluded).")]
FirstDay = Annotated[str, Query(alias="from", description="First local day.")]
LastDay = Annotated[str, Query(alias="to", description="Last local day, included.")]


def day(text: str) -> date:
    """
    Read a local day.

    Raises:
        UsageError: It is none.
    """
    try:
        value = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day; write it as 2026-11-03") from error
    return _within_reach(value)


def instant(text: str) -> datetime:
    """
    Read an instant that names its offset, as UTC.

    Raises:
        UsageError: It is none, or has no offset: an hour of autumn would be ambiguous.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an instant; write it as 2026-11-03T08:00Z") from error
    if value.tzinfo is None:
        raise UsageError(f"{text!r} needs an offset, such as 2026-11-03T08:00Z or ...-08:00")
    return _within_reach(value).astimezone(UTC)


def since(text: str, zone: ZoneInfo) -> datetime:
    """
    Read from when on: a local day, or an instant that names its offset.

    Raises:
        UsageError: It is neither.
    """
    return local_midnight(day(text), zone) if _is_day(text) else instant(text)


def days(from_: str, to: str) -> tuple[date, date]:
    """
    Read the first and the last of some local days.

    Raises:
        UsageError: Either cannot be read, or the last lies before the first.
    """
    first, last = day(from_), day(to)
    if last < first:
        raise UsageError(f"the days from {from_} to {to} are none")
    return first, last


def period(from_: str, to: str, zone: ZoneInfo) -> Period:
    """
    Read a period: local days, the last included, or instants, the last excluded.

    Raises:
        UsageError: Either cannot be read, or nothing lies between them.
    """
    start = since(from_, zone)
    end = local_midnight(day(to) + timedelta(days=1), zone) if _is_day(to) else instant(to)
    if start >= end:
        raise UsageError(f"the period from {from_} to {to} is empty")
    return Period(start, end)


def _within_reach(value: At) -> At:
    try:
        check_year(value)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return value


def _is_day(text: str) -> bool:
    return "T" not in text and " " not in text
