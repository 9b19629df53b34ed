"""The file that grid analytics goes by is read strictly."""

import pytest

from tests.unit.vee.grid.build import RULES, TEXT
from vee.grid.rules import GridRules
from vee.rules_file import RuleSetError


def test_what_ships_are_the_limits_of_the_specification():
    assert (RULES.outages.together_s, RULES.outages.momentary_s) == (180, 300)
    assert RULES.loading.overloads == (1.0, 1.3, 1.6)
    assert (RULES.voltage_day.share_a_min, RULES.signs.case_points) == (0.05, 5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("together_s = 180", "", "outages.together_s is missing"),
        ("together_s", "togther_s", "togther_s"),
        ("meters_min = 2 ", "meters_min = 2.5 ", "whole number"),
        ("[1.0, 1.3, 1.6]", "[1.0]", "3 numbers"),
        ("[signs]", "[signs", "grid.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_key(old, new, said):
    with pytest.raises(RuleSetError, match=said):
        GridRules.parse(TEXT.replace(old, new, 1), name="grid.toml")
