"""How many remote opens are made in a time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mdms.policy import budgets
from mdms.policy.budgets import Opening
from mdms.policy.decision import Verdict
from mdms.policy.example_facts import SPENDING
from tests.policy import RULES, local

AT = local("2026-12-10T10:05")
MINUTE = timedelta(minutes=1)
WANTED = Opening(AT, "T0", immediate=False)


def opens(
    count: int, ago: timedelta, *, transformer: str = "", immediate: bool = False
) -> list[Opening]:
    return [Opening(AT - ago, transformer or f"T{n + 1}", immediate) for n in range(count)]


@pytest.mark.parametrize(
    ("made", "wait"),
    [
        (opens(9, 10 * MINUTE), None),
        (opens(10, 10 * MINUTE), 50 * MINUTE),
        (opens(10, 60 * MINUTE), None),
        (opens(24, 90 * MINUTE), None),
        (opens(25, 90 * MINUTE), 1350 * MINUTE),
        (opens(3, 20 * MINUTE, transformer="T0"), 40 * MINUTE),
        (opens(10, 10 * MINUTE, immediate=True), 50 * MINUTE),
        (opens(7, 10 * MINUTE) + opens(3, 40 * MINUTE, transformer="T0"), 20 * MINUTE),
        (opens(15, 90 * MINUTE) + opens(10, 5 * MINUTE), 1350 * MINUTE),
    ],
)
def test_an_open_waits_until_each_limit_has_room(made, wait):
    finding = budgets.pace(WANTED, replace(SPENDING, made=made), RULES.budgets)

    assert (finding and finding.next_possible_at) == (None if wait is None else AT + wait)


@pytest.mark.parametrize(
    ("made", "is_room"),
    [
        (opens(9, MINUTE), True),
        (opens(10, MINUTE), False),
        (opens(4, MINUTE, immediate=True), True),
        (opens(5, MINUTE, immediate=True), False),
    ],
)
def test_an_immediate_open_has_a_limit_of_its_own_besides_those_of_all(made, is_room):
    urgent = replace(WANTED, immediate=True)

    finding = budgets.spend(urgent, replace(SPENDING, made=made), RULES.budgets)

    assert (finding is None) == is_room


def test_no_more_than_a_share_of_all_switches_stands_open():
    finding = budgets.pace(WANTED, replace(SPENDING, open_count=25), RULES.budgets)

    assert finding
    assert (finding.verdict, finding.next_possible_at) == (Verdict.PENDING, None)
    assert budgets.pace(WANTED, replace(SPENDING, open_count=24), RULES.budgets) is None


def test_the_smallest_fleet_may_open_one():
    one = replace(SPENDING, switch_count=3)

    assert budgets.pace(WANTED, one, RULES.budgets) is None
    assert budgets.pace(WANTED, replace(one, open_count=1), RULES.budgets)


@pytest.mark.parametrize("ask", [budgets.pace, budgets.spend])
def test_once_the_breaker_fell_nothing_opens(ask):
    finding = ask(WANTED, replace(SPENDING, tripped=True), RULES.budgets)

    assert (finding.verdict, finding.code) == (Verdict.QUARANTINE, "RD_BUDGET")
