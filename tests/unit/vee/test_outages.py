"""Zeros where the power was away or the switch open, as far as registers agree."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_EXTREME,
    FLAG_EST_UNSCALED,
    FLAG_OUTAGE_CONFLICT,
    Method,
)
from tests.unit.vee import build
from tests.unit.vee.build import judge, methods, slot_table, spans, statuses, values, with_evidence
from vee.block import Block
from vee.context import ELECTRIC, Context, Openings, Quantity
from vee.evidence import Spans
from vee.examination import V29

DARK = range(52, 64)
"""The reads that end 13:15 to 16:00."""


def outage(residual: int, *, resolution: int = 100) -> Block:
    """An outage 13:10-15:50; 90 Wh are usual, and a register leaves `residual` for the gap."""
    slots = slot_table(days=15)
    today = 7 * 96
    value = np.full((1, len(slots)), 90)
    block = build.block(
        slots,
        value,
        missing=[today + slot for slot in DARK],
        registers=[(today + 48, 0), (today + 68, 8 * 90 + residual)],
        resolution=resolution,
    )
    day_h = 7 * 24
    return with_evidence(
        block, outages=Spans(*spans(block, day_h + 13 + 1 / 6, day_h + 15 + 5 / 6))
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-51")])
def test_an_outage_leaves_zeros_and_parts_at_its_edges(case):
    # The case's tolerance of 0.2 kWh is that of a register of 0.1 kWh; this one counts
    # every Wh, so that what is left is met exactly.
    outcome = judge(outage(120, resolution=1))

    gap = [7 * 96 + slot for slot in DARK]
    assert values(outcome, gap) == [60, *[0] * 10, 60]
    assert statuses(outcome)[gap[0] : gap[-1] + 1] == "E" + "Z" * 10 + "E"
    assert set(methods(outcome, gap[1:-1])) == {Method.Z1}
    assert not (outcome.flags[0, gap] & (FLAG_EST_EXTREME | FLAG_OUTAGE_CONFLICT)).any()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-52")])
def test_a_register_that_counted_on_contradicts_the_outage(case):
    outcome = judge(outage(2_400, resolution=1))

    gap = [7 * 96 + slot for slot in DARK]
    assert sum(values(outcome, gap)) == 2_400
    assert values(outcome, gap) == [200] * 12
    assert ((outcome.flags[0, gap] & FLAG_OUTAGE_CONFLICT) != 0).all()
    assert statuses(outcome)[gap[0] : gap[-1] + 1] == "E" * 12


def test_zeros_are_accepted_where_no_register_speaks():
    block = outage(120)
    block = replace(block, registers=block.registers.take(slice(0, 0)))

    outcome = judge(block)

    gap = [7 * 96 + slot for slot in DARK]
    assert values(outcome, gap) == [60, *[0] * 10, 60]
    assert outcome.flags[0, gap[5]] == 0
    assert outcome.flags[0, gap[0]] == FLAG_EST_UNSCALED


def dark_hour(residual: int) -> Block:
    """Four missing slots wholly in an outage, and a register that leaves something for them."""
    slots = slot_table()
    block = build.block(
        slots, missing=range(40, 44), registers=[(40, 0), (44, residual)], resolution=10
    )
    return with_evidence(block, outages=Spans(*spans(block, 9, 12)))


def test_zeros_let_a_residual_within_tolerance_go_and_say_so():
    outcome = judge(dark_hour(20))

    assert values(outcome, range(40, 44)) == [0] * 4
    assert statuses(outcome)[40:44] == "ZZZZ"
    assert set(outcome.flags[0, 40:44].tolist()) == {FLAG_EST_CLAMPED}


def test_zeros_do_not_let_go_of_more_than_the_tolerance():
    outcome = judge(dark_hour(30))

    assert sum(values(outcome, range(40, 44))) == 30
    assert statuses(outcome)[40:44] == "EEEE"
    assert ((outcome.flags[0, 40:44] & FLAG_OUTAGE_CONFLICT) != 0).all()


def test_another_gap_of_the_bracket_takes_what_an_outage_cannot_have_used():
    block = build.block(
        slot_table(), missing=[*range(40, 44), 60, 61], registers=[(40, 0), (64, 18 * 100 + 230)]
    )

    outcome = judge(with_evidence(block, outages=Spans(*spans(block, 10, 11))))

    assert values(outcome, [*range(40, 44), 60, 61]) == [0, 0, 0, 0, 115, 115]


def test_an_open_switch_leaves_zeros():
    block = build.block(slot_table(), missing=range(40, 44))
    opened = Context.plain(np.array([ELECTRIC], np.uint8), 1)
    block = replace(block, known=replace(opened, openings=Openings(*spans(block, 9, 12))))

    outcome = judge(block)

    assert values(outcome, range(40, 44)) == [0] * 4
    assert set(methods(outcome, range(40, 44))) == {Method.Z2}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(Quantity.DELIVERED, True), (Quantity.RECEIVED, True), (Quantity.REACTIVE, False)],
)
def test_a_register_that_counted_behind_an_open_switch_is_usage_while_it_is_off(quantity, expected):
    block = build.block(
        slot_table(), missing=range(40, 44), registers=[(40, 0), (44, 800)], resolution=10
    )
    plain = Context.plain(np.array([ELECTRIC], np.uint8), 1)
    opened = replace(plain, quantity=np.array([quantity], np.uint8))
    block = replace(block, known=replace(opened, openings=Openings(*spans(block, 9, 12))))

    outcome = judge(block)

    assert statuses(outcome)[40:44] == "EEEE"
    assert ((outcome.flags[0, 40:44] & V29) != 0).tolist() == [expected] * 4
