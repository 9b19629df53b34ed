"""
The 96 acceptance cases of the VEE specification: each is a test, or belongs to a later issue.

A test of a case carries its number as `case-N` in its id. Cases whose subject lives elsewhere are
named with the test that shows it.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

CMEP = "unit/mdms/billing/formats/test_cmep_read.py"
ELSEWHERE = {
    1: "contract/test_unit_of_work.py: test_rows_are_stored_once_and_those",
    4: f"{CMEP}: test_a_placeholder_is_no_value_whatever_stands_beside_it",
    5: f'{CMEP}: (record("202611050015,Q0,1"), "bad_quality")',
    8: f"{CMEP}: test_an_hour_that_comes_twice_is_told_apart_by_order",
    9: f"{CMEP}: test_a_time_that_clocks_skipped_is_refused_and_the_next_follows",
    10: "unit/ingest/test_channels.py: RejectReason.BAD_INTERVAL",
    58: "unit/mdms/billing/test_units.py: vee case 58",
    59: "unit/vee/test_gridding.py: test_intervals_are_expected_while_a_meter_is_installed",
    62: "unit/mdms/billing/test_units.py: vee case 62",
    90: "unit/mdms/services/test_vee_run.py: test_a_second_run_over_everything_appends_nothing",
}
"""File below tests, and what in it is about the case."""

LATER = {
    85: "after issue 5: ageing of transformers",
}
"""A case that became a test stays here until somebody takes it off; it does no harm."""


def numbers_of_tests() -> set[int]:
    return {
        int(number)
        for path in TESTS.rglob("test_*.py")
        for number in re.findall(r"case-(\d+)", path.read_text(encoding="utf-8"))
    }


def test_every_case_is_a_test_or_belongs_to_a_later_issue():
    assert numbers_of_tests() | ELSEWHERE.keys() | LATER.keys() == set(range(1, 97))


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_case_that_is_shown_elsewhere_is_there(case):
    path, what = ELSEWHERE[case].split(": ", 1)

    assert what in (TESTS / path).read_text(encoding="utf-8")
