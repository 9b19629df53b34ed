"""Which days tell anything about a gap, and whose."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.vee import build
from tests.unit.vee.build import RULES, judge, slot_table, spans, statuses, values, with_evidence
from vee.context import ELECTRIC, Context, Openings
from vee.evidence import Spans
from vee.examination import examine


def test_a_day_whose_outage_took_its_values_away_is_no_reference():
    slots = slot_table(days=3)
    hole = range(96 + 40, 96 + 48)
    block = build.block(slots, missing=hole)
    dark = with_evidence(block, outages=Spans(*spans(block, 24 + 10, 24 + 12)))
    brief = with_evidence(block, outages=Spans(*spans(block, 24 + 10, 24 + 10.9)))

    known = [examine(each, RULES).reference(outage_h_max=1.0)[0] for each in (block, dark, brief)]

    assert [[bool(each[slots.day == day].any()) for day in range(3)] for each in known] == [
        [True, True, True],
        [True, False, True],
        [True, True, True],
    ]


def test_a_day_on_which_the_service_was_switched_off_is_no_reference():
    slots = slot_table(days=3)
    block = build.block(slots)
    known = Context.plain(np.array([ELECTRIC], np.uint8), 3)
    off = replace(block, known=replace(known, openings=Openings(*spans(block, 47, 49))))

    reference = examine(off, RULES).reference(outage_h_max=1.0)

    assert [bool(reference[0, slots.day == day].any()) for day in range(3)] == [True, False, False]


@pytest.mark.parametrize("bracketed", [False, True])
@pytest.mark.parametrize("gap_h", [0.5, 6])
@pytest.mark.parametrize("after", [2, 20])
def test_nobody_is_estimated_from_who_lived_there_before(bracketed, gap_h, after):
    moved, days = 30, 51
    slots = slot_table(days=days)
    rng = np.random.default_rng(1)
    value = rng.integers(90, 111, (1, len(slots)))
    value[0, moved * 96 :] *= 10
    first = (moved + after) * 96 + 40
    gap = range(first, first + int(gap_h * 4))
    registers = [
        (gap.start - 1, 0),
        (gap.stop + 1, int(value[0, gap.start - 1 : gap.stop + 1].sum())),
    ]
    block = build.block(
        slots, value, missing=gap, registers=registers if bracketed else [], linear=False
    )
    since = np.repeat([[0, moved]], [moved, days - moved], axis=1)
    known = replace(Context.plain(np.array([ELECTRIC], np.uint8), days), since=since)
    alone = replace(block, known=known)

    x = np.array(values(judge(alone, two_sided=False), gap))

    assert ((x > 800) & (x < 1200)).all()


def test_days_of_the_people_before_are_no_average_of_the_new_ones():
    slots = slot_table(days=4)
    value = np.repeat([[10, 1000]], [3 * 96, 96], axis=1)
    gap = range(3 * 96 + 60, 3 * 96 + 96)
    block = build.block(slots, value, missing=gap, linear=False)
    since = np.array([[0, 0, 0, 3]])
    known = replace(Context.plain(np.array([ELECTRIC], np.uint8), 4), since=since)

    alone = judge(replace(block, known=known))
    together = judge(block)

    assert statuses(alone)[gap.start :] == "." * len(gap)
    assert "." not in statuses(together)
