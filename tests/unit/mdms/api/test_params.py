"""What callers may write for days, instants and periods."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from mdms.api import params
from mdms.domain.errors import UsageError
from mdms.domain.time import Period

ZONE = ZoneInfo("America/Los_Angeles")


def test_local_days_include_the_last_and_know_the_clock_change():
    period = params.period("2026-11-01", "2026-11-01", ZONE)

    assert period == Period(
        datetime(2026, 11, 1, 7, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)
    )


def test_instants_exclude_the_last_and_keep_their_offset():
    period = params.period("2026-11-03T00:00-08:00", "2026-11-03T09:00Z", ZONE)

    assert period == Period(
        datetime(2026, 11, 3, 8, tzinfo=UTC), datetime(2026, 11, 3, 9, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("from_", "to", "sentence"),
    [
        ("yesterday", "2026-11-03", "is not a day"),
        ("2026-11-31", "2026-12-01", "is not a day"),
        ("2026-11-03T00:00", "2026-11-04", "needs an offset"),
        ("2026-11-03Tnoon", "2026-11-04", "is not an instant"),
        ("2026-11-05", "2026-11-03", "is empty"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(from_, to, sentence):
    with pytest.raises(UsageError, match=sentence):
        params.period(from_, to, ZONE)


BEYOND = [
    "9999-12-31T23:59Z",
    "0001-01-01T00:00:00+14:00",
    "1899-12-31T23:59:59Z",
    "2107-01-01T00:00Z",
]


@pytest.mark.parametrize("text", BEYOND)
def test_a_year_that_no_meter_can_name_is_a_mistake(text):
    sentence = f"the year {text[:4]} lies beyond 1900 to 2106"
    with pytest.raises(UsageError, match=sentence):
        params.instant(text)
    with pytest.raises(UsageError, match=sentence):
        params.day(text[:10])
    with pytest.raises(ValidationError, match=sentence):
        TypeAdapter(params.Instant).validate_python(text)
    with pytest.raises(ValidationError, match=sentence):
        TypeAdapter(params.Day).validate_python(text[:10])


@pytest.mark.parametrize("text", ["1970-01-01", "2106-12-31"])
def test_the_first_and_the_last_year_are_periods(text):
    assert params.period(text, text, ZONE).end_utc > params.instant(f"{text}T00:00Z")
