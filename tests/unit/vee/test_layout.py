"""Where reads lie in a grid, against one look-up at a time."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.readings import IntervalReads, Source
from vee.block import SlotTable, one_value
from vee.layout import Layout

SLOTS = SlotTable.of_days(
    date(2026, 11, 1), date(2026, 11, 1), interval_s=3600, zone=ZoneInfo("America/Los_Angeles")
)
CHANNELS = np.array([2, 3, 5], np.int32)


def reads(rows: list[tuple[int, int, int]]) -> IntervalReads:
    """Versions of (channel, offset from the first slot in half hours, version); values count up."""
    channel, offset, version = np.array(rows, np.int64).reshape(-1, 3).T
    raw = IntervalReads.raw(
        channel,
        SLOTS.start_s[0] + offset * 1800,
        np.arange(len(rows)) + 1,
        recorded_us=1,
        source=Source.UPLINK,
    )
    return IntervalReads(
        raw.channel_id, raw.start_s, version.astype(np.int16), raw.value, raw.status, raw.method,
        raw.flags, raw.recorded_us, raw.source,
    )  # fmt: skip


ROWS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(-3, 52), st.integers(0, 2)), unique=True, max_size=80
)


@given(ROWS)
def test_every_cell_holds_its_highest_version(rows):
    layout = Layout.of(SLOTS, CHANNELS, reads(rows)).newest()

    grid = layout.grid(layout.reads.value, 0)

    expected = np.zeros((3, 25), np.int64)
    highest: dict[tuple[int, int], int] = {}
    for number, (channel, offset, version) in enumerate(rows, 1):
        cell = (channel, offset)
        if channel in CHANNELS and 0 <= offset < 50 and offset % 2 == 0:
            if version >= highest.get(cell, -1):
                expected[int(np.searchsorted(CHANNELS, channel)), offset // 2] = number
            highest[cell] = max(version, highest.get(cell, -1))
    assert (grid == expected).all()
    assert (layout.present() == (expected > 0)).all()


@given(ROWS)
def test_the_order_of_reads_does_not_matter(rows):
    forward, backward = (Layout.of(SLOTS, CHANNELS, reads(each)) for each in (rows, rows[::-1]))

    assert (forward.cell == backward.cell).all()
    assert (forward.reads.version == backward.reads.version).all()


def test_complete_reads_are_a_grid_as_they_stand():
    rows = [(channel, 2 * slot, 0) for channel in CHANNELS.tolist() for slot in range(25)]
    complete = reads(rows)

    layout = Layout.of(SLOTS, CHANNELS, complete)

    assert layout.full
    assert layout.newest() is layout
    assert np.shares_memory(layout.grid(complete.value, 0), complete.value)


def test_rule_masks_take_no_room_unless_a_read_has_one():
    received = reads([(2, 0, 0), (3, 4, 0)])
    flagged = replace(received, flags=np.array([0, 6]))

    none = Layout.of(SLOTS, CHANNELS, received).marks(received.flags)
    some = Layout.of(SLOTS, CHANNELS, flagged).marks(flagged.flags)

    assert one_value(none)
    assert none.shape == some.shape == (3, 25)
    assert not none.any()
    assert some[1, 2] == some.sum() == 6
