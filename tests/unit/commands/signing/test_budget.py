"""Budgets: each limit by itself."""

from dataclasses import replace

import pytest

from commands.signing import budget
from mdms.ports.signer import Spent
from tests.controls import AT
from tests.signing import an_edition, open_rules

RULES = open_rules(an_edition(per_transformer_hour=3, open_per_cent_max=5)).at(AT)
NOTHING = Spent(
    hour=0, day=0, immediate_hour=0, transformer_hour=0, open_now=0, pilot=500, latest_at=None
)


def test_there_is_room_while_no_limit_is_reached():
    nearly = Spent(
        hour=9, day=24, immediate_hour=4, transformer_hour=2, open_now=24, pilot=500, latest_at=AT
    )

    assert budget.exceeded(nearly, RULES, immediate=True) is None


@pytest.mark.parametrize(
    ("field", "count", "words"),
    [
        ("hour", 10, "10 of 10 opens in an hour"),
        ("day", 25, "25 of 25 opens in 24 hours"),
        ("transformer_hour", 3, "behind one transformer"),
        ("open_now", 25, "25 of 25 switches open at once"),
        ("immediate_hour", 5, "5 of 5 immediate opens"),
    ],
)
def test_each_limit_stops_the_next_open(field, count, words):
    spent = replace(NOTHING, **{field: count})

    assert words in (budget.exceeded(spent, RULES, immediate=True) or "")


def test_the_limit_of_immediate_opens_binds_no_others():
    assert budget.exceeded(replace(NOTHING, immediate_hour=5), RULES, immediate=False) is None


@pytest.mark.parametrize(("pilot", "most"), [(0, 1), (19, 1), (40, 2), (500, 25), (100_000, 25)])
def test_a_larger_pilot_than_may_be_makes_no_more_room(pilot, most):
    assert budget.open_max(pilot, RULES) == most
