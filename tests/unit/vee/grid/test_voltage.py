"""Voltage bands and the voltage of a transformer."""

import numpy as np
import pytest

from tests.unit.vee.grid import build
from vee.grid.voltage import bands, transformer_voltage
from vee.rule_tables import VoltageRules

LIMITS = VoltageRules(a_low=1140, a_high=1260, b_low=1100, b_high=1270)
RULES = build.RULES.voltage_day
DAY = 96


def judged(changes: dict[int, int]) -> tuple[float, float, list[bool]]:
    """Two days at 120 V, but for these slots."""
    value = np.full((1, 2 * DAY), 1200)
    for slot, volts in changes.items():
        value[0, slot] = volts
    found = bands(value, np.ones(value.shape, np.bool_), np.array([0, DAY]), LIMITS, RULES)
    return float(found.share_a[0]), float(found.share_b[0]), found.violations[0].tolist()


@pytest.mark.parametrize(
    ("tenth_volts", "beyond_a", "beyond_b"),
    [(1139, 1, 0), (1140, 0, 0), (1260, 0, 0), (1261, 1, 0), (1099, 1, 1), (1271, 1, 1)],
)
def test_shares_beyond_the_ranges(tenth_volts, beyond_a, beyond_b):
    share_a, share_b, _ = judged({5: tenth_volts})

    assert (share_a * 2 * DAY, share_b * 2 * DAY) == (beyond_a, beyond_b)


@pytest.mark.parametrize(("intervals", "violation"), [(4, False), (5, True)])
def test_five_per_cent_of_a_day_beyond_range_a_is_a_violation(intervals, violation):
    _, _, days = judged(dict.fromkeys(range(0, 3 * intervals, 3), 1130))

    assert days == [violation, False]


@pytest.mark.parametrize(
    ("slots", "days"),
    [
        ([10, 11], [False, False]),
        ([10, 11, 12], [True, False]),
        ([10, 11, 13], [False, False]),
        ([94, 95, 96], [False, True]),
    ],
)
def test_three_intervals_in_a_row_beyond_range_b_are_a_violation(slots, days):
    assert judged(dict.fromkeys(slots, 1090))[2] == days


def test_the_voltage_of_a_transformer_is_the_median_of_its_meters():
    value = np.array([[1200, 1200], [1210, 0], [1300, 1240], [1180, 0]])
    valid = value > 0

    middle, known = transformer_voltage(value, valid, np.array([0, 0, 0, 1]))

    assert middle.tolist() == [[1210, 1220], [1180, 0]]
    assert known.tolist() == [[True, True], [True, False]]
