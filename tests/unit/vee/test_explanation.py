"""What one estimate was made from."""

import numpy as np
import pytest

from mdms.domain.readings import Method
from tests.unit.vee import build
from tests.unit.vee.build import RULES, slot_table
from vee.examination import examine
from vee.explanation import bands, sources, witnesses
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
    assert {int(slot) for slot in seen.slot} <= {each.slot for each in listed}
    assert len({each.day for each in listed}) > 3


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
