"""Local days as the city lives them: 23, 24 or 25 hours, weekends and holidays."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Int64
from mdms.domain.time import from_epoch_s, local_midnight, to_epoch_s
from simulators.arrays import Floats

Date = date
"""The type, where a field of that name hides it."""

ZONE = ZoneInfo("America/Los_Angeles")

_MONDAY, _THURSDAY, _SATURDAY = 0, 3, 5


@dataclass(frozen=True, slots=True)
class LocalDay:
    """One local day [start_s, end_s), seconds since 1970-01-01 UTC."""

    date: Date
    start_s: int
    end_s: int

    @classmethod
    def of(cls, day: Date) -> "LocalDay":
        """Return the local day of a date."""
        following = day + timedelta(days=1)
        return cls(
            day, to_epoch_s(local_midnight(day, ZONE)), to_epoch_s(local_midnight(following, ZONE))
        )

    @classmethod
    def at(cls, second: int) -> "LocalDay":
        """Return the local day that contains a second since 1970-01-01 UTC."""
        return cls.of(from_epoch_s(second).astimezone(ZONE).date())

    @property
    def is_rest(self) -> bool:
        """Whether most people stay at home."""
        return self.date.weekday() >= _SATURDAY or is_holiday(self.date)

    def slots(self, interval_s: int) -> int:
        """Return how many intervals the day has."""
        return (self.end_s - self.start_s) // interval_s

    def starts_s(self, interval_s: int) -> Int64:
        """Return the start of each interval, seconds since 1970-01-01 UTC."""
        return np.arange(self.start_s, self.end_s, interval_s, dtype=np.int64)

    def wall_hours(self, interval_s: int) -> Floats:
        """Return what the clock on the wall shows at the start of each interval [h]."""
        starts_s = self.starts_s(interval_s)
        offsets_s = [
            _offset_s(from_epoch_s(second)) for second in range(self.start_s, self.end_s, 3600)
        ]
        hour = (starts_s - self.start_s) // 3600
        wall_s: Int64 = (starts_s + np.array(offsets_s)[hour]) % 86400
        return wall_s / 3600


def _offset_s(instant: datetime) -> int:
    offset = instant.astimezone(ZONE).utcoffset()
    assert offset is not None, "the zone names its offset at every instant"
    return int(offset.total_seconds())


def days_from(first: date) -> Iterator[LocalDay]:
    """Yield the local days from a date on, without end."""
    while True:
        yield LocalDay.of(first)
        first += timedelta(days=1)


def is_holiday(day: date) -> bool:
    """Return whether the city's offices are closed on a weekday for a holiday."""
    return day in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    thanksgiving = _nth_weekday(year, 11, _THURSDAY, 4)
    memorial_day = _nth_weekday(year, 6, _MONDAY, 1) - timedelta(days=7)
    moving = {
        _nth_weekday(year, 1, _MONDAY, 3),
        _nth_weekday(year, 2, _MONDAY, 3),
        memorial_day,
        _nth_weekday(year, 9, _MONDAY, 1),
        _nth_weekday(year, 10, _MONDAY, 2),
        thanksgiving,
        thanksgiving + timedelta(days=1),
    }
    fixed = {
        date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11),
        date(year, 12, 25),
    }  # fmt: skip
    return frozenset(moving | fixed)


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def next_office_morning(after_s: int) -> int:
    """
    Return the next Monday to Thursday, 10:00 local, that is no holiday.

    Args:
        after_s: The result is not before this second, since 1970-01-01 UTC.
    """
    day = LocalDay.at(after_s).date
    while True:
        morning_s = to_epoch_s(datetime.combine(day, time(10), ZONE))
        if morning_s >= after_s and day.weekday() <= _THURSDAY and not is_holiday(day):
            return morning_s
        day += timedelta(days=1)
