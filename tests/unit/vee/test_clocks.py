"""Clocks that are off, and what becomes of the values that they stamped (V05, case 29)."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from mdms.domain.readings import rule_bit
from tests.unit.vee.build import RULES, block, judge, slot_table, statuses
from vee.block import Block, SlotTable
from vee.context import ELECTRIC, Clocks, Context
from vee.edits import Edits
from vee.engine import Outcome
from vee.examination import examine

V05 = rule_bit(5)
HOURLY = slot_table(days=1, interval_s=3600)
QUARTERLY = slot_table(days=1)


def stamped(slots: SlotTable, offset_s: int, registers: Iterable[tuple[int, int]] = ()) -> Block:
    """Return a day whose clock was off from the start of slot 8 to the end of slot 12."""
    plain = Context.plain(np.array([ELECTRIC], np.uint8), len(slots.days))
    clocks = Clocks(
        channel=np.array([0]),
        from_s=slots.start_s[[8]],
        until_s=slots.start_s[[13]],
        offset_s=np.array([offset_s]),
    )
    return replace(block(slots, registers=registers), known=replace(plain, clocks=clocks))


def told(outcome: Outcome) -> list[int]:
    return np.flatnonzero(outcome.flags[0] & V05).tolist()


def test_a_clock_a_little_off_only_warns():
    outcome = judge(stamped(HOURLY, 200))

    assert statuses(outcome) == "V" * 24
    assert told(outcome) == [8, 9, 10, 11, 12]


@pytest.mark.parametrize("offset_s", [1000, -1000])
def test_values_of_a_doubtful_clock_are_held(offset_s):
    outcome = judge(stamped(HOURLY, offset_s))

    assert statuses(outcome) == "V" * 8 + "S" * 5 + "V" * 11


def test_a_register_does_not_release_what_is_held_for_its_clock():
    held = stamped(HOURLY, 1000, registers=[(0, 0), (24, 2400)])

    assert statuses(judge(held)) == "V" * 8 + "S" * 5 + "V" * 11


@pytest.mark.parametrize("offset_s", [900, -3600])
def test_values_in_the_wrong_interval_fail_and_are_estimated(offset_s):
    found = stamped(QUARTERLY, offset_s, registers=[(0, 0), (96, 9600)])

    outcome = judge(found)

    assert statuses(outcome) == "V" * 8 + "E" * 5 + "V" * 83
    assert told(outcome) == [8, 9, 10, 11, 12]
    assert int(outcome.value.sum()) == 9600


def test_a_clock_within_tolerance_says_nothing():
    assert told(judge(stamped(HOURLY, 180))) == []


def test_what_a_person_set_stands_whatever_the_clock():
    off = stamped(QUARTERLY, -3600)
    decided = np.zeros(off.value.shape, np.bool_)
    decided[0, 10] = True
    none = np.zeros_like(decided)

    found = examine(replace(off, edits=Edits(decided, none, none)), RULES)

    assert np.flatnonzero(found.missing[0]).tolist() == [8, 9, 11, 12]


def test_a_person_hears_of_clocks_that_hold_or_fail_values():
    for offset_s, severity in ((200, None), (1000, "HOLD"), (-3600, "FAIL")):
        off = stamped(HOURLY, offset_s)
        found = examine(off, RULES)
        marks = [each.severity for each in found.marks.days if each.rule == 5]

        assert [str(each) for each in marks] == [severity or "WARN"]
