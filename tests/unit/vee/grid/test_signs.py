"""Direct signs of tampering; case 89 of vee.md 11."""

import numpy as np
import pytest

from tests.unit.vee.grid import build
from vee.grid.signs import Evidence, Sign, repeated, suspicions, tampered_alone

RULES = build.RULES.signs


def evidence(sign: Sign, *rows: tuple[int, int]) -> Evidence:
    meter, at_s = np.array(rows, np.int64).reshape(-1, 2).T
    return Evidence(sign, meter, at_s)


@pytest.mark.parametrize("points", [pytest.param(5, id="case-89")])
def test_usage_behind_an_open_switch_is_a_case_by_itself(points):
    (found,) = suspicions([evidence(Sign.USAGE_WHILE_OPEN, (7, 1000))], RULES)

    assert (found.meter, found.points, found.signs) == (7, points, (Sign.USAGE_WHILE_OPEN,))
    assert found.is_case


def test_points_add_up_and_a_sign_counts_once():
    found = suspicions(
        [
            evidence(Sign.REVERSE_ENERGY, (1, 900), (1, 300), (2, 100)),
            evidence(Sign.USAGE_WITHOUT_ACCOUNT, (1, 1200)),
            evidence(Sign.WATER),
        ],
        RULES,
    )

    assert [(each.meter, each.points, each.is_case) for each in found] == [
        (1, 5, True),
        (2, 3, False),
    ]
    assert (found[0].from_s, found[0].last_s) == (300, 1200)


def test_one_test_found_in_two_ways_counts_once():
    twice = [evidence(Sign.WATER, (1, 5)), evidence(Sign.WATER, (1, 9))]

    (found,) = suspicions(twice, RULES)

    assert (found.points, found.signs) == (2, (Sign.WATER,))


def test_no_evidence_is_no_suspicion():
    assert suspicions([evidence(Sign.WATER)], RULES) == []


@pytest.mark.parametrize(
    ("fail", "alone"), [((1, 1000 + 3600), True), ((1, 1000 + 3601), False), ((2, 1000), False)]
)
def test_a_tamper_event_needs_a_power_failure_of_the_same_meter_near_it(fail, alone):
    meter, fail_s = (np.array([each]) for each in fail)

    near = tampered_alone(np.array([1]), np.array([1000]), meter, fail_s, RULES)

    assert near.tolist() == [alone]


def test_without_failures_nothing_was_tampered_with_alone():
    none = np.empty(0, np.int64)

    assert tampered_alone(np.array([1]), np.array([9]), none, none, RULES).tolist() == [False]


def test_reports_are_repeated_from_the_second_on():
    assert repeated(np.array([4, 9, 4]), 2).tolist() == [True, False, True]
