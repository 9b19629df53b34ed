"""What the cold of a day does to an estimate of gas that no register scales; vee.md 4.3, 4.7."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.vee import build
from tests.unit.vee.build import RULES
from vee.context import ELECTRIC, GAS, Context
from vee.evidence import Evidence
from vee.examination import examine
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.shapes import Shaper
from vee.warmth import warmth

DAYS, GAP_DAY = 50, 40


def factors(
    outdoor_f: Float, *, commodity: int = GAS, ahead: bool = True, rules: RuleSet = RULES
) -> Float:
    """Return the factors of a gap of a day: usage is 24 + 6 for each degree-day below 65."""
    slots = build.slot_table(days=DAYS, interval_s=3600)
    daily = 24 + 6 * np.nan_to_num(np.maximum(65 - outdoor_f, 0))
    value = np.repeat(np.rint(daily / 24 * 100).astype(np.int64), 24)[None, :]
    present = np.ones(value.shape, np.bool_)
    present[0, GAP_DAY * 24 : (GAP_DAY + 1) * 24] = False
    block = replace(
        build.block(slots, value, present=present, linear=False),
        known=Context.plain(np.array([commodity], np.uint8), DAYS),
        evidence=replace(Evidence.none(), outdoor_f=outdoor_f),
    )
    cells = Cells(np.zeros(24, np.int64), np.arange(24) + GAP_DAY * 24)
    shaper = Shaper.of(examine(block, rules), cells, rules, ahead=np.full(DAYS, ahead))
    return warmth(shaper, np.arange(24))


def outdoors(gap_f: float) -> Float:
    degrees = 55.0 + 5 * np.sin(np.arange(DAYS))
    degrees[GAP_DAY] = gap_f
    return degrees


@pytest.mark.parametrize("ahead", [True, False])
def test_a_cold_day_takes_more_than_those_around_it(ahead):
    assert factors(outdoors(35.0), ahead=ahead) == pytest.approx(24 * [204 / 84], rel=0.15)
    assert factors(outdoors(65.0), ahead=ahead) == pytest.approx(24 * [24 / 84], rel=0.15)


def test_nothing_is_bent_that_the_weather_does_not_explain():
    few = np.where(np.arange(DAYS) < DAYS - 18, np.nan, outdoors(35.0))
    noise = outdoors(35.0)
    noise[: GAP_DAY - 1] = np.random.default_rng(1).uniform(40, 64, GAP_DAY - 1)

    assert (factors(few) == 1).all()
    assert (factors(np.where(np.arange(DAYS) == GAP_DAY, np.nan, outdoors(0))) == 1).all()
    assert (factors(outdoors(35.0), commodity=ELECTRIC) == 1).all()
    assert (factors(np.full(DAYS, 70.0)) == 1).all()


def test_days_far_from_the_gap_tell_nothing_of_its_cold():
    near = replace(RULES, weather=replace(RULES.weather, reach_days=12))

    assert factors(outdoors(35.0), ahead=False)[0] > 1
    assert (factors(outdoors(35.0), ahead=False, rules=near) == 1).all()
