"""Outages and openings against a count of seconds."""

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vee.build import slot_table
from vee.kernels.darkness import covered
from vee.kernels.gaps import Cells

SLOTS = slot_table(date(2026, 11, 3), 1)


def share(*spans: tuple[int, int, int], channels: int = 2) -> np.ndarray:
    """Return covered shares of all slots; spans are channel, start and end from midnight [s]."""
    cells = Cells.where(np.ones((channels, len(SLOTS)), np.bool_))
    columns = np.array(spans, np.int64).reshape(-1, 3).T
    start_s = SLOTS.start_s[0]
    return covered(cells, columns[0], start_s + columns[1], start_s + columns[2], SLOTS)


def test_an_outage_covers_slots_wholly_and_at_its_edges_in_part():
    shares = share((1, 13 * 3600 + 600, 15 * 3600 + 50 * 60)).reshape(2, -1)

    assert not shares[0].any()
    assert shares[1, 52] == 300 / 900
    assert (shares[1, 53:63] == 1).all()
    assert shares[1, 63] == 300 / 900
    assert shares[1].sum() == 10 + 2 / 3


def test_nothing_known_covers_nothing():
    assert not share().any()
    assert not share((0, -9_000, -100), (1, 86_400, 90_000)).any()


def test_what_is_not_over_covers_the_rest():
    shares = share((1, 12 * 3600, 2**61), channels=5_000).reshape(5_000, -1)

    assert shares.sum() == 48
    assert (shares[1, 48:] == 1).all()


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-90_000, 90_000), st.integers(0, 40_000)),
        max_size=8,
    )
)
def test_spans_in_any_order_cover_what_their_seconds_say(spans):
    listed = [(channel, start, start + length) for channel, start, length in spans]

    shares = share(*listed, channels=3).reshape(3, -1)

    lit = np.zeros((3, 86_400), np.bool_)
    for channel, start, end in listed:
        lit[channel, max(start, 0) : max(end, 0)] = True
    assert np.allclose(shares, lit.reshape(3, 96, 900).mean(axis=2))
