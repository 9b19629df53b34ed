"""Brackets that do not add up, and the one value that alone can be to blame (V45)."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.vee import build
from tests.unit.vee.build import judge, methods, slot_table, statuses, values
from vee.block import Block
from vee.examination import V45, examine
from vee.kernels.gaps import Cells
from vee.shapes import Shaper

SLOTS = slot_table(days=9)
DAY = 8 * 96
"""First slot of the last day; the ones before it are good."""


def measured(changed: dict[int, int], *, every: int = 8, resolution: int = 1) -> Block:
    """Nine alike days with a true register every few slots, and some values changed on the last."""
    true = np.tile(100 + np.arange(96) % 5, 9)[None, :]
    shown = np.pad(true[0].cumsum(), (1, 0))
    value = true.copy()
    for slot, quanta in changed.items():
        value[0, DAY + slot] = quanta
    reads = [(boundary, int(shown[boundary])) for boundary in range(0, len(SLOTS) + 1, every)]
    return build.block(SLOTS, value, registers=reads, resolution=resolution)


def last_day(block: Block) -> str:
    return statuses(judge(block, days=slice(8, 9)))[DAY:]


def test_the_one_value_that_can_explain_an_excess_is_derived_and_the_others_stay():
    block = measured({41: 1010})

    outcome = judge(block, days=slice(8, 9))

    assert statuses(outcome)[DAY:] == "V" * 41 + "D" + "V" * 54
    assert values(outcome, [DAY + 41]) == [101]
    assert int(outcome.flags[0, DAY + 41]) == V45


def test_of_a_coarse_register_it_is_estimated():
    found = measured({41: 5010}, every=96, resolution=50)

    assert last_day(found) == "V" * 41 + "E" + "V" * 54


def test_a_value_with_the_wrong_sign_is_derived():
    block = measured({41: -101})
    block = replace(block, limits=replace(block.limits, reversible=np.ones(1, np.bool_)))

    outcome = judge(block, days=slice(8, 9))

    assert statuses(outcome)[DAY:] == "V" * 41 + "D" + "V" * 54
    assert methods(outcome, [DAY + 41])[0].name == "D1"


@pytest.mark.parametrize(
    "changed",
    [
        {41: 600, 42: 600},
        dict.fromkeys(range(40, 44), 0),
        {slot: 10 * (100 + (DAY + slot) % 5) for slot in range(40, 48)},
    ],
    ids=["two at once", "too little", "all of them"],
)
def test_where_several_values_may_be_wrong_all_are_held(changed):
    assert last_day(measured(changed)) == "V" * 40 + "S" * 8 + "V" * 48


def test_a_value_that_is_no_nearer_to_what_is_usual_without_the_excess_is_held():
    assert last_day(measured({41: 150})) == "V" * 40 + "S" * 8 + "V" * 48


@pytest.mark.parametrize("lost", [[], [40]], ids=["nothing is missing", "a gap elsewhere"])
def test_a_value_that_nobody_expected_goes_by_what_is_beside_it(lost: list[int]) -> None:
    true = measured({41: 5010}, every=96, resolution=50)
    value, present, expected = true.value.copy(), true.present.copy(), true.expected.copy()
    value[0, lost], present[0, lost] = 0, False
    expected[0, DAY + 41] = False
    block = replace(true, value=value, present=present, expected=expected)

    outcome = judge(block, days=slice(8, 9))

    assert statuses(outcome)[DAY:] == "V" * 41 + "S" + "V" * 54
    ahead, cell = np.ones(9, np.bool_), Cells(np.array([0]), np.array([DAY + 41]))
    gaps = Shaper.of(examine(block, build.RULES), cell, build.RULES, ahead=ahead).gaps
    assert (gaps.left.tolist(), gaps.right.tolist()) == ([DAY + 40], [DAY + 42])
