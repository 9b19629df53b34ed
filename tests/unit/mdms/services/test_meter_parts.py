"""Channels are cut into parts that leave no meter's channels apart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mdms.services.vee_stages import meter_parts, meters_of
from tests.unit.mdms.services.vee_nights import channel_table


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 8))
def test_no_part_shares_a_meter_with_another(meters, count_max):
    table = channel_table(len(meters))
    table.badge[:] = [f"M{number}" for number in meters]

    parts = list(meter_parts(table, table.channel_id, count_max))

    of = dict(zip(table.channel_id.tolist(), meters, strict=True))
    holders = [{of[channel] for channel in part.tolist()} for part in parts]
    assert sorted(np.concatenate(parts).tolist()) == table.channel_id.tolist()
    assert sum(map(len, holders)) == len(set(meters))
    for part, held in zip(parts, holders, strict=True):
        assert len(part) <= count_max or len(held) == 1
        assert (np.diff(part) > 0).all()


def test_nothing_is_cut_into_nothing():
    assert list(meter_parts(channel_table(2), np.empty(0, np.int32), 5)) == []


def test_a_meters_channels_wait_together():
    table = channel_table(4)
    table.badge[:] = ["M1", "M2", "M1", "M3"]

    assert meters_of(table, np.array([3], np.int32)).tolist() == [1, 3]
    assert meters_of(table, np.empty(0, np.int32)).tolist() == []
