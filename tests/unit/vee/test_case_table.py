"""
The 96 acceptance cases of the VEE specification: each is a test, or belongs to a later issue.

A test of a case carries its number as `case-N` in its id. Cases whose subject lives elsewhere are
named with the test that shows it.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

ELSEWHERE = {
    1: "contract/test_unit_of_work.py: test_rows_are_stored_once_and_those",
    10: "unit/ingest/test_channels.py: RejectReason.BAD_INTERVAL",
    58: "unit/mdms/billing/test_units.py: vee case 58",
    59: "unit/vee/test_gridding.py: test_intervals_are_expected_while_a_meter_is_installed",
    62: "unit/mdms/billing/test_units.py: vee case 62",
    90: "unit/mdms/services/test_vee_run.py: test_a_second_run_over_everything_appends_nothing",
}
"""File below tests, and what in it is about the case."""

LATER = {
    4: "issue 7, files: N32 of CMEP is a missing interval",
    5: "issue 7, files: an unknown quality letter of CMEP",
    8: "issue 7, files: local times of an autumn hour",
    9: "issue 7, files: local times of a spring hour",
    85: "after issue 5: ageing of transformers",
    94: "issue 6, billing: meter error",
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
