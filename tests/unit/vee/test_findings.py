"""What people are told of days: nothing that is held is kept from them."""

import numpy as np
import pytest

from mdms.domain.readings import FLAG_PARTIAL, rule_bit
from tests.unit.vee import build
from tests.unit.vee.build import RULES, judge, nothing_stored, slot_table
from vee.amend import amend
from vee.block import Block
from vee.examination import examine
from vee.findings import Finding, findings
from vee.marks import Severity


def told(block: Block) -> list[Finding]:
    """Judge the days of a block that nothing was decided about yet."""
    found = examine(block, RULES)
    everywhere = np.ones((len(block.value), len(block.slots.days)), np.bool_)
    return findings(found, amend(judge(block), nothing_stored(block), found), everywhere)


@pytest.mark.parametrize(
    ("flag", "rule"),
    [(rule_bit(n), f"V{n:02}") for n in (4, 11, 12, 13, 14)] + [(FLAG_PARTIAL, "V10")],
)
def test_values_that_failed_and_cannot_be_estimated_are_listed_by_their_rule(flag, rule):
    flags = np.zeros((1, 96), np.int64)
    flags[0, [40, 41]] = flag

    (found,) = told(build.block(slot_table(), flags=flags, linear=False))

    assert (found.rule, found.severity) == (rule, Severity.HOLD)
    assert found.detail.startswith("2 intervals are held. ")


def test_values_that_were_estimated_instead_are_not_listed():
    flags = np.zeros((1, 96), np.int64)
    flags[0, [40, 41]] = rule_bit(13)

    assert told(build.block(slot_table(), flags=flags)) == []


def test_what_is_listed_by_its_own_sentence_is_listed_once():
    value = np.full((1, 96), 100)
    value[0, 40] = -50

    (found,) = told(build.block(slot_table(), value, linear=False))

    assert (found.rule, found.detail) == ("V20", "1 intervals below zero")
