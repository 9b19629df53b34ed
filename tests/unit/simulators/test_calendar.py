from datetime import UTC, date, datetime

import pytest

from mdms.domain.time import from_epoch_s, to_epoch_s
from simulators.calendar import ZONE, LocalDay, is_holiday, next_office_morning


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 11, 3), 24), (date(2026, 11, 1), 25), (date(2027, 3, 14), 23)],
)
def test_days_have_the_hours_that_the_clock_change_leaves_them(day, hours):
    local = LocalDay.of(day)

    assert local.slots(900) == hours * 4
    assert len(local.wall_hours(900)) == hours * 4
    assert len(local.starts_s(3600)) == hours


def test_the_wall_clock_repeats_an_hour_in_autumn_and_skips_one_in_spring():
    autumn = LocalDay.of(date(2026, 11, 1)).wall_hours(3600)
    spring = LocalDay.of(date(2027, 3, 14)).wall_hours(3600)

    assert autumn[:4].tolist() == [0, 1, 1, 2]
    assert spring[:4].tolist() == [0, 1, 3, 4]


def test_the_day_of_a_second_contains_it():
    second = to_epoch_s(datetime(2026, 11, 4, 7, 59, 59, tzinfo=UTC))

    day = LocalDay.at(second)

    assert day.date == date(2026, 11, 3)
    assert day.start_s <= second < day.end_s


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 11, 26),
        date(2026, 11, 27),
        date(2026, 12, 25),
        date(2027, 5, 31),
        date(2027, 1, 18),
        date(2026, 11, 11),
    ],
)
def test_holidays_are_known(day):
    assert is_holiday(day)
    assert LocalDay.of(day).is_rest


def test_an_ordinary_tuesday_is_no_day_of_rest():
    assert not LocalDay.of(date(2026, 11, 3)).is_rest


@pytest.mark.parametrize(
    ("after", "morning"),
    [
        (datetime(2026, 12, 8, 0, tzinfo=ZONE), datetime(2026, 12, 8, 10, tzinfo=ZONE)),
        (datetime(2026, 12, 8, 10, 1, tzinfo=ZONE), datetime(2026, 12, 9, 10, tzinfo=ZONE)),
        (datetime(2026, 12, 11, 0, tzinfo=ZONE), datetime(2026, 12, 14, 10, tzinfo=ZONE)),
        (datetime(2026, 11, 26, 0, tzinfo=ZONE), datetime(2026, 11, 30, 10, tzinfo=ZONE)),
    ],
)
def test_serving_begins_on_the_next_office_morning(after, morning):
    assert from_epoch_s(next_office_morning(to_epoch_s(after))) == morning
