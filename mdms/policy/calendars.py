"""
When offices are open, which days are holidays, and which count as business days.

A year is a signed file (`config/calendars/2026.toml`); a year without one is closed for whatever
harms, and has no holidays for what we owe. Half-open throughout: at 16:30:00 it is closed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.errors import UsageError
from mdms.domain.time import local_day, local_midnight
from mdms.policy import tables

DAY: Final = timedelta(days=1)
LOOK_AHEAD_DAYS: Final = 400
"""How far the next opening is looked for."""

FRIDAY: Final = 4
"""As date.weekday() counts."""

Hours = tuple[datetime, datetime]
"""[opens, closes) in UTC."""


class Closure(StrEnum):
    """Why a non-payment open may not be made at a time."""

    CALENDAR_MISSING = "CALENDAR_MISSING"
    FRIDAY = "FRIDAY"
    WEEKEND = "WEEKEND"
    LEGAL_HOLIDAY = "LEGAL_HOLIDAY"
    OFFICE_CLOSED = "OFFICE_CLOSED"
    """The counter or the call centre."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Local hours on a working day, [opens, closes)."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarYear:
    """
    One year, as somebody signed it.

    Attributes:
        signed_by: Who answers for the dates; an empty name is as good as no file.
        office: Hours of the counter, Monday to Friday.
        call_centre: Hours of the telephone; None means unknown, which is closed.
        city: Days on which the City rests, observed days included.
        state: Days that the state adds to them.
        federal: Days that federal law adds to them.
        closed_fridays: Fridays off of the 9/80 calendar.
        winter_closure: Days around New Year on which the office stays closed.
    """

    year: int
    version: str
    signed_by: str
    signed_on: date
    source: str
    office: OpeningHours
    call_centre: OpeningHours | None
    city: Mapping[date, str]
    state: Mapping[date, str]
    federal: Mapping[date, str]
    closed_fridays: tuple[date, ...]
    winter_closure: tuple[date, ...]

    @classmethod
    def parse(cls, text: str, *, name: str) -> "CalendarYear":
        """
        Read a year from TOML.

        Raises:
            TableError: The text cannot be used, a day lies outside of the year, a closed Friday
                is none.
        """
        year = tables.read(cls, tables.parse(text, name=name), where=name)
        days = (*year.city, *year.state, *year.federal, *year.closed_fridays, *year.winter_closure)
        for day in days:
            if day.year != year.year:
                raise tables.TableError(f"{name}: {day} is no day of {year.year}.")
        for day in year.closed_fridays:
            if day.weekday() != FRIDAY:
                raise tables.TableError(f"{name}: {day} in closed_fridays is a {day:%A}.")
        for hours in filter(None, (year.office, year.call_centre)):
            if hours.opens >= hours.closes:
                raise tables.TableError(f"{name}: hours must end after they begin: {hours}.")
        return year


