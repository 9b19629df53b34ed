"""Rules are dated data: what is read, what is refused, what holds on a day."""

from datetime import date

import pytest

from mdms.policy.calendars import Calendar, CalendarYear
from mdms.policy.rulebook import Rulebook
from mdms.policy.tables import TableError
from tests.policy import CALENDAR, RULEBOOK, ZONE, texts

NAME = "disconnect.toml"
TEXT = texts("policy")[NAME]


def with_another(old: str, new: str) -> Rulebook:
    assert old in TEXT
    later = TEXT.replace("effective_on = 2022-05-18", "effective_on = 2026-12-15").replace(old, new)
    return Rulebook.parse(texts("policy") | {"later.toml": later})


def test_an_edition_holds_from_its_day_on():
    book = with_another("notice_hours = 48", "notice_hours = 72")

    assert book.at(date(2026, 12, 14)).nonpay.notice_hours == 48
    assert book.at(date(2026, 12, 15)).nonpay.notice_hours == 72


def test_an_edition_that_nobody_approved_does_not_hold():
    book = with_another('approved_by = "example"', 'approved_by = ""')

    assert book.at(date(2026, 12, 15)) == RULEBOOK.at(date(2026, 12, 15))


def test_before_the_first_edition_nothing_may_be_judged():
    with pytest.raises(TableError, match="no approved edition"):
        RULEBOOK.at(date(2022, 5, 17))


def test_two_editions_of_a_table_from_one_day_on_contradict():
    with pytest.raises(TableError, match="two editions hold"):
        Rulebook.parse({"a.toml": TEXT, "b.toml": TEXT})


def test_the_hash_is_of_what_holds_not_of_how_it_is_written():
    commented = TEXT.replace("[move_out]", "# moved\n[move_out]")
    changed = TEXT.replace("per_hour = 10", "per_hour = 11")
    rules, same, other = (
        Rulebook.parse(texts("policy") | {NAME: text}).at(date(2026, 12, 1)).hash
        for text in (TEXT, commented, changed)
    )

    assert rules == same
    assert rules != other


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("per_hour = 10", "per_hour = 10.5", "per_hour must be a whole number"),
        ("per_hour = 10", "per_hour = -1", "per_hour must be a whole number"),
        ("per_hour = 10", "per_hour = true", "per_hour must be a whole number"),
        ("\nper_hour = 10", "\nhourly = 10", "hourly is not a known key"),
        ("per_hour = 10", "", "per_hour is missing"),
        ("send_until = 15:00:00", 'send_until = "15:00"', "send_until must be a time of day"),
        ("blocked_models = []", 'blocked_models = ""', "blocked_models must be a list"),
        ("effective_on = 2022-05-18", "effective_on = 2022-05-18T00:00:00", "must be a date"),
        ("[move_out]", "[moveout]", "moveout is not a known key"),
        ("[move_out]", "[move_out", "is not TOML"),
    ],
)
def test_a_file_that_says_something_else_is_refused_by_name(old, new, message):
    assert old in TEXT

    with pytest.raises(TableError, match=message) as error:
        Rulebook.parse({NAME: TEXT.replace(old, new, 1)})

    assert NAME in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-12-18,", "2026-12-17,", "2026-12-17 in closed_fridays is a Thursday"),
        ("2026-12-24,", "2027-12-24,", "2027-12-24 is no day of 2026"),
        ("2026-06-19 =", "juneteenth =", "'juneteenth' is no date"),
        ("closes = 16:30:00", "closes = 07:30:00", "hours must end after they begin"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused(old, new, message):
    text = texts("calendars")["2026.toml"]
    assert old in text

    with pytest.raises(TableError, match=message):
        CalendarYear.parse(text.replace(old, new, 1), name="2026.toml")


def test_a_year_has_one_calendar():
    text = texts("calendars")["2026.toml"]

    with pytest.raises(TableError, match="another calendar of 2026"):
        Calendar.parse({"a.toml": text, "b.toml": text}, ZONE)


def test_calendars_are_known_by_their_content():
    line = '2026-11-11 = "Veterans Day"\n'
    shipped = texts("calendars")
    other = shipped | {"2026.toml": shipped["2026.toml"].replace(line, "")}

    assert Calendar.parse(shipped, ZONE).hash == CALENDAR.hash
    assert Calendar.parse(other, ZONE).hash != CALENDAR.hash
