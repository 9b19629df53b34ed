"""Conservation, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels.conserve import apportion


def by_fractions(total: int, shape: list[int]) -> list[int]:
    """Largest remainder as the standards word it, one group, no floats."""
    weight = shape if sum(shape) else [1] * len(shape)
    exact = [Fraction(total * each, sum(weight)) for each in weight]
    share = [int(each) for each in exact]
    by_loss = sorted(range(len(shape)), key=lambda k: (share[k] - exact[k], k))
    for k in by_loss[: total - sum(share)]:
        share[k] += 1
    return share


def share(total: int, shape: list[int]) -> list[int]:
    group = np.zeros(len(shape), np.int64)
    return [int(q) for q in apportion(np.array([total]), np.array(shape, np.int64), group)]


@pytest.mark.parametrize(
    ("total", "shape", "expected"),
    [
        pytest.param(100, [1, 1, 1], [34, 33, 33], id="case-35"),
        pytest.param(7, [3, 3, 4], [2, 2, 3], id="case-36"),
        pytest.param(10, [0, 0, 0, 0], [3, 3, 2, 2], id="case-37"),
        pytest.param(1234, [32, 11, 7, 50], [395, 136, 86, 617], id="case-38"),
        pytest.param(0, [5, 0, 9], [0, 0, 0], id="case-39"),
        pytest.param(3, [6, 2], [2, 1], id="case-96"),
    ],
)
def test_a_group_is_shared_by_largest_remainder(total, shape, expected):
    assert share(total, shape) == expected


def test_a_tie_goes_to_the_earliest():
    assert share(3, [3, 2, 1]) == [2, 1, 0]


groups = st.lists(
    st.tuples(st.integers(0, 2**42), st.lists(st.integers(0, 2**40), min_size=1, max_size=9)),
    min_size=1,
    max_size=6,
)


@given(groups)
def test_many_groups_at_once_are_what_exact_fractions_give_one_by_one(cases):
    total = np.array([total for total, _ in cases])
    shape = np.concatenate([np.array(shape, np.int64) for _, shape in cases])
    group = np.repeat(np.arange(len(cases)), [len(shape) for _, shape in cases])

    shared = apportion(total, shape, group)

    assert shared.tolist() == [q for total, shape in cases for q in by_fractions(total, shape)]


@given(st.integers(0, 2**62), st.lists(st.integers(2**56, 2**57), min_size=2, max_size=15))
def test_products_beyond_64_bits_stay_exact(total, shape):
    assert share(total, shape) == by_fractions(total, shape)


@given(st.integers(0, 2**32))
def test_thousands_of_groups_lose_no_quantum(seed):
    rng = np.random.default_rng(seed)
    group = np.sort(rng.integers(0, 5_000, 20_000))
    group = np.unique(group, return_inverse=True)[1]
    total = rng.integers(0, 2**40, group.max() + 1)

    shared = apportion(total, rng.integers(0, 2**34, len(group)), group)

    assert (shared >= 0).all()
    assert (np.bincount(group, shared).astype(np.int64) == total).all()


def test_no_group_is_no_work():
    none = np.zeros(0, np.int64)

    assert apportion(none, none, none).tolist() == []
