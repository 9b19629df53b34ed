"""Register reads that fit their neighbours, and those that do not."""

import numpy as np
import pytest

from tests.unit.vee import build
from vee.kernels.brackets import Bookends, Brackets, chain


def chained(reads: list[tuple[int, int]], *, modulus: int = 10**6, v_max: int = 100) -> Bookends:
    block = build.block(build.slot_table(), registers=reads, modulus=modulus, v_max=v_max)
    return chain(block.registers, block.limits, backstep_max=10)


def bracketed(reads: list[tuple[int, int]]) -> Brackets:
    bookends = chained(reads)
    later = np.flatnonzero(bookends.linked)
    return Brackets.closed_by(bookends.registers, later, bookends.usage[later])


@pytest.mark.parametrize(
    ("values", "kept", "refused"),
    [
        pytest.param([100, 150, 200], [100, 150, 200], [], id="all fit"),
        pytest.param([100, 20, 200], [100, 200], [20], id="one too low"),
        pytest.param([100, 90_000, 200], [100, 200], [90_000], id="one too high"),
        pytest.param([100, 97, 120], [100, 120], [], id="re-based by a few quanta"),
        pytest.param([100, 60, 40, 200], [100, 200], [60, 40], id="two too low"),
        pytest.param([900_000, 0, 50], [900_000, 0, 50], [0], id="reset"),
        pytest.param([500, 520, 300], [500, 520, 300], [300], id="the newest too low"),
    ],
)
def test_a_read_that_its_neighbours_do_without_is_dropped(values, kept, refused):
    bookends = chained([(4 * n, value) for n, value in enumerate(values)])

    assert bookends.registers.value.tolist() == kept
    assert sorted(bookends.refused.value.tolist()) == sorted(refused)


@pytest.mark.parametrize(
    ("values", "kept", "refused", "linked"),
    [
        pytest.param([100, 20, 200], [100, 20, 200], [], [False, False, True], id="too low"),
        pytest.param([100, 180, 120], [100, 180, 120], [120], [False, True, False], id="too high"),
        pytest.param(
            [700, 50, 90, 740],
            [700, 50, 90, 740],
            [740],
            [False, False, True, False],
            id="others wrong alike",
        ),
    ],
)
def test_a_read_that_a_person_vouches_for_stays_and_others_are_doubted(
    values, kept, refused, linked
):
    reads = [(4 * n, value) for n, value in enumerate(values)]
    block = build.block(build.slot_table(), registers=reads, modulus=10**6, v_max=100)
    vouched = np.array([False, True, *[False] * (len(values) - 2)])

    bookends = chain(block.registers, block.limits, backstep_max=10, vouched=vouched)

    assert bookends.registers.value.tolist() == kept
    assert bookends.refused.value.tolist() == refused
    assert bookends.linked.tolist() == linked


def test_a_reset_breaks_the_chain_and_the_next_read_takes_it_up():
    bookends = chained([(0, 900_000), (4, 0), (8, 50)])

    assert bookends.linked.tolist() == [False, False, True]
    assert bookends.usage.tolist() == [0, 0, 50]


def test_reads_of_two_channels_are_never_linked():
    block = build.block(
        build.slot_table(), np.ones((2, 96), np.int64), registers=[(0, 0, 5), (1, 4, 9)]
    )

    bookends = chain(block.registers, block.limits, backstep_max=10)

    assert not bookends.linked.any()


def test_no_reads_make_no_brackets():
    brackets = bracketed([])

    assert len(brackets) == 0
    assert (brackets.holding(np.arange(96), 96) == -1).all()


def test_a_bracket_touches_what_shares_a_slot_or_an_edge_with_it():
    brackets = bracketed([(8, 0), (16, 5)])

    def touches(slot: int) -> bool:
        slots = np.zeros((1, 96), np.bool_)
        slots[0, slot] = True
        return bool(brackets.touching(slots)[0])

    assert [slot for slot in range(96) if touches(slot)] == list(range(7, 17))
