"""The catalogue names every rule; tests/test_docs.py holds the reference to it."""

import importlib

import pytest

from mdms.domain.errors import RejectReason
from mdms.domain.readings import rule_bit
from mdms.ports.vee import BILL_RULES
from tests.unit.vee.build import RULES as SHIPPED
from vee.catalogue import RULES

SPECIFIED = {*range(1, 15), *range(20, 38), *range(40, 47), *range(50, 59)}
"""Other numbers below 59 are free for rules of our own."""


def test_no_rule_of_the_specification_is_left_out():
    numbers = [rule.number for rule in RULES]

    assert numbers == sorted(set(numbers))
    assert set(numbers) >= SPECIFIED


def test_masks_have_a_bit_for_every_rule_and_none_for_the_marks_of_estimates():
    assert len({rule_bit(rule.number) for rule in RULES}) == len(RULES)
    for number in (0, 59, 63):
        with pytest.raises(AssertionError, match=f"no bit for rule {number}"):
            rule_bit(number)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_decided_where_the_catalogue_says(rule):
    assert rule.decided
    for place in rule.decided:
        if "." in place:
            importlib.import_module(place)
        else:
            assert place in set(RejectReason)


def test_rules_of_bills_are_those_that_are_decided_over_bills():
    over_bills = {"vee.bill", "vee.period", "mdms.services.bill_dials"}

    assert {rule.code for rule in RULES if not over_bills.isdisjoint(rule.decided)} == BILL_RULES


def test_every_key_that_judges_belongs_to_a_rule():
    others = {
        "holidays",
        "edition",
        "estimate",
        "weather",
        "mass_event",
        "electric",
        "water",
        "gas",
    }
    named = {key for rule in RULES for key in rule.keys}

    for table in set(SHIPPED.__slots__) - others:
        for key in getattr(SHIPPED, table).__slots__:
            assert f"{table}.{key}" in named, f"{table}.{key} is read by no rule"
