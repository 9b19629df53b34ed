"""Estimates from evidence besides the reads; worked cases by their numbers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from mdms.domain.readings import Bool, Int64, Method
from tests.unit.vee import build
from tests.unit.vee.build import (
    HOUR_S,
    at,
    judge,
    methods,
    slot_table,
    spans,
    statuses,
    values,
    with_evidence,
)
from vee.block import Block
from vee.context import ELECTRIC, Context, Quantity
from vee.evidence import BucketRegisters, CheckChannel, ClassProfile, LastYear, Leaks, Peers

# ------------------------------------------------------------------------------- other evidence


def second_meter(value: Int64) -> CheckChannel:
    return CheckChannel(value, np.ones(value.shape, np.bool_), np.full(value.shape, 7, np.int32))


def a_year_before(value: Int64, valid: Bool) -> LastYear:
    return LastYear(value, valid, np.zeros((3, value.shape[2]), np.int64))


def test_a_check_channel_is_copied_and_scaled():
    block = build.block(slot_table(), missing=range(40, 44), registers=[(40, 0), (44, 500)])
    check = second_meter(np.full((1, 96), 50))
    check.value[0, 40] = 100

    outcome = judge(with_evidence(block, check=check))

    assert values(outcome, range(40, 44)) == [200, 100, 100, 100]
    assert set(methods(outcome, range(40, 44))) == {Method.K1}


def silent_hours() -> Block:
    """A meter of which only one day is known, and not enough of it for any pattern."""
    slots = slot_table(days=2, interval_s=HOUR_S)
    present = np.zeros((1, len(slots)), np.bool_)
    present[0, :6] = True
    return build.block(slots, present=present, linear=False)


def test_last_year_stands_in_where_this_year_knows_nothing():
    block = silent_hours()
    valid = np.ones((3, 1, 48), np.bool_)
    valid[2] = False
    value = np.array([100, 200, 900])[:, None, None] * np.ones((1, 1, 48), np.int64)

    outcome = judge(with_evidence(block, last_year=a_year_before(value, valid)))

    assert set(values(outcome, [*range(8, 24), *range(30, 48)])) == {150}
    assert set(methods(outcome, range(6, 24))) == {Method.H3}


def test_last_year_is_scaled_by_how_usage_has_changed():
    slots = slot_table(date(2026, 7, 1), 3, interval_s=HOUR_S)
    present = np.ones((1, 72), np.bool_)
    present[0, 24:48] = False
    present[0, 12::24] = False  # nothing is known of noon
    block = build.block(slots, np.full((1, 72), 300), present=present, linear=False)
    before = a_year_before(np.full((3, 1, 72), 100), np.ones((3, 1, 72), np.bool_))

    outcome = judge(with_evidence(block, last_year=before))

    assert (methods(outcome, [36]), values(outcome, [36])) == ([Method.H3], [300])


def test_a_class_profile_stands_in_for_a_meter_without_a_past():
    share = np.tile(np.where(np.arange(24) < 12, 1, 3) / 48, 2)[None, :]
    peers = Peers(np.array([8, 9], np.int32), date(2026, 10, 5), date(2026, 11, 1))
    of = np.zeros(share.shape, np.int64)
    of_class = ClassProfile(share, np.full(share.shape, 4800.0), [peers], of)

    outcome = judge(with_evidence(silent_hours(), of_class=of_class))

    assert values(outcome, [6, 11, 12, 40]) == [100, 100, 300, 300]
    assert set(methods(outcome, [6, 40])) == {Method.C1}


def test_a_known_leak_runs_through_a_gap_as_long_as_it_lasts():
    slots = slot_table(days=15, interval_s=HOUR_S)
    value = np.tile(np.where((np.arange(24) < 10) | (np.arange(24) > 20), 0, 40), 15)[None, :]
    gap = range(7 * 24, 7 * 24 + 12)
    block = build.block(slots, value, missing=gap, linear=False)
    day_h = 7 * 24
    leaks = Leaks(
        channel=np.array([0, 0]),
        from_s=np.array([at(block, day_h + 2), at(block, 0)]),
        until_s=np.array([2**62, at(block, 24)]),
        rate=np.array([15.0, 30.0]),
    )

    outcome = judge(with_evidence(block, leaks=leaks))

    assert values(outcome, gap)[:6] == [0, 0, 15, 15, 15, 15]
    assert values(outcome, gap)[11:] == [40]  # near 10:00 it varies: people are no clocks


def test_a_leak_that_is_over_leaves_no_trace():
    slots = slot_table(days=15, interval_s=HOUR_S)
    value = np.tile(np.where((np.arange(24) < 10) | (np.arange(24) > 20), 0, 40), 15)[None, :]
    gap = range(7 * 24, 7 * 24 + 4)
    block = build.block(slots, value, missing=gap, linear=False)
    over = Leaks(*spans(block, 0, 7 * 24 + 1), rate=np.array([15.0]))

    outcome = judge(with_evidence(block, leaks=over))

    assert values(outcome, gap) == [15, 0, 0, 0]
    none = np.zeros(0, np.int64)
    nobodys = Leaks(none, none, none, np.zeros(0))
    assert values(judge(with_evidence(block, leaks=nobodys)), gap) == [0] * 4


# ------------------------------------------------------------------------------ signed channels


def net(block: Block) -> Block:
    plain = Context.plain(np.array([ELECTRIC], np.uint8), len(block.slots.days))
    return replace(block, known=replace(plain, quantity=np.array([Quantity.NET], np.uint8)))


def test_a_signed_channel_is_shifted_to_its_register():
    block = net(build.block(slot_table(), missing=[40, 41, 42], registers=[(40, 0), (43, 2_500)]))
    check = second_meter(np.zeros((1, 96), np.int64))
    check.value[0, 40:43] = [-1000, 500, 1500]

    outcome = judge(with_evidence(block, check=check))

    assert values(outcome, [40, 41, 42]) == [-500, 1000, 2000]
    assert not outcome.flags[0, 40:43].any()


# -------------------------------------------------------------------------- time-of-use registers


def test_each_time_of_use_bucket_meets_its_own_register():
    slots = slot_table()
    bucket = np.zeros((1, 96), np.int16)
    bucket[0, 64:] = 1  # peak from 16:00
    block = build.block(slots, missing=range(60, 68), registers=[(0, 0), (96, 88 * 100 + 1000)])
    buckets = BucketRegisters(
        bucket=bucket,
        channel=np.zeros(4, np.int64),
        of=np.array([0, 0, 1, 1]),
        boundary=np.array([0, 96, 0, 96]),
        value=np.array([0, 60 * 100 + 200, 0, 28 * 100 + 800]),
    )

    outcome = judge(with_evidence(block, buckets=buckets))

    assert values(outcome, range(60, 68)) == [50] * 4 + [200] * 4


@pytest.mark.parametrize("broken", ["never read", "read once", "at odds"])
def test_time_of_use_registers_that_cannot_be_used_are_left_aside(broken):
    slots = slot_table()
    bucket = np.zeros((1, 96), np.int16)
    bucket[0, 64:] = 1
    block = build.block(slots, missing=range(60, 68), registers=[(0, 0), (96, 88 * 100 + 1600)])
    keep = slice(0, {"never read": 2, "read once": 3, "at odds": 4}[broken])
    buckets = BucketRegisters(
        bucket=bucket,
        channel=np.zeros(4, np.int64)[keep],
        of=np.array([0, 0, 1, 1])[keep],
        boundary=np.array([0, 96, 0, 96])[keep],
        value=np.array([0, 6_200, 0, 9_000])[keep],
    )

    outcome = judge(with_evidence(block, buckets=buckets))

    assert values(outcome, range(60, 68)) == [200] * 8


# -------------------------------------------------------------------------------------- long gaps


def test_a_closed_gap_of_more_than_a_month_is_filled_between_registers_only():
    slots = slot_table(date(2026, 7, 1), 90, interval_s=HOUR_S)
    present = np.ones((1, len(slots)), np.bool_)
    gap = slice(30 * 24, 62 * 24)
    present[0, gap] = False
    alone = build.block(slots, present=present, linear=False)
    closed = build.block(
        slots,
        present=present,
        linear=False,
        registers=[(gap.start, 0), (gap.stop, 32 * 24 * 70)],
    )

    assert set(statuses(judge(alone))[gap]) == {"."}
    outcome = judge(closed)
    assert set(statuses(outcome)[gap]) == {"E"}
    assert outcome.value[0, gap].sum() == 32 * 24 * 70


@pytest.mark.parametrize("case", [pytest.param(None, id="case-91")])
def test_what_a_register_leaves_is_prorated_over_the_days_without_reads(case):
    slots = slot_table(date(2026, 7, 1), 3, interval_s=HOUR_S)
    value = np.tile(np.append(np.full(20, 4_000), [5_000] * 4), 3)[None, :]  # 100 kWh a day
    present = slots.day[None, :] == 2

    outcome = judge(
        build.block(slots, value, present=present, registers=[(0, 0), (72, 150_000)], v_max=10**6)
    )

    per_day = [int(outcome.value[0, slots.day == day].sum()) for day in range(3)]
    assert per_day[2] == 100_000
    assert sum(per_day) == 150_000
    assert abs(per_day[0] - 25_000) <= 500


@pytest.mark.parametrize("case", [pytest.param(None, id="case-96")])
def test_a_few_gallons_are_shared_by_largest_remainder(case):
    slots = slot_table(date(2026, 7, 1), 29, interval_s=HOUR_S)
    value = np.zeros((1, len(slots)), np.int64)
    gap = 14 * 24 + np.array([10, 11])
    weeks = [slots.at[7 * week, 10] for week in (0, 1, 3, 4)]
    value[0, weeks] = 1
    registers = [(int(gap[0]), 0), (int(gap[1]) + 1, 3)]

    outcome = judge(
        build.block(slots, value, missing=gap.tolist(), registers=registers, linear=False)
    )

    assert sum(values(outcome, gap)) == 3
    assert values(outcome, gap)[0] >= 2
