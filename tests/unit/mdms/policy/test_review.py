"""What a person is told about rules and calendars before signing them."""

from dataclasses import replace
from datetime import date, time

import pytest

from mdms.policy import examples
from mdms.policy.calendars import Calendar
from mdms.policy.review import Change, changes, entries, held, problems, unlisted
from mdms.policy.rulebook import Rulebook
from mdms.services.holidays import known_holidays
from tests.policy import CALENDAR, RULEBOOK, RULES, ZONE, texts

TODAY = date(2026, 12, 10)


def edited(name: str, old: str, new: str, folder: str = "policy") -> dict[str, str]:
    shipped = texts(folder)
    assert old in shipped[name]
    return shipped | {name: shipped[name].replace(old, new)}


def test_what_ships_is_in_order():
    assert problems(RULEBOOK, CALENDAR, date(2026, 6, 1)) == []


def test_the_year_that_comes_must_be_signed_in_time():
    only = Calendar(ZONE, {2026: CALENDAR.years[2026]})

    assert problems(RULEBOOK, only, date(2026, 10, 31)) == []
    assert problems(RULEBOOK, only, TODAY) == [
        "no signed calendar of 2027, which is needed in 60 days"
    ]
    assert problems(RULEBOOK, only, date(2027, 1, 1))[0] == (
        "no signed calendar of 2027, which is needed today"
    )


def test_an_edition_that_nobody_approved_never_holds():
    book = Rulebook.parse(edited("disconnect.toml", 'approved_by = "example"', 'approved_by = ""'))

    first, second = problems(book, CALENDAR, TODAY)

    assert first == "edition 1.8-draft is approved by nobody: it never holds"
    assert "[nonpay]" in second


def test_a_margin_outside_of_the_window_is_found():
    book = Rulebook.parse(
        edited("disconnect.toml", "send_until = 15:00:00", "send_until = 16:28:00")
    )

    assert problems(book, CALENDAR, TODAY) == [
        "nonpay.send_until does not lie within the window less its margin"
    ]


def test_every_table_and_year_is_listed_with_what_holds():
    later = texts("policy")["disconnect.toml"]
    later = later.replace("effective_on = 2022-05-18", "effective_on = 2027-01-01")
    later = later.replace('version = "1.8-draft"', 'version = "2.0"')
    book = Rulebook.parse(texts("policy") | {"disconnect-2027.toml": later})

    listed = entries(book, CALENDAR, TODAY)

    nonpay = [(each.version, each.in_force) for each in listed if each.name == "nonpay"]
    years = [(each.name, each.in_force) for each in listed if each.name.startswith("calendar")]
    assert nonpay == [("1.8-draft", True), ("2.0", False)]
    assert years == [("calendar 2026", True), ("calendar 2027", False)]


def test_a_diff_names_every_value_that_changes():
    book = Rulebook.parse(edited("disconnect.toml", "notice_hours = 48", "notice_hours = 72"))

    assert changes(held(RULEBOOK, TODAY), held(book, TODAY)) == [
        Change("command.nonpay.notice_hours", "48", "72")
    ]
    assert changes(RULES, RULES) == []


def test_a_diff_of_calendars_names_days():
    line = '2026-11-11 = "Veterans Day"\n'
    calendar = Calendar.parse(edited("2026.toml", line, "", "calendars"), ZONE)

    assert changes(CALENDAR.years, calendar.years) == [
        Change("2026.city.2026-11-11", "Veterans Day", None)
    ]


@pytest.mark.parametrize("outcome", examples.play(RULES, CALENDAR), ids=lambda o: o.example.words)
def test_every_worked_example_holds(outcome):
    assert outcome.holds, (outcome.decision, outcome.next_at)


def test_changed_rules_show_in_the_examples_they_change():
    changed = replace(RULES, nonpay=replace(RULES.nonpay, send_until=time(16)))

    failed = [
        each.example.example_id for each in examples.play(changed, CALENDAR) if not each.holds
    ]

    assert failed == ["B03"]


def test_no_holiday_that_others_know_is_missing_from_the_calendars_that_ship():
    assert unlisted(CALENDAR, known_holidays("US", "CA", CALENDAR.years)) == []


def test_a_forgotten_holiday_is_named():
    line = '2026-06-19 = "Juneteenth"\n'
    calendar = Calendar.parse(edited("2026.toml", line, "", "calendars"), ZONE)

    (warning,) = unlisted(calendar, known_holidays("US", "CA", calendar.years))

    assert warning.startswith("2026-06-19 is Juneteenth")
