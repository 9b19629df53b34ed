"""Which bucket an hour belongs to, and what of a rate schedule cannot be meant."""

from datetime import date, time

import pytest

from mdms.domain.tariff import RateSchedule, Season, TouCalendar, TouHours
from mdms.policy.rulebook import Rulebook
from mdms.policy.tables import TableError
from tests.policy import texts

FRIDAY, SATURDAY = date(2026, 11, 6), date(2026, 11, 7)


def calendar(from_at: time, to_at: time, days: str | None = None) -> TouCalendar:
    return TouCalendar(
        seasons=(Season(name="year", starts="01-01"),),
        hours=(TouHours(bucket="night", days=days, season=None, from_at=from_at, to_at=to_at),),
        otherwise="day",
        holidays=(),
        holidays_through=date(2026, 12, 31),
    )


@pytest.mark.parametrize(
    ("from_at", "to_at", "hours"),
    [
        (time(22), time(6), [0, 1, 2, 3, 4, 5, 22, 23]),
        (time(22), time(0), [22, 23]),
        (time(0), time(6), [0, 1, 2, 3, 4, 5]),
        (time(0), time(0), list(range(24))),
        (time(6), time(22), list(range(6, 22))),
    ],
)
def test_hours_may_go_on_over_midnight(from_at, to_at, hours):
    found = [
        hour
        for hour in range(24)
        if calendar(from_at, to_at).bucket_of(FRIDAY, time(hour)) == "night"
    ]

    assert found == hours


def test_what_is_after_midnight_counts_as_the_day_that_it_is():
    weekdays = calendar(time(22), time(6), days="weekday")

    assert weekdays.bucket_of(FRIDAY, time(23)) == "night"
    assert weekdays.bucket_of(SATURDAY, time(3)) == "day"


@pytest.mark.parametrize("minutes", [0, 7, 45, 120])
def test_a_demand_interval_is_a_part_of_an_hour(minutes):
    with pytest.raises(ValueError, match=f"must divide an hour, and {minutes} does not"):
        RateSchedule(tou=None, demand_minutes=minutes, sliding=None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("to_at = 21:00:00", "to_at = 16:00:00", "hours from 16:00:00 to 16:00:00 are none"),
        ("demand_minutes = 15", "demand_minutes = 45", "demand_minutes must divide an hour"),
    ],
)
def test_a_tariff_that_cannot_be_meant_is_refused_by_name(old, new, message):
    policy = texts("policy")
    policy["tariff.toml"] = policy["tariff.toml"].replace(old, new, 1)

    with pytest.raises(TableError, match=rf"tariff\..*: {message}"):
        Rulebook.parse(policy)
