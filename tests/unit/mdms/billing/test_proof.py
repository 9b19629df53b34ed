"""What a frozen row proves: which versions it was made of, and that they are the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.proof import pack_versions, unpack_versions
from mdms.domain.readings import IntervalReads, Status
from tests.unit.mdms.billing.november import month


def test_the_highest_version_of_an_interval_is_the_one_that_counts():
    november = month()
    late = november.intervals.take(slice(10, 11))
    november.intervals = IntervalReads.concat(
        november.intervals,
        replace(late, version=late.version + 1, status=late.status * 0 + Status.ACCEPTED.code),
    )

    [row], _ = november.determine()

    assert row.versions == b"10*0,1*1,709*0"


def test_equal_data_give_equal_hashes_whatever_the_database_calls_the_channel():
    november, again = month(), month(channel_id=8)
    again.intervals = replace(again.intervals, channel_id=again.intervals.channel_id + 1)
    again.registers = replace(again.registers, channel_id=again.registers.channel_id + 1)

    [row], _ = november.determine()
    [other], _ = again.determine()

    assert other == replace(row, channel_id=8)
    assert len(row.content_hash) == 64


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"value": int(month().value[17]) + 1}, id="a value"),
        pytest.param({"version": 1}, id="a version"),
        pytest.param({"status": Status.VALIDATED.code}, id="a status"),
    ],
)
def test_whatever_was_used_changes_the_hash(change):
    november, other = month(), month()
    other.set(slice(17, 18), **change)

    [row], _ = november.determine()
    [changed], _ = other.determine()

    assert changed.content_hash != row.content_hash


@given(st.lists(st.integers(0, 32_767)) | st.lists(st.integers(0, 1), min_size=50))
def test_unpacking_versions_undoes_packing(versions):
    column = np.array(versions, np.int16)

    assert unpack_versions(pack_versions(column)).tolist() == versions
