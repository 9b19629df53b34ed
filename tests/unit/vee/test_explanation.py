"""What one estimate was made from."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from mdms.domain.readings import Method
from tests.unit.vee import build
from tests.unit.vee.build import RULES, slot_table
from vee.evidence import CheckChannel, ClassProfile, Evidence, LastYear, Peers
from vee.examination import examine
from vee.explanation import Source, bands, sources, witnesses
from vee.factors import factors
from vee.kernels.gaps import Cells
from vee.shapes import Shaper

DAYS, A_DAY = 29, 96
SLOTS = slot_table(days=DAYS)
GAP = range(14 * A_DAY + 40, 14 * A_DAY + 52)


def shaper(*, registers: bool = True) -> Shaper:
    """A home with an evening's peak that wanders, and three hours missing in its middle."""
    rng = np.random.default_rng(1)
    value = 100 + rng.integers(0, 200, (1, len(SLOTS)))
    reads = [(GAP[0], 0), (GAP[-1] + 1, 2_400)] if registers else []
    block = build.block(SLOTS, value, missing=GAP, registers=reads)
    found = examine(block, RULES)
    return Shaper.of(found, Cells.where(found.missing), RULES, ahead=np.ones(DAYS, np.bool_))


@pytest.mark.parametrize("registers", [True, False])
def test_windows_that_resemble_a_gap_are_named_with_their_weights(registers):
    seen = witnesses(shaper(registers=registers), 3)

    assert seen is not None
    assert seen.weight.sum() == pytest.approx(1)
    assert (np.diff(seen.weight) <= 0).all()
    own = SLOTS.day[GAP[3]]
    assert (SLOTS.day[seen.slot] != own).all()
    apart = np.abs(SLOTS.wall[seen.slot] - SLOTS.wall[GAP[3]])
    assert apart.max() <= 4, "within an hour of the same time"
    assert 0 < seen.trust < 1
    assert 100 <= seen.low < seen.high <= 300


def test_an_estimate_by_windows_rests_on_them_and_on_the_days_of_its_profile():
    listed = sources(shaper(), 3, Method.H4)

    seen = witnesses(shaper(), 3)
    assert seen is not None
    assert sum(each.weight for each in listed) == pytest.approx(1)
    assert set(SLOTS.start_s[seen.slot].tolist()) <= {each.start_s for each in listed}
    days = SLOTS.day[np.searchsorted(SLOTS.start_s, [each.start_s for each in listed])]
    assert len(set(days.tolist())) > 3


def test_a_band_is_that_of_the_windows():
    asked = shaper()
    seen = witnesses(asked, 3)

    found = bands(asked)

    assert seen is not None
    assert found[3].tolist() == pytest.approx([seen.low, seen.high])
    assert found.shape == (len(GAP), 2)


def test_nobody_saw_a_window_where_no_other_day_is_known():
    slots = slot_table(days=1)
    found = examine(build.block(slots, missing=range(40, 44)), RULES)
    alone = Shaper.of(found, Cells.where(found.missing), RULES, ahead=np.ones(1, np.bool_))

    assert witnesses(alone, 0) is None
    assert np.isnan(bands(alone)).all()


NOON = 36
"""Of the second of three days of which only the noons are missing, and that day whole."""


def scarce(*, gap: slice = slice(24, 48), **evidence: Any) -> tuple[Shaper, int]:
    """A meter with three days of which one is missing, and the position of its noon."""
    slots = slot_table(date(2026, 7, 1), 3, interval_s=3600)
    present = np.ones((1, 72), np.bool_)
    present[0, gap] = False
    present[0, 12::24] = False
    block = build.block(slots, np.full((1, 72), 300), present=present, linear=False)
    found = examine(replace(block, evidence=replace(Evidence.none(), **evidence)), RULES)
    cells = Cells.where(found.missing)
    position = int(np.flatnonzero(cells.slot == NOON)[0])
    return Shaper.of(found, cells, RULES, ahead=np.ones(3, np.bool_)), position


def product(shaper: Shaper, position: int, method: Method) -> float:
    shapes = shaper.shapes()
    assert shapes.method[position] == method
    return float(shapes.shape[position])


def test_a_copy_names_the_meter_that_it_was_copied_from():
    check = CheckChannel(
        np.full((1, 72), 70), np.ones((1, 72), np.bool_), np.full((1, 72), 9, np.int32)
    )
    asked, position = scarce(check=check)

    (source,) = sources(asked, position, Method.K1)

    start_s = int(asked.found.block.slots.start_s[NOON])
    assert source == Source(channel_id=9, start_s=start_s, value=70, weight=1.0)
    assert product(asked, position, Method.K1) == source.value


def test_an_estimate_from_the_year_before_names_its_weeks_and_the_change_since():
    value = np.array([100, 200, 900])[:, None, None] * np.ones((1, 1, 72), np.int64)
    valid = np.ones((3, 1, 72), np.bool_)
    valid[2] = False
    start_s = np.array([1_000, 2_000, 3_000])[:, None] + np.zeros((1, 72), np.int64)
    asked, position = scarce(last_year=LastYear(value, valid, start_s))

    listed = sources(asked, position, Method.H3)
    (change,) = factors(asked, position, Method.H3)

    assert [(each.start_s, each.value) for each in listed] == [(1_000, 100), (2_000, 200)]
    assert (change.value, change.first, change.last) == (3, date(2026, 7, 1), date(2026, 7, 3))
    mean = sum(each.weight * each.value for each in listed)
    assert product(asked, position, Method.H3) == change.value * mean == 450


@pytest.mark.parametrize(("gap", "whose"), [(slice(24, 48), (0,)), (slice(3, 72), (8, 9))])
def test_a_profile_of_a_class_names_the_class_and_whose_day_was_shared_out(gap, whose):
    share = np.full((1, 72), 0.05)
    peers = Peers(np.array([8, 9], np.int32), date(2026, 6, 1), date(2026, 6, 28))
    of_class = ClassProfile(share, np.full((1, 72), 4800.0), [peers], np.zeros((1, 72), np.int64))
    asked, position = scarce(gap=gap, of_class=of_class)

    daily, of_slot = factors(asked, position, Method.C1)

    assert daily.channel_ids == whose
    assert (of_slot.value, of_slot.channel_ids) == (0.05, (8, 9))
    assert (of_slot.first, of_slot.last) == (peers.first, peers.last)
    assert product(asked, position, Method.C1) == pytest.approx(daily.value * of_slot.value)
    assert sources(asked, position, Method.C1) == []


def test_an_average_names_the_days_that_it_was_taken_from():
    asked, position = scarce()

    (average,) = factors(asked, position, Method.A1)

    assert (average.value, average.channel_ids) == (300, (0,))
    assert (average.first, average.last) == (date(2026, 7, 1), date(2026, 7, 3))
    assert product(asked, position, Method.A1) == average.value


def test_an_even_share_names_the_days_of_its_bracket():
    slots = slot_table(days=1)
    block = build.block(slots, missing=range(96), registers=[(0, 0), (96, 960)])
    found = examine(block, RULES)
    asked = Shaper.of(found, Cells.where(found.missing), RULES, ahead=np.ones(1, np.bool_))

    (share,) = factors(asked, 40, Method.A1)

    assert (share.value, share.first, share.last) == (10, slots.days[0], slots.days[0])
    assert product(asked, 40, Method.A1) == share.value
