"""What the weather of a day does to an estimate that no register scales; vee.md 4.3, 4.7."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.vee import build
from tests.unit.vee.build import RULES
from vee.context import ELECTRIC, GAS, WATER, Context, Quantity
from vee.evidence import CheckChannel, Evidence
from vee.examination import examine
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.shapes import Shaper
from vee.warmth import warmth

DAYS, GAP_DAY = 50, 40


def factors(
    outdoor_f: Float,
    *,
    commodity: int = GAS,
    quantity: Quantity = Quantity.DELIVERED,
    ahead: bool = True,
    rules: RuleSet = RULES,
) -> Float:
    """Return the factors of a gap of a day: usage is 24 + 6 for each degree-day from 65."""
    slots = build.slot_table(days=DAYS, interval_s=3600)
    daily = 24 + 6 * np.nan_to_num(np.abs(65 - outdoor_f))
    value = np.repeat(np.rint(daily / 24 * 100).astype(np.int64), 24)[None, :]
    present = np.ones(value.shape, np.bool_)
    present[0, GAP_DAY * 24 : (GAP_DAY + 1) * 24] = False
    block = replace(
        build.block(slots, value, present=present, linear=False),
        known=replace(
            Context.plain(np.array([commodity], np.uint8), DAYS),
            quantity=np.array([quantity], np.uint8),
        ),
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


def test_electric_homes_follow_the_cold_and_the_warmth():
    mixed = 65.0 + 10 * np.sin(np.arange(DAYS))
    usual = factors(np.where(np.arange(DAYS) == GAP_DAY, 65.0, mixed), commodity=ELECTRIC)
    cold, warm = (
        factors(np.where(np.arange(DAYS) == GAP_DAY, here, mixed), commodity=ELECTRIC)
        for here in (55.0, 75.0)
    )

    assert (usual < 1).all()
    assert cold == pytest.approx(usual * 84 / 24, rel=0.01)
    assert warm == pytest.approx(cold, rel=0.01)


def test_gas_does_not_follow_the_warmth_nor_the_sun_the_weather_of_the_day():
    mixed = 75.0 + 10 * np.sin(np.arange(DAYS))

    assert (factors(mixed) == 1).all()
    received = factors(mixed, commodity=ELECTRIC, quantity=Quantity.RECEIVED)
    assert (received == 1).all()


def test_nothing_is_bent_that_the_weather_does_not_explain():
    few = np.where(np.arange(DAYS) < DAYS - 18, np.nan, outdoors(35.0))
    noise = outdoors(35.0)
    noise[: GAP_DAY - 1] = np.random.default_rng(1).uniform(40, 64, GAP_DAY - 1)

    assert (factors(few) == 1).all()
    assert (factors(np.where(np.arange(DAYS) == GAP_DAY, np.nan, outdoors(0))) == 1).all()
    assert (factors(outdoors(35.0), commodity=WATER) == 1).all()
    assert (factors(np.full(DAYS, 70.0)) == 1).all()


def test_days_far_from_the_gap_tell_nothing_of_its_cold():
    near = replace(RULES, weather=replace(RULES.weather, reach_days=12))

    assert factors(outdoors(35.0), ahead=False)[0] > 1
    assert (factors(outdoors(35.0), ahead=False, rules=near) == 1).all()


def test_what_another_meter_or_the_values_beside_say_is_not_bent():
    slots = build.slot_table(days=DAYS, interval_s=3600)
    outdoor_f = outdoors(30.0)
    value = np.repeat(np.rint(100 + 6 * (65 - outdoor_f)).astype(np.int64), 24)[None, :]
    noon = GAP_DAY * 24 + 12
    evening = GAP_DAY * 24 + 18
    block = build.block(slots, value, missing=[noon, *range(evening, evening + 5)])
    seen = np.zeros(value.shape, np.bool_)
    seen[0, evening : evening + 5] = True
    check = CheckChannel(np.full(value.shape, 7), seen, np.ones(value.shape, np.int32))
    evidence = replace(Evidence.none(), check=check)

    with_it, without = (
        build.judge(
            replace(block, evidence=replace(evidence, outdoor_f=each)),
            days=slice(GAP_DAY, GAP_DAY + 1),
        )
        for each in (outdoor_f, None)
    )

    assert build.values(with_it, [noon]) == build.values(without, [noon])
    assert build.values(with_it, range(evening, evening + 5)) == [7] * 5