@dataclass(frozen=True, slots=True)
class Calendar:
    """The signed years of one place."""

    zone: ZoneInfo
    years: Mapping[int, CalendarYear]

    @classmethod
    def parse(cls, texts: Mapping[str, str], zone: ZoneInfo) -> "Calendar":
        """
        Read years from TOML texts by name.

        Raises:
            TableError: A text cannot be used, or two are of the same year.
        """
        years: dict[int, CalendarYear] = {}
        for name, text in texts.items():
            year = CalendarYear.parse(text, name=name)
            if year.year in years:
                raise tables.TableError(f"{name}: there is another calendar of {year.year}.")
            years[year.year] = year
        return cls(zone, {number: year for number, year in years.items() if year.signed_by})

    @property
    def hash(self) -> str:
        """SHA-256 of every signed year."""
        return tables.content_hash(self.years)

    def known(self, day: date) -> bool:
        """Whether somebody signed the calendar of that year."""
        return day.year in self.years

    def city_holiday(self, day: date) -> bool:
        """Whether the City rests; a year without a calendar has no holidays."""
        return self.known(day) and day in self.years[day.year].city

    def legal_holiday(self, day: date) -> bool:
        """Whether City, state or federation rest; every day of a missing year may be one."""
        if not self.known(day):
            return True
        year = self.years[day.year]
        return day in year.city or day in year.state or day in year.federal

    def office_open(self, at: datetime) -> bool:
        """Whether the counter serves customers."""
        return _within(at, self.office_hours(local_day(at, self.zone)))

    def call_centre_open(self, at: datetime) -> bool:
        """Whether the telephone is answered, by the calendar."""
        return _within(at, self.call_centre_hours(local_day(at, self.zone)))

    def np_window(self, at: datetime) -> bool:
        """Whether a supply may be cut off for non-payment (R9.C.8)."""
        return _within(at, self.np_hours(local_day(at, self.zone)))

    def closures(self, at: datetime) -> tuple[Closure, ...]:
        """Return every reason why `np_window` is false; none when it is true."""
        day = local_day(at, self.zone)
        if not self.known(day):
            return (Closure.CALENDAR_MISSING,)
        reasons = {
            Closure.FRIDAY: day.weekday() == FRIDAY,
            Closure.WEEKEND: day.weekday() > FRIDAY,
            Closure.LEGAL_HOLIDAY: self.legal_holiday(day),
            Closure.OFFICE_CLOSED: not (self.office_open(at) and self.call_centre_open(at)),
        }
        return tuple(reason for reason, holds in reasons.items() if holds)

    def office_hours(self, day: date) -> Hours | None:
        """Return when the counter is open on a day; None when it is not."""
        return self._hours(day, self.years[day.year].office) if self._works(day) else None

    def call_centre_hours(self, day: date) -> Hours | None:
        """Return when the telephone is answered on a day; None when it is not, or unknown."""
        hours = self.years[day.year].call_centre if self._works(day) else None
        return self._hours(day, hours) if hours else None

    def np_hours(self, day: date) -> Hours | None:
        """Return when a supply may be cut off for non-payment on a day; None when never."""
        office, call_centre = self.office_hours(day), self.call_centre_hours(day)
        if not office or not call_centre or self.legal_holiday(day) or day.weekday() >= FRIDAY:
            return None
        opens, closes = max(office[0], call_centre[0]), min(office[1], call_centre[1])
        return (opens, closes) if opens < closes else None

    def next_np_opening(self, at: datetime, *, until: time = time.max) -> datetime | None:
        """
        Return the first instant from `at` on that lies in the window for non-payment.

        Args:
            at: Not before this.
            until: Local time of day from which on the window counts as over.

        Returns:
            `at` itself when it lies in the window; None when calendars end before one opens.
        """
        for day in self._days_from(at):
            hours = self.np_hours(day)
            if hours and (start := max(at, hours[0])) < min(hours[1], self.instant(day, until)):
                return start
        return None

    def next_office_opening(self, at: datetime) -> datetime | None:
        """Return the first instant from `at` on at which the counter is open."""
        for day in self._days_from(at):
            hours = self.office_hours(day)
            if hours and (start := max(at, hours[0])) < hours[1]:
                return start
        return None

    def deadline_day(self, day: date) -> bool:
        """
        Return whether a day counts for what we owe, and for what customers owe in business days.

        Fridays off and the winter closure count; so does every weekday of a missing year: a
        calendar that nobody signed excuses nothing.
        """
        return day.weekday() <= FRIDAY and not self.city_holiday(day)

    def business_days_after(self, day: date, count: int) -> date:
        """Return the last of so many business days that follow a day."""
        while count:
            day += DAY
            count -= self.deadline_day(day)
        return day

    def instant(self, day: date, at: time) -> datetime:
        """Return the UTC instant of a local time of day; one in a gap is moved past it."""
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)

    def day_after(self, day: date) -> datetime:
        """Return the instant at which a local day is over."""
        return local_midnight(day + DAY, self.zone)

    def _works(self, day: date) -> bool:
        if not self.known(day) or day.weekday() > FRIDAY:
            return False
        year = self.years[day.year]
        return day not in {*year.city, *year.closed_fridays, *year.winter_closure}

    def _hours(self, day: date, hours: OpeningHours) -> Hours:
        return self.instant(day, hours.opens), self.instant(day, hours.closes)

    def _days_from(self, at: datetime) -> Iterator[date]:
        first = local_day(at, self.zone)
        for offset in range(LOOK_AHEAD_DAYS):
            day = first + offset * DAY
            if not self.known(day):
                return
            yield day


def _within(at: datetime, hours: Hours | None) -> bool:
    return hours is not None and hours[0] <= at < hours[1]


def parse_local(text: str, zone: ZoneInfo) -> datetime:
    """
    Read an ISO 8601 time; without an offset it is local.

    Raises:
        UsageError: It is no time, or a local one that does not exist, or exists twice.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time like 2026-12-10T10:05") from error
    if parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    early, late = (parsed.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early > late:
        raise UsageError(f"{text} does not exist in {zone.key}: clocks were set forward")
    if early < late:
        raise UsageError(f"{text} exists twice in {zone.key}: add its offset, as in {text}-08:00")
    return early
