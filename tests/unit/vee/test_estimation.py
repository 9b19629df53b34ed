"""Estimates from evidence besides the reads; worked cases by their numbers."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_EXTREME,
    FLAG_EST_UNSCALED,
    FLAG_OUTAGE_CONFLICT,
    Bool,
    Int64,
    Method,
)
from tests.unit.vee import build
from tests.unit.vee.build import RULES, judge, methods, slot_table, statuses, values
from vee.block import Block
from vee.context import ELECTRIC, Context, Openings, Quantity
from vee.evidence import (
    BucketRegisters,
    CheckChannel,
    ClassProfile,
    Evidence,
    LastYear,
    Leaks,
    Peers,
    Spans,
)
from vee.examination import V29, examine

HOUR_S = 3600


def with_evidence(block: Block, **parts: Any) -> Block:
    return replace(block, evidence=replace(Evidence.none(), **parts))


def at(block: Block, hours: float) -> int:
    return int(block.slots.start_s[0] + hours * HOUR_S)


def spans(block: Block, first_h: float, last_h: float) -> tuple[Int64, Int64, Int64]:
    return np.array([0]), np.array([at(block, first_h)]), np.array([at(block, last_h)])


# ----------------------------------------------------------------------- outages and disconnects

DARK = range(52, 64)
"""The reads that end 13:15 to 16:00."""


def outage(residual: int, *, resolution: int = 100) -> Block:
    """An outage 13:10-15:50; 90 Wh are usual, and a register leaves `residual` for the gap."""
    slots = slot_table(days=15)
    today = 7 * 96
    value = np.full((1, len(slots)), 90)
    block = build.block(
        slots,
        value,
        missing=[today + slot for slot in DARK],
        registers=[(today + 48, 0), (today + 68, 8 * 90 + residual)],
        resolution=resolution,
    )
    day_h = 7 * 24
    return with_evidence(
        block, outages=Spans(*spans(block, day_h + 13 + 1 / 6, day_h + 15 + 5 / 6))
    )


@pytest.mark.parametrize("case", [pytest.param(None, id="case-51")])
def test_an_outage_leaves_zeros_and_parts_at_its_edges(case):
    # The case's tolerance of 0.2 kWh is that of a register of 0.1 kWh; this one counts
    # every Wh, so that what is left is met exactly.
    outcome = judge(outage(120, resolution=1))

    gap = [7 * 96 + slot for slot in DARK]
    assert values(outcome, gap) == [60, *[0] * 10, 60]
    assert statuses(outcome)[gap[0] : gap[-1] + 1] == "E" + "Z" * 10 + "E"
    assert set(methods(outcome, gap[1:-1])) == {Method.Z1}
    assert not (outcome.flags[0, gap] & (FLAG_EST_EXTREME | FLAG_OUTAGE_CONFLICT)).any()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-52")])
def test_a_register_that_counted_on_contradicts_the_outage(case):
    outcome = judge(outage(2_400, resolution=1))

    gap = [7 * 96 + slot for slot in DARK]
    assert sum(values(outcome, gap)) == 2_400
    assert values(outcome, gap) == [200] * 12
    assert ((outcome.flags[0, gap] & FLAG_OUTAGE_CONFLICT) != 0).all()
    assert statuses(outcome)[gap[0] : gap[-1] + 1] == "E" * 12


def test_zeros_are_accepted_where_no_register_speaks():
    block = outage(120)
    block = replace(block, registers=block.registers.take(slice(0, 0)))

    outcome = judge(block)

    gap = [7 * 96 + slot for slot in DARK]
    assert values(outcome, gap) == [60, *[0] * 10, 60]
    assert outcome.flags[0, gap[5]] == 0
    assert outcome.flags[0, gap[0]] == FLAG_EST_UNSCALED


def dark_hour(residual: int) -> Block:
    """Four missing slots wholly in an outage, and a register that leaves something for them."""
    slots = slot_table()
    block = build.block(
        slots, missing=range(40, 44), registers=[(40, 0), (44, residual)], resolution=10
    )
    return with_evidence(block, outages=Spans(*spans(block, 9, 12)))


def test_zeros_let_a_residual_within_tolerance_go_and_say_so():
    outcome = judge(dark_hour(20))

    assert values(outcome, range(40, 44)) == [0] * 4
    assert statuses(outcome)[40:44] == "ZZZZ"
    assert set(outcome.flags[0, 40:44].tolist()) == {FLAG_EST_CLAMPED}


def test_zeros_do_not_let_go_of_more_than_the_tolerance():
    outcome = judge(dark_hour(30))

    assert sum(values(outcome, range(40, 44))) == 30
    assert statuses(outcome)[40:44] == "EEEE"
    assert ((outcome.flags[0, 40:44] & FLAG_OUTAGE_CONFLICT) != 0).all()


def test_another_gap_of_the_bracket_takes_what_an_outage_cannot_have_used():
    block = build.block(
        slot_table(), missing=[*range(40, 44), 60, 61], registers=[(40, 0), (64, 18 * 100 + 230)]
    )

    outcome = judge(with_evidence(block, outages=Spans(*spans(block, 10, 11))))

    assert values(outcome, [*range(40, 44), 60, 61]) == [0, 0, 0, 0, 115, 115]


def test_an_open_switch_leaves_zeros():
    block = build.block(slot_table(), missing=range(40, 44))
    opened = Context.plain(np.array([ELECTRIC], np.uint8), 1)
    block = replace(block, known=replace(opened, openings=Openings(*spans(block, 9, 12))))

    outcome = judge(block)

    assert values(outcome, range(40, 44)) == [0] * 4
    assert set(methods(outcome, range(40, 44))) == {Method.Z2}


def test_a_register_that_counted_behind_an_open_switch_is_usage_while_it_is_off():
    block = build.block(
        slot_table(), missing=range(40, 44), registers=[(40, 0), (44, 800)], resolution=10
    )
    opened = Context.plain(np.array([ELECTRIC], np.uint8), 1)
    block = replace(block, known=replace(opened, openings=Openings(*spans(block, 9, 12))))

    outcome = judge(block)

    assert statuses(outcome)[40:44] == "EEEE"
    assert ((outcome.flags[0, 40:44] & V29) != 0).all()


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


# -------------------------------------------------------------------- windows that resemble the gap


def home(seed: int = 3, days: int = 60) -> Int64:
    """Half-hourly days of two kinds, at home and out, in no order that a weekday knows."""
    rng = np.random.default_rng(seed)
    hour = np.arange(48) / 2
    evening = 900 * np.exp(-((hour - 19) ** 2) / 4)
    midday = 600 * np.exp(-((hour - 13) ** 2) / 8)
    at_home = rng.random(days) < 0.4
    shape = 80 + evening + at_home[:, None] * midday
    use: Int64 = np.rint(shape * rng.gamma(20, 1 / 20, (days, 48))).astype(np.int64)
    return use.reshape(1, -1)


def hidden(value: Int64, gap: range) -> Block:
    slots = slot_table(date(2026, 5, 4), value.shape[1] // 48, interval_s=1800)
    total = int(value[0, gap].sum())
    return build.block(slots, value, missing=gap, registers=[(gap.start, 0), (gap.stop, total)])


def test_a_gap_is_estimated_from_days_of_its_own_energy():
    value = home()
    busy = max(range(20, 40), key=lambda day: int(value[0, day * 48 : day * 48 + 48].sum()))
    gap = range(busy * 48, busy * 48 + 48)
    block = hidden(value, gap)

    outcome = judge(block)

    assert set(methods(outcome, gap)) == {Method.H4}
    assert outcome.value[0, gap].sum() == value[0, gap].sum()
    unaware = judge(replace(block, registers=block.registers.take(slice(0, 0))))
    profile = unaware.value[0, gap] * value[0, gap].sum() / unaware.value[0, gap].sum()
    error, before = (np.abs(x - value[0, gap]).sum() for x in (outcome.value[0, gap], profile))
    assert error < 0.8 * before


def test_gaps_of_every_length_keep_their_total():
    value = home()
    for length in (2, 3, 13, 47, 48, 49, 150, 480):
        gap = range(1000, 1000 + length)

        outcome = judge(hidden(value, gap))

        assert outcome.value[0, gap].sum() == value[0, gap].sum(), f"{length} slots"
        assert (outcome.value[0, gap] >= 0).all()


def test_a_gap_on_the_day_the_clocks_change_keeps_its_total():
    for first in (date(2026, 2, 20), date(2026, 10, 15)):
        slots = slot_table(first, 35, interval_s=1800)
        value = np.tile(np.arange(1, 49) * 10, 40)[None, : len(slots)]
        day = int(np.flatnonzero(np.diff(slots.first) != 48)[0])
        gap = range(int(slots.first[day]) - 5, int(slots.first[day + 1]) + 5)
        total = int(value[0, gap].sum())

        outcome = judge(
            build.block(slots, value, missing=gap, registers=[(gap.start, 0), (gap.stop, total)])
        )

        assert outcome.value[0, gap].sum() == total
        assert set(methods(outcome, gap)) == {Method.H4}


def test_a_provisional_estimate_between_registers_does_not_look_at_later_days():
    value = home()
    gap = range(30 * 48 + 10, 30 * 48 + 30)
    other = value.copy()
    other[0, 31 * 48 :] = 5_000

    before = judge(hidden(value, gap), days=slice(30, 31), two_sided=False)
    after = judge(hidden(other, gap), days=slice(30, 31), two_sided=False)

    assert set(methods(before, gap)) == {Method.H4}
    assert (before.value[0, gap] == after.value[0, gap]).all()


def test_an_estimate_does_not_depend_on_what_it_is_computed_with():
    rng = np.random.default_rng(1)
    value = np.concatenate([home(seed) for seed in range(6)])
    slots = slot_table(date(2026, 5, 4), 60, interval_s=1800)
    missing = rng.random(value.shape) < 0.1
    registers = [
        (channel, boundary, int(value[channel, :boundary].sum()))
        for channel in range(6)
        for boundary in range(0, len(slots) + 1, 96)
    ]
    together = judge(build.block(slots, value, present=~missing, registers=registers))

    for channel in range(6):
        own = [(0, *read[1:]) for read in registers if read[0] == channel]
        alone = judge(
            build.block(
                slots,
                value[channel : channel + 1],
                present=~missing[channel : channel + 1],
                registers=own,
            )
        )
        for grid in ("value", "status", "method", "flags"):
            here, there = getattr(alone, grid)[0], getattr(together, grid)[channel]
            assert here.tobytes() == there.tobytes(), grid


def test_more_context_than_references_reach_changes_no_byte():
    value = home(days=160)
    slots = slot_table(date(2026, 3, 20), 160, interval_s=1800)
    reach = RULES.estimate.reach_days + 1
    inner = slice(80 - reach, 81 + reach)
    narrow = slot_table(slots.days[inner.start], 2 * reach + 1, interval_s=1800)
    skipped = int(slots.first[inner.start])
    for day_slots in (range(4, 30), range(20, 22), range(7, 48)):
        gap = range(80 * 48 + day_slots.start, 80 * 48 + day_slots.stop)
        total = int(value[0, gap].sum())
        wide = judge(
            build.block(slots, value, missing=gap, registers=[(gap.start, 0), (gap.stop, total)])
        )

        close = judge(
            build.block(
                narrow,
                value[:, skipped : skipped + len(narrow)],
                missing=[slot - skipped for slot in gap],
                registers=[(gap.start - skipped, 0), (gap.stop - skipped, total)],
            )
        )

        assert set(methods(wide, gap)) == {Method.H4}
        there = slice(gap.start - skipped, gap.stop - skipped)
        for grid in ("value", "status", "method", "flags"):
            one, other = (
                getattr(wide, grid)[0, gap.start : gap.stop],
                getattr(close, grid)[0, there],
            )
            assert one.tobytes() == other.tobytes(), grid


def test_a_meter_without_a_past_falls_back_to_its_profile():
    slots = slot_table()
    outcome = judge(build.block(slots, missing=range(40, 50), registers=[(40, 0), (50, 2_000)]))

    assert Method.H4 not in methods(outcome, range(40, 50))
    assert sum(values(outcome, range(40, 50))) == 2_000


def test_days_that_the_profile_may_not_use_are_no_windows_either():
    # Thanksgiving takes its pattern from Sundays; the other days use ten times as much.
    first = date(2026, 10, 26)
    slots = slot_table(first, 50, interval_s=HOUR_S)
    sunday = np.array([(first + timedelta(days=day)).weekday() == 6 for day in range(50)])
    shape = np.where(np.arange(24) < 12, 10, 30)
    of_day = np.where(sunday[:, None], shape, shape[::-1] * 10)
    value = of_day[slots.day, slots.wall][None, :]
    thanksgiving = slots.days.index(date(2026, 11, 26))
    gap = range(int(slots.at[thanksgiving, 6]), int(slots.at[thanksgiving, 18]))

    outcome = judge(
        build.block(
            slots, value, missing=gap, registers=[(gap.start, 0), (gap.stop, 2_400)], linear=False
        )
    )

    assert set(methods(outcome, gap)) == {Method.H4}
    assert sum(values(outcome, gap)[:6]) == pytest.approx(600, abs=50)


# ----------------------------------------------------------------------------- which days tell


def test_a_day_whose_outage_took_its_values_away_is_no_reference():
    slots = slot_table(days=3)
    hole = range(96 + 40, 96 + 48)
    block = build.block(slots, missing=hole)
    dark = with_evidence(block, outages=Spans(*spans(block, 24 + 10, 24 + 12)))
    brief = with_evidence(block, outages=Spans(*spans(block, 24 + 10, 24 + 10.9)))

    known = [examine(each, RULES).reference(outage_h_max=1.0)[0] for each in (block, dark, brief)]

    assert [[bool(each[slots.day == day].any()) for day in range(3)] for each in known] == [
        [True, True, True],
        [True, False, True],
        [True, True, True],
    ]


def test_a_day_on_which_the_service_was_switched_off_is_no_reference():
    slots = slot_table(days=3)
    block = build.block(slots)
    known = Context.plain(np.array([ELECTRIC], np.uint8), 3)
    off = replace(block, known=replace(known, openings=Openings(*spans(block, 47, 49))))

    reference = examine(off, RULES).reference(outage_h_max=1.0)

    assert [bool(reference[0, slots.day == day].any()) for day in range(3)] == [True, False, False]


@pytest.mark.parametrize("bracketed", [False, True])
@pytest.mark.parametrize("gap_h", [0.5, 6])
@pytest.mark.parametrize("after", [2, 20])
def test_nobody_is_estimated_from_who_lived_there_before(bracketed, gap_h, after):
    moved, days = 30, 51
    slots = slot_table(days=days)
    rng = np.random.default_rng(1)
    value = rng.integers(90, 111, (1, len(slots)))
    value[0, moved * 96 :] *= 10
    first = (moved + after) * 96 + 40
    gap = range(first, first + int(gap_h * 4))
    registers = [
        (gap.start - 1, 0),
        (gap.stop + 1, int(value[0, gap.start - 1 : gap.stop + 1].sum())),
    ]
    block = build.block(
        slots, value, missing=gap, registers=registers if bracketed else [], linear=False
    )
    since = np.repeat([[0, moved]], [moved, days - moved], axis=1)
    known = replace(Context.plain(np.array([ELECTRIC], np.uint8), days), since=since)
    alone = replace(block, known=known)

    x = np.array(values(judge(alone, two_sided=False), gap))

    assert ((x > 800) & (x < 1200)).all()


def test_days_of_the_people_before_are_no_average_of_the_new_ones():
    slots = slot_table(days=4)
    value = np.repeat([[10, 1000]], [3 * 96, 96], axis=1)
    gap = range(3 * 96 + 60, 3 * 96 + 96)
    block = build.block(slots, value, missing=gap, linear=False)
    since = np.array([[0, 0, 0, 3]])
    known = replace(Context.plain(np.array([ELECTRIC], np.uint8), 4), since=since)

    alone = judge(replace(block, known=known))
    together = judge(block)

    assert statuses(alone)[gap.start :] == "." * len(gap)
    assert "." not in statuses(together)
