"""Leak rules are read strictly, and known by their content."""

import pytest

from tests.unit.vee.leaks.build import RULES, TEXT
from vee.leaks.rules import LeakRules
from vee.rules_file import RuleSetError


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("frozen_h_max = 6 ", "", "continuous.frozen_h_max is missing"),
        ("frozen_h_max = 6 ", "frozen = 6 ", "continuous.frozen is not a known key"),
        ("frozen_h_max = 6 ", "frozen_h_max = 6.5 ", "must be a whole number"),
        ("share = 0.5 ", "share = -0.5 ", "clearing.share must be a number from 0"),
        ('place = "irrigation"', "place = 7", "must be text, not 7"),
        ('baseline = "nights"', 'baseline = "moon"', "baseline must be one of none"),
        ("baseline_nights = 60 ", "baseline_nights = 61 ", "at most 60: no more is remembered"),
        ("hours = 8, from_h", "hours = 25, from_h", "at most 24"),
        ("windows_max = 3", "windows_max = 4", "at most 3"),
        ("effective = 2026-01-01", 'effective = "soon"', "a date like"),
        ("[edition]", "[edition", "leaks.toml"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(before, after, message):
    assert before in TEXT

    with pytest.raises(RuleSetError, match=message):
        LeakRules.parse(TEXT.replace(before, after, 1), name="leaks.toml")


def test_rules_are_known_by_their_content():
    spaced = TEXT.replace("frozen_h_max = 6 ", "frozen_h_max   =   6 # h ")
    other = TEXT.replace("frozen_h_max = 6 ", "frozen_h_max = 5 ")

    assert LeakRules.parse(spaced, name="").hash == RULES.hash
    assert LeakRules.parse(other, name="").hash != RULES.hash


def test_the_first_grade_that_is_fine_enough_is_taken():
    fine, coarse = RULES.grade("single_family", 0.1), RULES.grade("single_family", 7.48)

    assert fine is not None
    assert coarse is not None
    assert (fine.possible.gal_h, coarse.possible.gal_h) == (1, 3)
    assert RULES.grade("single_family", 74.8) is None
