"""Conservation, against exact fractions."""

import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.readings import Int64
from vee.kernels.conserve import apportion, shift

BRACKETS = int(os.environ.get("MDMS_TEST_BRACKETS", "20000"))
"""How many random brackets are shared out; a million and more on demand."""

AT_A_TIME = 20_000
ONE = 1 << 20


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
    assert shift(none, none, none, one=ONE).tolist() == []


def random_brackets(seed: int) -> tuple[Int64, Int64, Int64]:
    """Return totals, shapes and groups of brackets of every awkward kind."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 40, AT_A_TIME)
    group = np.repeat(np.arange(AT_A_TIME), count)
    shape = rng.integers(0, 1 << rng.choice([1, 8, 34, 50], AT_A_TIME)[group])
    kind = rng.integers(0, 6, AT_A_TIME)[group]
    shape[kind == 0] = 0
    shape[(kind == 1) & (rng.random(len(group)) < 0.9)] = 0
    shape[kind == 2] = 7
    lone = np.flatnonzero(np.diff(group, prepend=-1))
    shape[lone[kind[lone] == 3]] = (1 << 55) - 1
    total = rng.integers(0, 1 << rng.choice([1, 4, 20, 45, 53, 62], AT_A_TIME))
    return total, shape, group


def test_random_brackets_keep_every_quantum():
    for seed in range(-(-BRACKETS // AT_A_TIME)):
        total, shape, group = random_brackets(seed)
        first = np.flatnonzero(np.diff(group, prepend=-1))

        shared = apportion(total, shape, group)

        assert (shared >= 0).all()
        assert (np.add.reduceat(shared, first) == total).all()
        assert not shared[(shape == 0) & (np.add.reduceat(shape, first) > 0)[group]].any()
        for number in range(0, AT_A_TIME, 397):
            mine = group == number
            assert shared[mine].tolist() == by_fractions(int(total[number]), shape[mine].tolist())


@pytest.mark.parametrize("total", [2**52 + 1, 2**53 - 1, 2**60 + 7, 2**62 - 1])
def test_totals_beyond_what_floats_hold_are_shared_to_the_quantum(total):
    shape = [2**40 - 1, 3, 2**40 + 1, 0, 2**33]

    assert share(total, shape) == by_fractions(total, shape)


def shifted(total: int, shape: list[float]) -> list[int]:
    parts = np.rint(np.array(shape) * ONE).astype(np.int64)
    group = np.zeros(len(shape), np.int64)
    return [int(q) for q in shift(np.array([total]), parts, group, one=ONE)]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-50")])
def test_a_signed_group_is_shifted_not_stretched(case):
    assert shifted(-500, [-1000, 500, 1500]) == [-1500, 0, 1000]


def test_what_a_shift_cuts_off_goes_to_the_largest_remainder_then_to_the_earliest():
    assert shifted(1, [0.2, 0.7, 0.1]) == [0, 1, 0]
    assert shifted(2, [0, 0, 0, 0]) == [1, 1, 0, 0]
    assert shifted(-2, [0, 0, 0, 0]) == [0, 0, -1, -1]


@given(st.integers(0, 2**32))
def test_signed_groups_keep_every_quantum(seed):
    rng = np.random.default_rng(seed)
    group = np.unique(np.sort(rng.integers(0, 50, 300)), return_inverse=True)[1]
    total = rng.integers(-(2**30), 2**30, group.max() + 1)
    shape = rng.integers(-(2**40), 2**40, len(group))

    values = shift(total, shape, group, one=ONE)

    first = np.flatnonzero(np.diff(group, prepend=-1))
    assert (np.add.reduceat(values, first) == total).all()
    apart = total - np.add.reduceat(shape, first) / ONE
    exact = shape / ONE + (apart / np.diff(first, append=len(group)))[group]
    assert (np.abs(values - exact) < 1 + 1e-6).all()
