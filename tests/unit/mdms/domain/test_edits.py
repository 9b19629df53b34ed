"""When a second person must agree to an edit."""

import pytest

from mdms.domain.edits import REASONS, EditReason, four_eyes
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Commodity

ELECTRIC = reading_type(Commodity.ELECTRIC, 0, 900)
GAS = reading_type(Commodity.GAS, 0, 3600)
WATER = reading_type(Commodity.WATER, 0, 3600)


@pytest.mark.parametrize(
    ("kind", "most"),
    [(ELECTRIC, 100_000), (GAS, 1_000), (WATER, 37_402)],
    ids=["100 kWh", "10 therms", "5 ccf"],
)
def test_a_large_change_of_usage_needs_four_eyes_in_either_direction(kind, most):
    for change in (most, -most):
        assert four_eyes(change, kind, EditReason.METER_FAULT, frozen="") == ()
    for change in (most + 1, -most - 1):
        assert len(four_eyes(change, kind, EditReason.METER_FAULT, frozen="")) == 1


@pytest.mark.parametrize(
    ("change", "alone", "asked"),
    [
        (40_000, 60_000, 0),
        (40_001, 60_000, 1),
        (-40_000, 60_000, 0),
        (-1, -100_000, 1),
        (0, 9**9, 0),
    ],
)
def test_what_one_person_changes_bit_by_bit_needs_four_eyes_as_if_it_were_one(change, alone, asked):
    found = four_eyes(change, ELECTRIC, EditReason.METER_FAULT, frozen="", alone=alone)

    assert len(found) == asked


@pytest.mark.parametrize("reason", EditReason)
def test_theft_and_tests_always_need_four_eyes(reason):
    found = four_eyes(0, ELECTRIC, reason, frozen="")

    assert bool(found) == (reason in {EditReason.THEFT_EST, EditReason.TEST_ADJ})


def test_what_a_bill_rests_on_needs_four_eyes():
    found = four_eyes(1, ELECTRIC, EditReason.OTHER, frozen="2026-10-05..2026-11-03")

    assert found == ("a bill rests on it (2026-10-05..2026-11-03)",)


def test_every_reason_is_explained():
    assert set(REASONS) == set(EditReason)
