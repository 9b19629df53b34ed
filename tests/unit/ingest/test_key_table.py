"""Rows found by the hash of their keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.key_table import NOWHERE, KeyTable

RADIO_KEYS = st.integers(0, (1 << 40) - 1)


@given(
    known=st.lists(RADIO_KEYS, unique=True, max_size=60),
    asked=st.lists(RADIO_KEYS, max_size=20),
)
def test_a_key_is_found_where_it_is_and_no_other_is_found_at_all(known, asked):
    table = KeyTable(np.array(known, np.int64), np.arange(len(known)))

    found = table.find(np.array(known + asked, np.int64))

    rows = {key: row for row, key in enumerate(known)}
    assert found.tolist() == [rows.get(key, NOWHERE) for key in known + asked]


def test_keys_that_find_their_place_taken_are_found_elsewhere():
    key = np.random.default_rng(1).permutation(1 << 20)[:1000]
    table = KeyTable(key[:500], np.arange(500))

    assert len(np.unique(table._place(key[:500]))) < 500, "some want the place of others"
    assert table.find(key).tolist() == [*range(500), *[NOWHERE] * 500]


def test_only_the_rows_that_were_named_are_found():
    table = KeyTable(np.array([5, 5, 9]), np.array([1, 2]))

    assert table.find(np.array([5, 9, 7])).tolist() == [1, 2, NOWHERE]
