"""The first look errs on one side only: what it clears is sound."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.vee import build
from vee.kernels import screen, validate_days

CLOCK_CHANGES = [date(2026, 3, 6), date(2026, 7, 1), date(2026, 10, 30)]


@given(st.integers(0, 2**32), st.sampled_from([2, 6, 24]))
def test_every_run_of_equal_values_lies_in_a_channel_that_may_repeat(seed, intervals):
    rng = np.random.default_rng(seed)
    value = rng.integers(0, 4, (6, 96))
    for channel in range(3):
        first = int(rng.integers(0, 96 - intervals))
        value[channel, first : first + intervals] = 3

    listed = screen.may_be_static(value, intervals=intervals, quanta_min=2)

    runs = validate_days.runs(
        value, np.ones(value.shape, np.bool_), intervals=intervals, quanta_min=2
    )
    assert listed[:3].all()
    assert listed[runs.any(axis=1)].all()


@pytest.mark.parametrize("first", CLOCK_CHANGES)
@pytest.mark.parametrize("interval_s", [300, 900, 3600])
def test_a_day_is_cleared_only_by_values_that_come_near_its_highest(first, interval_s):
    slots = build.slot_table(first, 5, interval_s=interval_s)
    value = np.random.default_rng(interval_s).geometric(0.01, (20, len(slots)))
    parts = screen.day_parts(slots)
    extremes = np.empty((len(value), *parts.shape), np.int64)
    screen.part_extremes(value, screen.in_every_row(parts, *value.shape), extremes)
    highest = screen.of_whole_days(extremes)
    least = validate_days.spike_threshold(highest, excess_per_cent=180)

    maybe = screen.stands_out(extremes, least, rank=validate_days.RANK)

    days = np.split(value, slots.first[1:-1], axis=1)
    assert (highest == np.stack([day.max(axis=1) for day in days], axis=1)).all()
    reached = [(day >= least[:, [n]]).sum(axis=1) for n, day in enumerate(days)]
    assert not ((np.stack(reached, axis=1) < validate_days.RANK) & ~maybe).any()
    assert not maybe.all(), "it clears some"


@pytest.mark.parametrize("first", CLOCK_CHANGES)
@pytest.mark.parametrize("interval_s", [300, 900, 1800, 3600])
def test_a_day_is_whole_when_none_of_its_slots_is_missing(first, interval_s):
    slots = build.slot_table(first, 5, interval_s=interval_s)
    missing = np.random.default_rng(interval_s).random((40, len(slots))) < 0.3 / len(slots)
    word, whole = screen.word_slots(slots), np.empty((40, 5), np.bool_)
    first_words = screen.in_every_row(slots.first[:-1] // word, 40, len(slots) // word)

    screen.whole_days(missing, first_words, word, whole)

    days = np.split(missing, slots.first[1:-1], axis=1)
    assert (whole == ~np.stack([day.any(axis=1) for day in days], axis=1)).all()
    assert whole.any()
    assert not whole.all()


def test_totals_run_from_edge_to_edge_and_the_last_one_may_be_the_end():
    total = np.empty(3, np.int64)

    screen.running_totals(np.arange(10), np.array([2, 5, 10]), total)

    assert total.tolist() == [2 + 3 + 4, 5 + 6 + 7 + 8 + 9, 0]
