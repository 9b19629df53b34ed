"""Common quantiles: what they sum to, and where they lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels.quantiles import LEVELS, at_levels, meet


def test_a_single_reference_is_every_quantile():
    found = at_levels(np.array([[7.0, 99.0]]), np.array([[1.0, 0.0]]))

    assert found.tolist() == [[7.0] * len(LEVELS)]


def test_the_middle_of_equal_weights_is_the_median():
    value = np.array([[5.0, 1.0, 4.0, 2.0, 3.0]])

    found = at_levels(value, np.ones_like(value))

    assert np.interp(0.5, LEVELS, found[0]) == pytest.approx(3)


def test_a_heavy_reference_pulls_the_middle_to_itself():
    value, weight = np.array([[0.0, 10.0]]), np.array([[1.0, 9.0]])

    found = at_levels(value, weight)

    assert np.interp(0.55, LEVELS, found[0]) == pytest.approx(10, abs=0.2)


@given(st.integers(0, 2**32))
def test_quantiles_rise_and_stay_among_the_references(seed):
    rng = np.random.default_rng(seed)
    value = rng.gamma(0.5, 100, (20, 12)).round()
    weight = np.where(rng.random(value.shape) < 0.3, 0, rng.random(value.shape))
    weight[:, 0] = 1

    found = at_levels(value, weight)

    known = np.where(weight > 0, value, np.nan)
    assert (np.diff(found, axis=1) >= -1e-9).all()
    assert (found.min(axis=1) >= np.nanmin(known, axis=1)).all()
    assert (found.max(axis=1) <= np.nanmax(known, axis=1)).all()


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_total_within_reach_is_met(seed, share):
    rng = np.random.default_rng(seed)
    quantile = np.sort(rng.gamma(0.5, 100, (15, len(LEVELS))), axis=1)
    first = np.array([0, 4, 9])
    sums = np.add.reduceat(quantile, first)
    total = sums[:, 0] + share * (sums[:, -1] - sums[:, 0])

    level = meet(total, quantile, first)

    assert np.allclose(np.add.reduceat(level, first), total)


def test_a_total_beyond_reach_is_left_to_scaling():
    quantile = np.tile(np.arange(1.0, len(LEVELS) + 1), (2, 1))

    assert meet(np.array([0.5, 1e6]), quantile, np.array([0, 1])).tolist() == [1, len(LEVELS)]
