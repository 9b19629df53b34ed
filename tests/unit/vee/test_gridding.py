"""Rows to grids: which reads count, and for which slot or boundary."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from tests.unit.vee.build import RULES, slot_table
from vee.amend import Stored
from vee.block import Block
from vee.gridding import grid

SLOTS = slot_table(date(2026, 11, 3))
START_S = int(SLOTS.start_s[0])


def channels(
    *installations: tuple[int, int, int], radio_on: bool = True, service_class: str = "water_5_8"
) -> ChannelTable:
    """Return installations (channel, installed_s, removed_s) of one commodity."""
    count = len(installations)

    def each(value: object, kind: type) -> np.ndarray:
        return np.full(count, value, kind)

    numbers, installed_s, removed_s = np.array(installations, np.int64).T
    return ChannelTable(
        channel_id=numbers.astype(np.int32),
        badge=each("M", object),
        reading_type=each("", object),
        commodity=each("water", object),
        service_class=each(service_class, object),
        usage_point_id=each("U", object),
        transformer_id=each("", object),
        radio_id=each(1, np.int64),
        wire_channel=each(0x20, np.uint8),
        interval_s=each(900, np.int32),
        installed_s=installed_s,
        removed_s=removed_s,
        radio_on=each(radio_on, np.bool_),
        register_modulus=each(10**9, np.int64),
        register_resolution=each(1, np.int64),
        multiplier=each(1, np.int64),
    )


ALWAYS = channels((7, 0, STILL_INSTALLED_S))


def intervals(*rows: tuple[int, int], channel: int = 7, recorded_us: int = 5) -> IntervalReads:
    start_s, value = np.array(rows, np.int64).reshape(-1, 2).T
    return IntervalReads.raw(
        np.full(len(rows), channel), start_s, value, recorded_us=recorded_us, source=Source.UPLINK
    )


def registers(*rows: tuple[int, int], channel: int = 7) -> RegisterReads:
    at_s, value = np.array(rows, np.int64).reshape(-1, 2).T
    return RegisterReads.raw(
        np.full(len(rows), channel), at_s, value, recorded_us=5, source=Source.UPLINK
    )


def laid_out(
    table: ChannelTable = ALWAYS,
    *,
    reads: IntervalReads | None = None,
    books: RegisterReads | None = None,
) -> tuple[Block, Stored]:
    return grid(
        table,
        SLOTS,
        IntervalReads.empty() if reads is None else reads,
        RegisterReads.empty() if books is None else books,
        RULES,
    )


@pytest.mark.parametrize(
    ("off_s", "boundaries"), [(0, [4]), (60, [4]), (-60, [4]), (61, []), (-61, []), (450, [])]
)
def test_a_register_counts_within_a_minute_of_a_boundary(off_s, boundaries):
    block, _ = laid_out(books=registers((START_S + 3600 + off_s, 12)))

    assert block.registers.boundary.tolist() == boundaries


def test_the_nearest_of_two_registers_stands_for_a_boundary():
    block, _ = laid_out(books=registers((START_S - 20, 11), (START_S + 5, 12), (START_S + 40, 13)))

    assert (block.registers.boundary.tolist(), block.registers.value.tolist()) == ([0], [12])


@pytest.mark.parametrize(("vouched_s", "is_vouched"), [(5, True), (40, False), (0, False)])
def test_who_vouches_for_a_register_vouches_for_no_other_beside_it(vouched_s, is_vouched):
    reads = registers((START_S + 5, 12), (START_S + 40, 13), (START_S + 3600, 14))
    vouched = registers((START_S + vouched_s, 12))

    block, _ = grid(ALWAYS, SLOTS, IntervalReads.empty(), reads, RULES, vouched=vouched)

    assert block.edits is not None
    ends = block.registers
    assert block.edits.vouches(ends.channel, ends.boundary).tolist() == [is_vouched, False]


def test_the_raw_value_is_judged_and_the_newest_version_is_compared():
    raw = intervals((START_S, 40), (START_S + 900, 50))
    estimate = raw.take(np.array([1]))
    estimate.version[:], estimate.value[:] = 3, 60
    estimate.status[:] = Status.ESTIMATED.code

    block, stored = laid_out(reads=IntervalReads.concat(raw, estimate))

    assert block.value[0, :2].tolist() == [40, 50]
    assert stored.value[0, :2].tolist() == [40, 60]
    assert stored.version[0, :3].tolist() == [0, 3, -1]
    assert stored.newest_us.tolist() == [[5]]


def test_reads_outside_the_slots_or_of_other_channels_are_left_out():
    other = intervals((START_S, 1), channel=8)
    outside = intervals((START_S - 900, 2), (SLOTS.end_s, 3))

    block, _ = laid_out(reads=IntervalReads.concat(other, outside))

    assert not block.present.any()


def test_intervals_are_expected_while_a_meter_is_installed_and_its_radio_on():
    moved = channels(
        (7, START_S + 1000, START_S + 4 * 900),
        (7, START_S + 6 * 900, START_S + 8 * 900 + 1),
        (9, 0, START_S),
    )

    block, _ = laid_out(moved)
    silent, _ = laid_out(channels((7, 0, STILL_INSTALLED_S), radio_on=False))

    assert np.flatnonzero(block.expected[0]).tolist() == [2, 3, 6, 7]
    assert not block.expected[1].any()
    assert not silent.expected.any()


CHANGED_S = START_S + 40 * 900
DAILY = ((START_S, 100), (START_S + 900, 110), (CHANGED_S, 500), (CHANGED_S + 900, 501))


def test_brackets_break_where_the_multiplier_changes():
    """vee.md 1.1: usage is the difference times the multiplier that holds between."""
    table = channels((7, 0, CHANGED_S), (7, CHANGED_S, STILL_INSTALLED_S))
    larger = replace(table, multiplier=np.array([1, 40]))

    block, _ = laid_out(larger, books=registers(*DAILY))
    silent, _ = laid_out(table, books=registers(*DAILY))

    assert block.limits.multiplier.tolist() == [40]
    assert block.registers.boundary.tolist() == [40, 41]
    assert silent.registers.boundary.tolist() == [0, 1, 40, 41]


def test_a_change_that_lies_ahead_changes_nothing_yet():
    table = channels((7, 0, SLOTS.end_s), (7, SLOTS.end_s, STILL_INSTALLED_S))
    larger = replace(table, multiplier=np.array([1, 40]))

    block, _ = laid_out(larger, books=registers(*DAILY))

    assert block.limits.multiplier.tolist() == [1]
    assert block.registers.boundary.tolist() == [0, 1, 40, 41]


def test_reads_of_the_other_channels_stay_where_one_changes():
    table = channels((7, 0, CHANGED_S), (7, CHANGED_S, STILL_INSTALLED_S), (9, 0, CHANGED_S))
    larger = replace(table, register_resolution=np.array([1, 10, 1]))
    reads = RegisterReads.concat(registers(*DAILY), registers(*DAILY, channel=9))

    block, _ = laid_out(larger, books=reads)

    assert block.limits.resolution.tolist() == [10, 1]
    assert block.registers.boundary.tolist() == [40, 41, 0, 1, 40, 41]


def test_limits_follow_class_commodity_and_interval():
    block, _ = laid_out()

    assert block.limits.v_max.tolist() == [3000]
    assert block.limits.reversible.tolist() == [True]
    assert block.limits.linear.tolist() == [False]
