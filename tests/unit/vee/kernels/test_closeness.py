"""How close candidates are, and how much neighbours tell of what stands next to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vee.kernels.closeness import away, logs, sums, telling

COLUMNS = arrays.arrays(np.float64, (3, 12), elements=st.integers(-10, 10))
WEIGHTS = arrays.arrays(np.float64, (3, 12), elements=st.floats(0.01, 1))


def test_a_neighbour_that_tells_half_of_the_variance_counts_once():
    beside = np.array([[1.0, -1.0, 1.0, -1.0]])
    unrelated = np.array([[1.0, 1.0, -1.0, -1.0]])

    assert telling(beside, beside + unrelated, np.ones((1, 4)))[0, 0] == pytest.approx(1.0)


@given(beside=COLUMNS, inner=COLUMNS, weight=WEIGHTS)
def test_no_neighbour_counts_against_or_without_bound(beside, inner, weight):
    told = telling(beside, inner, weight)

    assert told.shape == (3, 1)
    assert ((told >= 0) & (told <= 4.36)).all()


@given(beside=COLUMNS, weight=WEIGHTS)
def test_one_that_falls_as_the_other_rises_tells_nothing(beside, weight):
    assert (telling(beside, -beside, weight) == 0).all()


def test_one_that_never_varies_tells_nothing():
    same, other = np.full((1, 5), 2.0), np.arange(5.0)[None]

    assert telling(same, other, np.ones((1, 5))) == 0
    assert telling(other, same, np.ones((1, 5))) == 0
    assert telling(other, other, np.zeros((1, 5))) == 0


@given(beside=COLUMNS, inner=COLUMNS, weight=WEIGHTS, scale=st.floats(0.5, 10))
def test_what_is_told_depends_on_no_unit_and_no_scale_of_weights(beside, inner, weight, scale):
    told = telling(beside, inner, weight)

    np.testing.assert_allclose(
        telling(scale * beside + 1, inner, scale * weight), told, atol=1e-4, rtol=1e-4
    )


def test_distance_is_counted_in_variances_of_the_candidates():
    candidates = np.array([[1.0, 3.0]])

    assert away(candidates, np.array([[4.0]]), np.ones((1, 2))).tolist() == [[9.0, 1.0]]


def test_small_differences_of_small_values_hardly_count():
    near, far = (logs(np.array([0, last]), np.array(10.0)) for last in (1, 100))

    assert np.diff(near) < 0.1 < np.diff(far)


@given(weight=WEIGHTS)
def test_zeros_between_change_no_bit_of_a_sum(weight):
    spread = np.zeros((3, 24))
    spread[:, ::2] = weight

    assert (sums(spread) == sums(weight)).all()
