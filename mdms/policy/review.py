"""
What a person asks of rules and calendars before putting a name under them.

Behind `mdms policy check`, `ls` and `diff`; `mdms policy test` is `mdms.policy.examples`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Final

from mdms.policy.calendars import DAY, FRIDAY, Calendar
from mdms.policy.rulebook import CustomerRules, Rulebook, Rules
from mdms.policy.tables import TableError

AHEAD_DAYS: Final = 60
"""So long before a year begins, its calendar should be signed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of one edition, or one year of the calendar."""

    name: str
    version: str
    effective_on: date
    approved_by: str
    source: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs; None where there was, or is, none."""

    name: str
    before: str | None
    after: str | None


def problems(book: Rulebook, calendar: Calendar, today: date) -> list[str]:
    """Return what would stop commands today, or will soon; nothing: all is in order."""
    return [*_rule_problems(book, calendar, today), *_calendar_problems(calendar, today)]


def entries(book: Rulebook, calendar: Calendar, today: date) -> list[Entry]:
    """Return every table of every edition, and every signed year, with what holds today."""
    holds = {section: edition for edition in book.in_force(today) for section in edition.sections}
    tables = [
        Entry(
            section,
            edition.header.version,
            edition.header.effective_on,
            edition.header.approved_by,
            edition.header.source,
            holds.get(section) is edition,
        )
        for edition in book.editions
        for section in edition.sections
    ]
    years = [
        Entry(
            f"calendar {number}",
            year.version,
            date(number, 1, 1),
            year.signed_by,
            year.source,
            number == today.year,
        )
        for number, year in sorted(calendar.years.items())
    ]
    return sorted(tables, key=lambda entry: (entry.name, entry.effective_on)) + years


def changes(before: object, after: object) -> list[Change]:
    """Return every value that differs between two sets of rules, or two calendars."""
    old, new = dict(_values(before, "")), dict(_values(after, ""))
    return [
        Change(name, old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def unlisted(calendar: Calendar, known: Mapping[date, str]) -> list[str]:
    """
    Return working days that somebody else calls a holiday and the calendar does not.

    Args:
        calendar: The signed years; what others say of any other year is not looked at.
        known: Names of holidays by day, from a source that nobody signed: it only warns.
    """
    return [
        f"{day} is {name} elsewhere, and no legal holiday in the calendar"
        for day, name in sorted(known.items())
        if day.weekday() <= FRIDAY and calendar.known(day) and not calendar.legal_holiday(day)
    ]


def _rule_problems(book: Rulebook, calendar: Calendar, today: date) -> Iterator[str]:
    for edition in book.editions:
        if not edition.header.approved_by:
            yield f"edition {edition.header.version} is approved by nobody: it never holds"
    try:
        rules = book.at(today)
        book.customer_at(today)
    except TableError as error:
        yield str(error)
        return
    hours = calendar.next_np_opening(datetime.combine(today, datetime.min.time(), calendar.zone))
    if hours is None:
        return  # said of the calendar
    day = hours.astimezone(calendar.zone).date()
    window = calendar.np_hours(day)
    assert window, "it opens on that day"
    end = window[1] - timedelta(minutes=rules.nonpay.margin_minutes)
    if not window[0] < calendar.instant(day, rules.nonpay.send_until) <= end:
        yield "nonpay.send_until does not lie within the window less its margin"


def _calendar_problems(calendar: Calendar, today: date) -> Iterator[str]:
    for day in (today, today + AHEAD_DAYS * DAY):
        if not calendar.known(day):
            when = "today" if day == today else f"in {AHEAD_DAYS} days"
            yield f"no signed calendar of {day.year}, which is needed {when}"


def _values(value: object, name: str) -> Iterator[tuple[str, str]]:
    if is_dataclass(value):
        for each in fields(value):
            yield from _values(getattr(value, each.name), f"{name}.{each.name}".lstrip("."))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, tuple | list):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, str(value)


def held(book: Rulebook, day: date) -> Mapping[str, Rules | CustomerRules]:
    """Return all that holds on a day, to be compared with another day or another book."""
    return {"command": book.at(day), "customer": book.customer_at(day)}
