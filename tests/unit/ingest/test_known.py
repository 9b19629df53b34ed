"""The window of known reads: it may ask too much, but never be sure and wrong."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.known import Verdict, Window, sieve, take_in, times
from mdms.domain.readings import IntervalReads, RegisterReads, Source

STEP_S = 900
SLOTS = 4


def window(channel_count: int = 3) -> Window:
    made = Window(SLOTS)
    made.cover(np.arange(channel_count, dtype=np.int32), np.full(channel_count, STEP_S, np.int32))
    return made


def intervals(*rows: tuple[int, int, int]) -> IntervalReads:
    """Return reads of (channel, number of the interval, value)."""
    channel, number, value = np.array(rows, np.int64).reshape(-1, 3).T
    return IntervalReads.raw(channel, number * STEP_S, value, recorded_us=0, source=Source.UPLINK)


def remember(known: Window, *rows: tuple[int, int, int]) -> None:
    reads = intervals(*sorted(rows))
    known.remember(reads.channel_id, reads.start_s, reads.value)


def judge(known: Window, channel: int, number: int, value: int) -> Verdict:
    reads = intervals((channel, number, value))
    return Verdict(known.judge(reads.channel_id, reads.start_s, reads.value)[0])


def rows(reads: IntervalReads) -> list[tuple[int, int, int]]:
    return list(
        zip(
            reads.channel_id.tolist(),
            (reads.start_s // STEP_S).tolist(),
            reads.value.tolist(),
            strict=True,
        )
    )


def test_a_read_is_new_until_it_is_remembered():
    known = window()

    assert judge(known, 1, 100, 5) is Verdict.NEW
    remember(known, (1, 100, 5))

    assert judge(known, 1, 100, 5) is Verdict.SAME
    assert judge(known, 1, 100, 6) is Verdict.DIFFERENT
    assert judge(known, 1, 101, 5) is Verdict.NEW
    assert judge(known, 2, 100, 5) is Verdict.NEW


def test_a_gap_within_reach_is_new_and_beyond_it_is_unsure():
    known = window()
    remember(known, (1, 100, 5))

    assert judge(known, 1, 97, 5) is Verdict.NEW
    assert judge(known, 1, 96, 5) is Verdict.UNSURE


def test_the_newest_read_of_a_cell_stays_whatever_comes_later():
    known = window()

    remember(known, (1, 100, 5))
    remember(known, (1, 96, 4))

    assert judge(known, 1, 100, 5) is Verdict.SAME
    assert judge(known, 1, 96, 4) is Verdict.UNSURE


def test_more_channels_keep_what_is_known_of_the_others():
    known = window(2)
    remember(known, (1, 100, 5))

    known.cover(np.array([9], np.int32), np.array([STEP_S], np.int32))

    assert judge(known, 1, 100, 5) is Verdict.SAME
    assert judge(known, 9, 100, 5) is Verdict.NEW


def test_what_is_forgotten_is_new_again_and_what_it_displaced_is_unsure():
    known = window()
    remember(known, (1, 96, 4))
    remember(known, (1, 100, 5), (1, 101, 6))
    taken_back = intervals((1, 100, 5))

    known.forget(taken_back.channel_id, taken_back.start_s, taken_back.value)

    assert judge(known, 1, 100, 5) is Verdict.NEW
    assert judge(known, 1, 101, 6) is Verdict.SAME
    assert judge(known, 1, 96, 4) is Verdict.UNSURE


def test_a_value_that_was_stored_by_another_is_not_forgotten():
    known = window()
    remember(known, (1, 100, 5))
    other = intervals((1, 100, 9))

    known.forget(other.channel_id, other.start_s, other.value)

    assert judge(known, 1, 100, 5) is Verdict.SAME


def test_a_window_is_sure_no_further_back_than_it_was_asked_to_reach():
    known = Window(3)
    known.cover(np.zeros(1, np.int32), np.full(1, STEP_S, np.int32))
    remember(known, (0, 100, 5))

    assert judge(known, 0, 98, 5) is Verdict.NEW
    assert judge(known, 0, 97, 5) is Verdict.UNSURE


@pytest.mark.parametrize("newest", [(1 << 31) // STEP_S + 1, ((1 << 32) - 1) // STEP_S])
def test_reads_up_to_2106_are_told_apart(newest):
    known = window()

    remember(known, (1, newest, 5))

    assert judge(known, 1, newest, 5) is Verdict.SAME
    assert judge(known, 1, newest - SLOTS + 1, 5) is Verdict.NEW
    assert judge(known, 1, newest - SLOTS - 1, 5) is Verdict.UNSURE


def test_of_what_came_at_another_distance_nothing_is_sure():
    known = window(2)
    remember(known, (0, 100, 5), (1, 100, 5))
    known.cover(np.zeros(2, np.int32), np.full(2, 2 * STEP_S, np.int32))

    assert [judge(known, 0, number, 5) for number in (98, 100, 102)] == [
        Verdict.UNSURE, Verdict.UNSURE, Verdict.NEW,
    ]  # fmt: skip
    assert judge(known, 1, 100, 5) is Verdict.SAME
    remember(known, (0, 110, 6))
    assert judge(known, 0, 110 - 2 * SLOTS + 2, 5) is Verdict.NEW
    assert judge(known, 0, 110 - 2 * SLOTS, 5) is Verdict.UNSURE


def test_what_was_taken_back_at_another_distance_is_not_known_when_it_changes_back():
    known = window(1)
    remember(known, (0, 101, 5))
    taken_back = intervals((0, 101, 5))
    known.cover(np.zeros(1, np.int32), np.full(1, 4 * STEP_S, np.int32))
    known.forget(taken_back.channel_id, taken_back.start_s, taken_back.value)
    known.cover(np.zeros(1, np.int32), np.full(1, STEP_S, np.int32))

    assert judge(known, 0, 101, 5) is Verdict.UNSURE


def test_sieve_keeps_the_first_of_each_key_in_order():
    known = window()
    remember(known, (0, 99, 7))

    sieved = sieve(
        known, intervals((1, 101, 3), (0, 99, 7), (1, 100, 2), (1, 101, 3), (0, 99, 8), (0, 50, 1))
    )

    assert rows(sieved.sure) == [(1, 100, 2), (1, 101, 3)]
    assert rows(sieved.unsure) == [(0, 50, 1), (0, 99, 8)]
    assert sieved.conflicts == ()
    assert sieved.duplicate_count == 2
    assert sieved.different_count == 1


def test_values_that_disagree_within_a_batch_become_conflicts_key_by_key():
    sieved = sieve(window(), intervals((0, 1, 5), (0, 1, 6), (0, 1, 5), (0, 1, 7), (0, 1, 6)))

    assert rows(sieved.sure) == [(0, 1, 5)]
    assert [rows(part) for part in sieved.conflicts] == [[(0, 1, 6)], [(0, 1, 7)]]
    assert sieved.duplicate_count == 2
    assert sieved.different_count == 2


def test_registers_are_told_apart_by_the_second():
    known = window()
    first = RegisterReads.raw(
        np.array([0, 0]), np.array([900, 903]), np.array([5, 5]), recorded_us=0, source=Source.FILE
    )

    sieved = sieve(known, first)
    known.remember(sieved.sure.channel_id, times(sieved.sure), sieved.sure.value)
    again = sieve(known, first)

    assert sieved.sure.at_s.tolist() == [900, 903]
    assert again.sure.at_s.tolist() == []
    assert again.unsure.at_s.tolist() == [900]


reads = st.tuples(st.integers(0, 2), st.integers(80, 110), st.integers(0, 2))


@given(st.lists(st.lists(reads, max_size=12), max_size=8))
def test_what_is_sure_is_new_and_nothing_that_is_new_is_lost(batches):
    known, stored = window(), dict[tuple[int, int], int]()
    for batch in batches:
        sieved = sieve(known, intervals(*batch))
        for part in (sieved.sure, sieved.unsure, *sieved.conflicts):
            keys = [row[:2] for row in rows(part)]
            assert keys == sorted(set(keys)), "sorted, each key at most once"
        assert not any(row[:2] in stored for row in rows(sieved.sure))
        for part in (sieved.sure, sieved.unsure):
            for channel, number, value in rows(part):
                stored.setdefault((channel, number), value)
            known.remember(part.channel_id, part.start_s, part.value)
        assert {row[:2] for row in batch} <= set(stored)


@given(st.lists(st.lists(reads, max_size=24), max_size=6), st.integers(1, 9))
def test_what_is_taken_in_piece_by_piece_is_stored_and_disputed_like_a_whole(batches, block_rows):
    known, stored, disputed = window(), dict[tuple[int, int], int](), set[tuple[int, int, int]]()
    for batch in batches:
        before = dict(stored)
        with patch("ingest.known._BLOCK_ROWS", block_rows):
            sieved = take_in(known, intervals(*batch))
        for part in (sieved.sure, sieved.unsure, *sieved.conflicts):
            keys = [row[:2] for row in rows(part)]
            assert keys == sorted(set(keys)), "sorted, each key at most once"
            for channel, number, value in rows(part):
                if stored.setdefault((channel, number), value) != value:
                    disputed.add((channel, number, value))
        assert not any(row[:2] in before for row in rows(sieved.sure))
        for channel, number, value in batch:
            first = before.get((channel, number), stored.get((channel, number)))
            assert first == value or (channel, number, value) in disputed


@pytest.mark.parametrize("bit", [0, 31, 32, 39])
def test_a_register_that_differs_in_a_single_bit_is_no_copy(bit):
    known = window()
    first = RegisterReads.raw(
        np.array([0]), np.array([900]), np.array([721_345]), recorded_us=0, source=Source.FILE
    )
    other = RegisterReads.raw(
        np.array([0]), np.array([900]), first.value ^ (1 << bit), recorded_us=0, source=Source.FILE
    )

    take_in(known, first)

    assert len(take_in(known, other).unsure) == 1
