"""
What rate schedules ask of the meter: time-of-use buckets, demand, factors of gas.

Prices are the customer system's. Whatever is asked for here is counted by the same reads that the
bill's total comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final

_SATURDAY: Final = 5
_WEEKDAY: Final = "weekday"
_WEEKEND: Final = "weekend"
_HOUR_MINUTES: Final = 60
_DAY_MINUTES: Final = 24 * _HOUR_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """From a day of the year on, like "05-01", until the next season begins."""

    name: str
    starts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouHours:
    """
    Hours of a bucket.

    Attributes:
        bucket: Its name.
        days: weekday or weekend; None: every day.
        season: Name of a season; None: all year.
        from_at: Local time of day.
        to_at: Up to then; 00:00 is midnight at the end of the day. Hours that end before they begin
            go on over midnight: what is after it counts as the kind and season of its own day.
    """

    bucket: str
    days: str | None
    season: str | None
    from_at: time
    to_at: time

    def __post_init__(self) -> None:
        if self.from_at == self.to_at != time(0):
            raise ValueError(f"hours from {self.from_at} to {self.to_at} are none")

    def covers(self, minute: int) -> bool:
        """Return whether a minute of the day is one of them."""
        first, last = _minute(self.from_at), _minute(self.to_at) or _DAY_MINUTES
        if first < last:
            return first <= minute < last
        return minute >= first or minute < last


@dataclass(frozen=True, slots=True, kw_only=True)
class TouCalendar:
    """
    Which bucket an hour belongs to.

    Attributes:
        seasons: At least one.
        hours: The first that fits wins.
        otherwise: Bucket of all other hours.
        holidays: Days that count as a weekend.
        holidays_through: Last day up to which somebody listed them.
    """

    seasons: tuple[Season, ...]
    hours: tuple[TouHours, ...]
    otherwise: str
    holidays: tuple[date, ...]
    holidays_through: date

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every bucket's name, in the order in which they are listed."""
        return tuple(dict.fromkeys([*(each.bucket for each in self.hours), self.otherwise]))

    def season_of(self, day: date) -> str:
        """Return the season of a day; before the year's first one begins, last year's last."""
        begun = [each for each in self.seasons if each.starts <= f"{day:%m-%d}"]
        return max(begun or self.seasons, key=lambda each: each.starts).name

    def day_type(self, day: date) -> str:
        """Return weekday or weekend; a holiday is a weekend."""
        rests = day.weekday() >= _SATURDAY or day in self.holidays
        return _WEEKEND if rests else _WEEKDAY

    def bucket_of(self, day: date, at: time) -> str:
        """Return the bucket of a local time of day."""
        season, kind, minute = self.season_of(day), self.day_type(day), _minute(at)
        for each in self.hours:
            fits = each.days in {None, kind} and each.season in {None, season}
            if fits and each.covers(minute):
                return each.bucket
        return self.otherwise

    @property
    def grid_minutes(self) -> tuple[int, ...]:
        """Minutes of the day at which a bucket may change."""
        edges = {_minute(at) for each in self.hours for at in (each.from_at, each.to_at)}
        return tuple(sorted(edges))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSchedule:
    """
    What one rate schedule needs besides the total.

    Attributes:
        tou: Name of a time-of-use calendar; None: it has one price at all hours.
        demand_minutes: Length of the demand interval, a part of an hour; None: no demand is billed.
        sliding: It begins at every interval; else at its own multiples from midnight.
    """

    tou: str | None
    demand_minutes: int | None
    sliding: bool | None

    def __post_init__(self) -> None:
        minutes = self.demand_minutes
        if minutes is not None and (minutes < 1 or _HOUR_MINUTES % minutes):
            raise ValueError(f"demand_minutes must divide an hour, and {minutes} does not")


@dataclass(frozen=True, slots=True, kw_only=True)
class GasFactors:
    """
    From metered gas to its heat: therms = ccf * pressure * therm.

    Attributes:
        pressure: Where nobody stated another one for the place.
        therm: Therms in a ccf, by the first day on which it holds.
    """

    pressure: Decimal
    therm: Mapping[date, Decimal]

    def therm_on(self, day: date) -> Decimal | None:
        """Return the therm factor of a day; None before the first one."""
        begun = [first for first in self.therm if first <= day]
        return self.therm[max(begun)] if begun else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffRules:
    """
    Terms of what is measured for which rate schedule.

    Attributes:
        period_days: A period of 27 to 33 days is charged as one of so many; others are prorated.
        demand_error_max: How coarse a register may be, as a share of an interval that is derived
            from it, for the interval to count as demand.
        demand_estimated_max: Share of estimated intervals above which a person settles demand.
        default: Rate schedule by commodity where nobody stated another one.
        schedules: By name.
        tou: Time-of-use calendars by name.
        gas: Its factors.
    """

    period_days: int
    demand_error_max: Decimal
    demand_estimated_max: Decimal
    default: Mapping[str, str]
    schedules: Mapping[str, RateSchedule]
    tou: Mapping[str, TouCalendar]
    gas: GasFactors


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
