"""The first look errs on one side only: what it clears is sound."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vee import build
from vee.kernels import screen, validate_days
from vee.kernels.bits import Bits

CLOCK_CHANGES = [date(2026, 3, 6), date(2026, 7, 1), date(2026, 10, 30)]


@given(st.integers(0, 2**32), st.sampled_from([2, 6, 24]))
def test_every_run_of_equal_values_lies_in_a_channel_that_may_repeat(seed, intervals):
    rng = np.random.default_rng(seed)
    value = rng.integers(0, 4, (6, 96))
    for channel in range(3):
        first = int(rng.integers(0, 96 - intervals))
        value[channel, first : first + intervals] = 3
    samples = value[:, :: screen.samples_apart(intervals)]

    listed = screen.may_be_static(value, samples, intervals=intervals, quanta_min=2)

    runs = validate_days.runs(
        value, np.ones(value.shape, np.bool_), intervals=intervals, quanta_min=2
    )
    assert listed[:3].all()
    assert listed[runs.any(axis=1)].all()


@pytest.mark.parametrize("first", CLOCK_CHANGES)
@pytest.mark.parametrize("interval_s", [300, 900, 3600])
@pytest.mark.parametrize("narrow", [np.uint16, np.int64])
def test_values_are_compared_with_the_threshold_of_their_own_day(first, interval_s, narrow):
    slots = build.slot_table(first, 5, interval_s=interval_s)
    value = np.random.default_rng(interval_s).geometric(0.01, (20, len(slots)))
    highest = screen.day_extremes(value, slots)
    least = validate_days.spike_threshold(highest, excess_per_cent=180)
    reached = np.empty(value.shape, np.bool_)

    screen.reach(value, least, slots, reached, narrow=np.dtype(narrow))

    days = np.split(value, slots.first[1:-1], axis=1)
    assert (highest == np.stack([day.max(axis=1) for day in days], axis=1)).all()
    assert (reached == (value >= least[:, slots.day])).all()


@pytest.mark.parametrize("first", CLOCK_CHANGES)
@pytest.mark.parametrize("interval_s", [300, 900, 1800, 3600])
def test_cells_are_counted_from_the_edge_of_a_day_to_the_next_one(first, interval_s):
    slots = build.slot_table(first, 5, interval_s=interval_s)
    missing = np.random.default_rng(interval_s).random((40, len(slots))) < 0.3 / len(slots)

    counts = Bits.of(missing).between(screen.day_edges(slots, 40))

    days = np.split(missing, slots.first[1:-1], axis=1)
    assert (counts.reshape(40, 5) == np.stack([day.sum(axis=1) for day in days], axis=1)).all()
    assert counts.any()


@pytest.mark.parametrize("channels", [0, 1, 1_023, 1_024, 5_000])
def test_every_channel_and_every_read_lies_in_one_tile(channels):
    of = np.sort(np.random.default_rng(channels).integers(0, max(channels, 1), 3 * channels))

    tiles = list(screen.tiles(channels, screen.TILE_CELLS // 1_024, of))

    assert [row for rows, _ in tiles for row in range(channels)[rows]] == list(range(channels))
    assert [read for _, some in tiles for read in range(len(of))[some]] == list(range(len(of)))
    assert all((of[some] // 1_024 == rows.start // 1_024).all() for rows, some in tiles)


def test_totals_run_from_edge_to_edge_and_the_last_one_may_be_the_end():
    total = np.empty(3, np.int64)

    screen.running_totals(np.arange(10), np.array([2, 5, 10]), total)

    assert total.tolist() == [2 + 3 + 4, 5 + 6 + 7 + 8 + 9, 0]
