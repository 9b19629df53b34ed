import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels.weather import HeatingLines, degree_days

MEANS_F = np.array([65.0, 50.0, 40.0, 70.0, np.nan, 60.0])


def test_degree_days_are_what_a_day_was_colder_than_the_base():
    assert degree_days(MEANS_F, 65.0)[:4].tolist() == [0, 15, 25, 0]
    assert np.isnan(degree_days(MEANS_F, 65.0)[4])


@given(st.floats(0, 500), st.floats(0.1, 50), st.integers(0, 1000))
def test_a_house_that_only_heats_is_known_exactly(base, slope, seed):
    cold = np.random.default_rng(seed).uniform(0, 30, 30)
    usage = (base + slope * cold)[None, :]

    line = HeatingLines.through(usage, np.ones((1, 30), np.bool_), cold)

    assert line.usable(days_min=20, explained_min=0.5).all()
    assert line.expected(np.array([10.0]))[0] == pytest.approx([base + 10 * slope])


def test_days_without_a_temperature_or_a_value_do_not_count():
    cold = np.append(np.arange(20.0), [np.nan, 5.0])
    usage = np.append(3 + 2 * np.arange(20.0), [1e9, np.nan])[None, :]
    valid = ~np.isnan(usage)

    line = HeatingLines.through(usage, valid, cold)

    assert line.days.tolist() == [20]
    assert (line.base[0], line.slope[0]) == pytest.approx((3, 2))
    assert not line.usable(days_min=21, explained_min=0.5).any()


def test_a_house_that_does_not_follow_the_cold_says_nothing():
    rng = np.random.default_rng(1)
    cold = rng.uniform(0, 30, 30)
    usage = np.stack([rng.uniform(0, 10, 30), np.full(30, 4.0), 90 - 2 * cold])

    line = HeatingLines.through(usage, np.ones(usage.shape, np.bool_), cold)

    assert not line.usable(days_min=20, explained_min=0.5).any()
