"""Months on the calendar: what a term of so many months ends on."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.time import months_after


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 16), 1, date(2026, 12, 16)),
        (date(2026, 11, 16), 2, date(2027, 1, 16)),
        (date(2026, 11, 16), -36, date(2023, 11, 16)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 10, 31), 1, date(2026, 11, 30)),
        (date(2026, 12, 31), -1, date(2026, 11, 30)),
    ],
)
def test_a_term_of_months_ends_on_the_same_day_or_the_last_one(day, months, expected):
    assert months_after(day, months) == expected


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)), st.integers(-240, 240))
def test_a_later_day_never_ends_an_earlier_term(day, months):
    assert months_after(day, months) <= months_after(date.fromordinal(day.toordinal() + 1), months)
