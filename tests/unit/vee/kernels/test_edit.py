"""What edits do to values, held against exact fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels import edit

QUANTA = st.integers(0, 10**7)
SIGNED = st.integers(-(10**7), 10**7)


@given(st.lists(QUANTA, min_size=1, max_size=200), st.integers(0, 10**10))
def test_scaled_values_sum_to_the_total_exactly_and_are_in_proportion(values, total):
    found = edit.scaled(np.array(values), total, signed=False)

    whole = sum(values)
    shares = [Fraction(total * v, whole) if whole else Fraction(total, len(values)) for v in values]
    assert found.sum() == total
    assert all(abs(int(y) - share) < 1 for y, share in zip(found, shares, strict=True))


@pytest.mark.parametrize("case", [pytest.param(None, id="case-94")])
def test_usage_of_a_slow_meter_is_scaled_by_the_error_that_its_test_found(case):
    used, error = np.full(960, 1000), Fraction(-4, 100)
    corrected = Fraction(int(used.sum())) / (1 + error)

    found = edit.scaled(used, int(corrected), signed=False)

    assert int(found.sum()) == 1_000_000
    assert int(found.sum() - used.sum()) == 40_000


@given(st.lists(SIGNED, min_size=1, max_size=200), st.integers(-(10**9), 10**9))
def test_values_with_a_sign_are_all_raised_alike_to_the_total_exactly(values, total):
    found = edit.scaled(np.array(values), total, signed=True)

    each = Fraction(total - sum(values), len(values))
    assert found.sum() == total
    assert all(abs(int(y) - v - each) < 1 for y, v in zip(found, values, strict=True))


@given(SIGNED, SIGNED, st.integers(1, 100))
def test_a_line_is_straight_to_the_half_quantum(left, right, count):
    found = edit.interpolated(left, right, count)

    assert found.tolist() == [
        floor(left + Fraction((right - left) * k, count + 1) + Fraction(1, 2))
        for k in range(1, count + 1)
    ]


def test_the_line_of_case_32():
    assert edit.interpolated(75, 100, 4).tolist() == [80, 85, 90, 95]


def test_values_are_taken_from_elsewhere_only_where_all_are_known():
    value, known = np.arange(6), np.array([True, True, True, False, True, True])

    first = edit.taken(value, known, 0, 3)
    assert first is not None
    assert first.tolist() == [0, 1, 2]
    assert edit.taken(value, known, 1, 3) is None
    assert edit.taken(value, known, -1, 2) is None
    assert edit.taken(value, known, 5, 2) is None
