"""Which period rules a bill meets, from it and the bills before it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from tests.unit.vee.build import RULES
from vee import bill
from vee.bill import Bill, Days
from vee.marks import Severity

START = date(2026, 11, 3)
BILL = Bill(START, START + timedelta(days=30), 30, 600_000, 0.0, 30, estimated=False)
NO_DAYS = np.zeros(58, np.bool_)
DAYS = Days(28, np.zeros(58, np.int64), NO_DAYS, NO_DAYS, np.zeros(58, np.int64))


def before(months: int, **said: Any) -> Bill:
    start = START - timedelta(days=30 * months)
    return replace(BILL, start=start, end=start + timedelta(days=30), **said)


def found(judged: Bill, *past: Bill, days: Days = DAYS) -> list[tuple[int, Severity]]:
    findings = bill.judge(judged, past, days, RULES, RULES.electric, irregular=False)
    return [(each.rule, each.severity) for each in findings]


def test_a_second_estimated_bill_in_a_row_is_held():
    estimated = replace(BILL, estimated=True)

    assert found(estimated) == []
    assert found(estimated, before(1)) == []
    assert found(estimated, before(2, estimated=True)) == []
    assert found(estimated, before(1, estimated=True)) == [(54, Severity.HOLD)]
    assert found(BILL, before(1, estimated=True)) == []


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.25, []), (0.26, [(53, Severity.WARN)]), (0.51, [(53, Severity.HOLD)])],
)
def test_much_estimated_energy_is_flagged_and_more_is_held(share, expected):
    assert found(replace(BILL, estimated_share=share)) == expected


def test_a_register_is_compared_with_itself_only():
    assert found(BILL, before(1, usage=250_000, valid_days=30)) == [
        (51, Severity.HOLD), (44, Severity.WARN),
    ]  # fmt: skip
    assert found(BILL, before(1, usage=250_000, same_register=False)) == [(51, Severity.HOLD)]


def test_a_year_ago_needs_half_of_the_days_in_common():
    past = [before(1), replace(before(1), start=START - bill.YEAR, end=BILL.end - bill.YEAR)]
    past[1] = replace(past[1], usage=100_000)
    moved = timedelta(days=16)

    assert found(BILL, *past) == [(51, Severity.HOLD)]
    away = replace(past[1], start=past[1].start - moved, end=past[1].end - moved)
    assert found(BILL, past[0], away) == []


def test_estimated_days_count_as_far_back_as_they_go_if_they_reach_the_bill():
    def run(first: int, last: int) -> Days:
        estimated = NO_DAYS.copy()
        estimated[first:last] = True
        return replace(DAYS, estimated=estimated)

    assert found(BILL, days=run(0, 28)) == []
    assert found(BILL, days=run(10, 42)) == [(54, Severity.HOLD)]
    assert found(BILL, days=run(11, 42)) == []


WINTER_F, AUTUMN_F = np.full(30, 38.0), np.tile([58.0, 62.0, 66.0], 10)


def gas(usage: int, bill_f: Any, reference_f: Any = AUTUMN_F) -> list[tuple[int, str]]:
    """Judge a month against one that used 20 quanta a day, and 10 more for each degree-day."""
    judged = replace(BILL, usage=usage)
    past = replace(before(1), usage=int((20 + 10 * np.maximum(65 - AUTUMN_F, 0)).sum()))
    daily = 20 + 10 * np.maximum(65 - AUTUMN_F, 0)
    weather = bill.in_weather(daily, np.ones(30, np.bool_), reference_f, bill_f, RULES.weather)
    findings = bill.judge(judged, [past], DAYS, RULES, RULES.gas, irregular=False, weather=weather)
    return [(each.rule, each.detail[:4]) for each in findings if each.rule == 51]


def test_a_cold_month_is_compared_with_what_the_month_before_would_have_been_in_it():
    as_cold_explains = 30 * (20 + 10 * 27)

    assert gas(as_cold_explains, WINTER_F) == []
    assert gas(as_cold_explains, np.full(30, np.nan)) == [(51, "5.44")]
    assert gas(3 * as_cold_explains, WINTER_F) == [(51, "3.00")]
    assert gas(as_cold_explains * 2 // 5, WINTER_F) == [(51, "0.40")]


def test_weather_that_is_hardly_known_says_nothing():
    few = np.where(np.arange(30) < 19, WINTER_F, np.nan)

    assert gas(30 * 290, few) == [(51, "5.44")]
    assert gas(30 * 290, WINTER_F, np.where(np.arange(30) < 19, AUTUMN_F, np.nan)) == [(51, "5.44")]


def test_the_bill_that_is_compared_with_is_the_year_before_if_enough_of_it_is_valid():
    year = replace(before(1), start=START - bill.YEAR, end=BILL.end - bill.YEAR)

    assert bill.compared_with(BILL, [before(1), year], RULES) == year
    assert bill.compared_with(BILL, [before(1), replace(year, valid_days=19)], RULES) == before(1)
    assert bill.compared_with(BILL, [replace(before(1), same_customer=False)], RULES) is None
