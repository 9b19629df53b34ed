"""Leaving homes out, on a few homes; `python -m tests.bench.held_out` measures all."""

import numpy as np

from tests.bench import held_out
from tests.bench.accuracy import RULES
from tests.bench.held_out import Errors


def test_each_home_gets_what_the_others_chose():
    error = np.array([[9.0, 1.0], [2.0, 8.0], [2.0, 8.0]])
    errors = Errors(["as shipped", "other"], error, np.ones(3), np.full(3, 10.0))

    assert errors.chosen().tolist() == [0, 1, 1]
    assert errors.wape(error[:, 0]) == 130 / 3


def test_variants_differ_from_what_ships_in_one_number_each():
    shipped, *others = dict(held_out.variants(RULES)).values()

    assert shipped is RULES
    assert len({each.hash for each in others}) == len(others) == 2 * len(held_out.TUNABLE)
