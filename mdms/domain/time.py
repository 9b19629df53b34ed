"""Time as a type: half-open periods in UTC, and local days of 23, 24 and 25 hours."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1900, 2107)
"""From the oldest gas meters to the end of 32 bits of seconds. What lies beyond is mistyped."""


def check_year(at: date) -> None:
    """
    Refuse a day or an instant that no meter could name, before anything is added to it.

    Raises:
        ValueError: It lies beyond; one sentence.
    """
    if at.year not in YEARS:
        raise ValueError(f"the year {at.year:04} lies beyond {YEARS[0]} to {YEARS[-1]}")


def to_epoch_s(instant: datetime) -> int:
    """Return whole seconds since 1970-01-01 UTC; a naive datetime is a mistake of ours."""
    assert instant.tzinfo is not None, "a stored instant always names its zone"
    return (instant - EPOCH) // SECOND


def to_epoch_us(instant: datetime) -> int:
    """Return whole microseconds since 1970-01-01 UTC."""
    assert instant.tzinfo is not None, "a stored instant always names its zone"
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_epoch_s(seconds: int) -> datetime:
    """Return the UTC instant of whole seconds since 1970-01-01 UTC."""
    return EPOCH + timedelta(seconds=int(seconds))


def from_epoch_us(microseconds: int) -> datetime:
    """Return the UTC instant of whole microseconds since 1970-01-01 UTC."""
    return EPOCH + timedelta(microseconds=int(microseconds))


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open stretch of time [start_utc, end_utc); never empty."""

    start_utc: datetime
    end_utc: datetime

    def __post_init__(self) -> None:
        if self.start_utc.tzinfo is None or self.end_utc.tzinfo is None:
            raise ValueError("a period needs a zone on both ends")
        if self.start_utc >= self.end_utc:
            raise ValueError(f"a period must end after it starts: {self.start_utc} {self.end_utc}")

    def __contains__(self, instant: datetime) -> bool:
        return self.start_utc <= instant < self.end_utc

    @property
    def start_s(self) -> int:
        """The start in seconds since 1970-01-01 UTC."""
        return to_epoch_s(self.start_utc)

    @property
    def end_s(self) -> int:
        """The end in seconds since 1970-01-01 UTC."""
        return to_epoch_s(self.end_utc)

    def intersect(self, other: Self) -> Self | None:
        """Return what both periods share, or None when that is nothing."""
        start, end = max(self.start_utc, other.start_utc), min(self.end_utc, other.end_utc)
        return type(self)(start, end) if start < end else None

    @classmethod
    def of_days(cls, first: date, last: date, zone: ZoneInfo) -> Self:
        """Return the local days first..last, both included."""
        return cls(local_midnight(first, zone), local_midnight(last + timedelta(days=1), zone))


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the UTC instant at which a local day starts."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the local date that an instant falls on."""
    return instant.astimezone(zone).date()


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield the dates first..last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def months_after(day: date, months: int) -> date:
    """
    Return the same day of the month so many months later, or earlier where negative.

    Where that month is too short it is its last day: a year after 29 February is 28 February.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
