"""Counts of true cells before a position."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels.bits import Bits


@given(st.lists(st.booleans(), max_size=300))
def test_the_true_cells_before_every_position_are_counted(cells):
    mask = np.array(cells, np.bool_)

    counts = Bits.of(mask).count(np.arange(len(cells) + 1))

    assert counts.tolist() == [sum(cells[:position]) for position in range(len(cells) + 1)]
