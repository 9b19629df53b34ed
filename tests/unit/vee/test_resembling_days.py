"""Gaps between registers, estimated from days of their own energy."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from mdms.domain.readings import Int64, Method
from tests.unit.vee import build
from tests.unit.vee.build import HOUR_S, RULES, judge, methods, slot_table, values
from vee.block import Block


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
