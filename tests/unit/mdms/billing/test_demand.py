"""Where demand intervals begin."""

from decimal import Decimal

import numpy as np
import pytest

from mdms.billing.demand import Demand, demand_of
from mdms.domain.readings import IntervalReads, Source

QUARTER_S = 900
MIDNIGHT_S = 1_793_692_800  # 2026-11-03T08:00Z, in Palo Alto


def demand(value: list[int], *, first: int, sliding: bool = False) -> Demand:
    """Return the demand over half hours of quarters [Wh], from the so-manieth of a day on."""
    start_s = MIDNIGHT_S + QUARTER_S * (first + np.arange(len(value)))
    return demand_of(
        IntervalReads.raw(
            np.ones(len(value), np.int32),
            start_s,
            np.array(value),
            recorded_us=0,
            source=Source.UPLINK,
        ),
        interval_s=QUARTER_S,
        demand_s=2 * QUARTER_S,
        sliding=sliding,
        from_midnight_s=first * QUARTER_S,
        quantum=1,
        error_max=Decimal("0.01"),
    )


@pytest.mark.parametrize(
    ("value", "first"),
    [([0, 0, 5_000, 5_000, 0, 0], 40), ([0, 5_000, 5_000, 0, 0], 41), ([0, 5_000, 5_000], 41)],
    ids=["put in at ten", "put in at a quarter past", "taken out soon"],
)
def test_block_demand_keeps_to_the_clock_whenever_a_meter_was_put_in(value, first):
    found = demand(value, first=first)

    assert found.peak == Decimal(20_000)
    assert found.peak_at_s == MIDNIGHT_S + 42 * QUARTER_S


def test_a_meter_that_was_in_place_for_less_than_a_demand_interval_has_none():
    found = demand([5_000], first=41)

    assert (found.peak, found.peak_at_s, found.candidate) == (Decimal(0), None, None)


def test_sliding_demand_begins_at_every_interval():
    assert demand([0, 5_000, 5_000, 0], first=40, sliding=True).peak == Decimal(20_000)
    assert demand([0, 5_000, 5_000, 0], first=40).peak == Decimal(10_000)
