"""Rules that look at days and at other channels, with the acceptance cases by their numbers."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from mdms.domain.readings import FLAG_PARTIAL, FLAG_POWER_FAIL, Bool, Int64, Status, rule_bit
from tests.unit.vee import build
from tests.unit.vee.build import RULES, judge, slot_table, statuses
from tests.unit.vee.test_findings import told
from vee.block import Block
from vee.context import ELECTRIC, GAS, WATER, Conflicts, Context, History, Openings, Quantity
from vee.examination import Examination, examine
from vee.kernels import validate_days
from vee.marks import Severity

JULY = date(2026, 7, 7)


def context(block: Block, commodity: int = ELECTRIC, **facts: Any) -> Context:
    plain = Context.plain(
        np.full(len(block.channel_id), commodity, np.uint8), len(block.slots.days)
    )
    return replace(plain, **facts)


def known(block: Block, commodity: int = ELECTRIC, **facts: Any) -> Block:
    return replace(block, known=context(block, commodity, **facts))


def history(
    block: Block, *, peak: int = 0, valid_days: int = 60, zero_days: int = 0, inactive: int = 0
) -> History:
    shape = (len(block.channel_id), len(block.slots.days))
    return History(
        0,
        np.full(shape, peak),
        np.full(shape, valid_days),
        np.full(shape[0], zero_days),
        np.full(shape[0], inactive),
    )


def rules_of(found: Examination, slot: int) -> set[int]:
    return {n for n in range(1, 59) if found.flags[0, slot] & rule_bit(n)}


def days_of(found: Examination) -> set[tuple[int, Severity]]:
    return {(marks.rule, marks.severity) for marks in found.marks.days}


def spiky(first: int, third: int, *, peak: int, **facts: Any) -> Block:
    """A day whose highest intervals are `first` (slot 40) and twice `third`, after 60 days."""
    value = np.full((1, 96), min(100, third))
    value[0, 40], value[0, 50:52] = first, third
    block = build.block(slot_table(), value)
    return known(block, history=history(block, peak=peak), **facts)


# ------------------------------------------------------------------ what is unusual (V22 to V24)


@pytest.mark.parametrize(
    ("first", "third", "peak", "expected"),
    [
        pytest.param(8_400, 3_000, 0, set(), id="case-17"),
        pytest.param(9_000, 3_000, 8_000, {23}, id="case-18"),
        pytest.param(9_000, 3_000, 5_000, {22, 23, 24}, id="case-19"),
        pytest.param(9_000, 100, 5_000, {22, 24}, id="below the floor"),
        pytest.param(7_501, 7_000, 5_000, {22}, id="more than ever, among its like"),
        pytest.param(9_000, 3_000, 0, {23}, id="no history"),
    ],
)
def test_a_spike_is_measured_against_its_day_and_the_days_before(first, third, peak, expected):
    found = examine(spiky(first, third, peak=peak), RULES)

    assert rules_of(found, 40) == expected
    assert bool(found.held[0, 40]) == (24 in expected)
    assert rules_of(found, 50) in (set(), {22})


@pytest.mark.parametrize("impossible", [-5, 20_000, 2**16 + 50, 2**40])
def test_a_value_that_no_service_can_carry_neither_hides_nor_makes_a_spike(impossible):
    block = spiky(9_000, 3_000, peak=0)
    both = build.block(slot_table(), np.repeat(block.value, 2, axis=0))
    both.value[:, 45], both.value[1, 40] = impossible, 3_000

    found = examine(known(both, history=history(both)), RULES)

    assert rules_of(found, 40) == {23}
    assert not found.usable[:, 45].any()
    assert not found.flags[1, 40]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-93")])
def test_irregular_usage_is_no_surprise(case):
    block = spiky(9_000, 3_000, peak=2_000, irregular=np.array([True]))

    assert rules_of(examine(block, RULES), 40) == set()


def test_irregular_usage_beside_others_is_no_surprise():
    plain = spiky(9_000, 3_000, peak=2_000)
    both = build.block(slot_table(), np.repeat(plain.value, 2, axis=0))
    both = known(both, history=history(both, peak=2_000), irregular=np.array([False, True]))

    found = examine(both, RULES)

    assert found.flags[0].any()
    assert not found.flags[1].any()


def test_fewer_than_thirty_valid_days_say_nothing_about_the_largest_value():
    block = spiky(9_000, 3_000, peak=2_000)
    young = known(block, history=history(block, peak=2_000, valid_days=29))

    assert rules_of(examine(young, RULES), 40) == {23}


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        pytest.param(1_501, {22, 24}, id="more than a shower"),
        pytest.param(1_500, {22}, id="an hour of one shower"),
    ],
)
def test_water_spikes_are_only_doubted_beyond_all_days_before_and_an_open_tap(highest, expected):
    value = np.full((1, 24), 10)
    value[0, 7] = highest
    block = build.block(
        slot_table(interval_s=3600), value, linear=False, reversible=True, v_max=12_000
    )

    assert rules_of(examine(known(block, WATER), RULES), 7) == set()
    doubted = known(block, WATER, history=history(block, peak=500))
    assert rules_of(examine(doubted, RULES), 7) == expected


@pytest.mark.parametrize(("day", "expected"), [(35, {22, 24}), (29, set())])
def test_days_of_the_block_itself_count_as_history_once_they_are_judged(day, expected):
    slots = slot_table(days=40)
    value = np.full((1, len(slots)), 100)
    value[0, 96 * day + 10] = 1_000

    found = examine(build.block(slots, value), RULES)

    assert rules_of(found, 96 * day + 10) == expected


# ----------------------------------------------------------------- what registers decide (V24, V06)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-19-adjudicated")])
def test_a_doubted_value_that_its_register_knows_is_accepted(case):
    block = spiky(9_000, 3_000, peak=5_000)
    total = int(block.value.sum())
    real = replace(
        block, registers=build.block(slot_table(), registers=[(0, 0), (96, total)]).registers
    )

    outcome = judge(real)

    assert statuses(outcome)[40] == Status.ACCEPTED.value
    assert outcome.value[0, 40] == 9_000
    assert outcome.flags[0, 40] == rule_bit(22) | rule_bit(23) | rule_bit(24)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-20")])
def test_a_doubted_value_that_its_register_denies_is_estimated(case):
    value = np.full((1, 96), 400)
    value[0, 40], value[0, 50:52] = 9_000, 3_000
    block = build.block(
        slot_table(), value, registers=[(0, 0), (96, int(value.sum()) - 8_600)], resolution=1_000
    )
    block = known(block, history=history(block, peak=5_000))

    outcome = judge(block)

    assert statuses(outcome)[40] == Status.ESTIMATED.value
    assert outcome.value[0, 40] == 400
    assert outcome.flags[0, 40] & rule_bit(24)
    assert set(statuses(outcome)) == {"V", "E"}


def test_a_doubted_value_without_a_register_waits_for_a_person():
    assert statuses(judge(spiky(9_000, 3_000, peak=5_000)))[40] == Status.SUSPECT.value


def conflicting(registers: list[tuple[int, int]]) -> Block:
    """A day of 10,000 Wh in which slot 40 came twice, as 250 and as 310."""
    value = np.full((1, 96), 102)
    value[0, 40] = 250
    block = build.block(slot_table(), value, registers=registers)
    return known(block, conflicts=Conflicts(np.array([0]), np.array([40]), np.array([310])))


@pytest.mark.parametrize("case", [pytest.param(None, id="case-2")])
def test_of_two_values_the_one_wins_that_makes_the_sum_check_pass(case):
    outcome = judge(conflicting([(0, 0), (96, 95 * 102 + 310)]))

    assert outcome.value[0, 40] == 310
    assert outcome.flags[0, 40] == rule_bit(6)
    assert statuses(outcome) == "V" * 96


@pytest.mark.parametrize(
    "registers",
    [
        pytest.param([], id="case-3"),
        pytest.param([(0, 0), (96, 10_500)], id="neither fits"),
    ],
)
def test_of_two_values_the_first_stays_and_is_held_when_no_register_tells(registers):
    block = conflicting(registers)
    outcome = judge(block)

    assert outcome.value[0, 40] == 250
    assert statuses(outcome)[40] == Status.SUSPECT.value
    assert outcome.flags[0, 40] & rule_bit(6)
    assert ("V06", Severity.HOLD) in [(each.rule, each.severity) for each in told(block)]


# ------------------------------------------------------------------------- what repeats or is zero


@pytest.mark.parametrize(
    ("length", "expected"),
    [pytest.param(24, True, id="case-27"), pytest.param(23, False, id="case-27-shorter")],
)
@pytest.mark.parametrize("first", [0, 5, 8, 71, 72])
def test_a_meter_that_repeats_itself_a_quarter_of_a_day_is_warned_of(length, first, expected):
    value = np.arange(96)[None, :] % 7 + 300
    value[0, first : first + length] = 417

    found = examine(build.block(slot_table(), value), RULES)

    assert ((26, Severity.WARN) in days_of(found)) == expected


@pytest.mark.parametrize(
    ("commodity", "day", "before", "expected"),
    [
        (ELECTRIC, build.TUESDAY, 0, False),
        (ELECTRIC, build.TUESDAY, 1, True),
        (WATER, build.TUESDAY, 28, False),
        (WATER, build.TUESDAY, 29, True),
        (GAS, build.TUESDAY, 44, True),
        (GAS, JULY, 44, False),
        (GAS, JULY, 89, True),
    ],
)
def test_a_service_in_use_that_uses_nothing_is_warned_of(commodity, day, before, expected):
    block = build.block(slot_table(day), np.zeros((1, 96), np.int64))
    found = examine(known(block, commodity, history=history(block, zero_days=before)), RULES)

    assert ((25, Severity.WARN) in days_of(found)) == expected


def test_days_on_which_a_service_was_off_or_others_left_are_no_riddle():
    slots = slot_table(days=5)
    block = build.block(slots, np.zeros((3, len(slots)), np.int64))
    closed_s = int(slots.start_s[96 + 40])
    openings = Openings(np.array([1]), np.array([0]), np.array([closed_s]))
    since = np.array([[0] * 5, [0] * 5, [0, 0, 0, 3, 3]])

    found = examine(known(block, openings=openings, since=since), RULES)

    warned = [mark for mark in found.marks.days if mark.rule == 25]
    days = [set(mark.day[mark.channel == row].tolist()) for mark in warned for row in range(3)]
    assert days == [{1, 2, 3, 4}, {3, 4}, {1, 2, 4}]


def test_a_step_is_found_where_the_rule_set_wants_it():
    value = np.array([[100, 101, 300, 290]])

    found = validate_days.steps(value, np.ones((1, 4), np.bool_), rise_per_cent_max=100)

    assert found.tolist() == [[False, False, True, False]]


# ------------------------------------------------------------------- who is there, and what is off


@pytest.mark.parametrize("case", [pytest.param(None, id="case-24")])
def test_usage_behind_an_open_switch_is_held_after_one_interval_of_grace(case):
    slots = slot_table()
    value = np.zeros((1, 96), np.int64)
    value[0, 40], value[0, 41], value[0, 56] = 210, 20, 350  # 10:00, 10:15, 14:00
    opened_s = int(slots.start_s[40]) + 7 * 60
    block = build.block(slots, value)
    openings = Openings(np.array([0]), np.array([opened_s]), np.array([2**62]))

    found = examine(known(block, openings=openings), RULES)

    assert np.flatnonzero(found.flags[0] & rule_bit(29)).tolist() == [56]
    assert np.flatnonzero(found.held[0]).tolist() == [56]
    assert (29, Severity.HOLD) in days_of(found)


@pytest.mark.parametrize(
    ("quantity", "value", "expected"),
    [
        (Quantity.DELIVERED, 100, True),
        (Quantity.RECEIVED, 100, True),
        (Quantity.NET, 100, True),
        (Quantity.NET, -100, True),
        (Quantity.NET, -10, False),
        (Quantity.REACTIVE, 100, False),
        (Quantity.VOLTAGE, 1200, False),
    ],
)
def test_what_flows_through_an_open_switch_is_usage_and_what_stands_before_it_is_not(
    quantity, value, expected
):
    block = build.block(slot_table(), np.full((1, 96), value), reversible=True)
    openings = Openings(np.array([0]), block.slots.start_s[[40]], np.array([2**62]))
    what = np.array([quantity], np.uint8)

    found = examine(known(block, openings=openings, quantity=what), RULES)

    held = np.flatnonzero(found.flags[0] & rule_bit(29)).tolist()
    assert held == (list(range(41, 96)) if expected else [])
    assert ((29, Severity.HOLD) in days_of(found)) == expected


@pytest.mark.parametrize(
    ("used", "before", "expected"),
    [
        (1_920, 0, set()),
        (4_800, 0, {(30, Severity.WARN)}),
        (4_800, 46_000, {(30, Severity.HOLD)}),
    ],
)
def test_usage_without_an_account_is_warned_of_and_then_held(used, before, expected):
    block = build.block(slot_table(), np.full((1, 96), used // 96))
    nobody = known(
        block, inactive=np.ones((1, 1), np.bool_), history=history(block, inactive=before)
    )

    assert {d for d in days_of(examine(nobody, RULES)) if d[0] == 30} == expected


@pytest.mark.parametrize(
    ("wh", "net_metering", "expected"),
    [
        pytest.param(50, False, True, id="case-25"),
        pytest.param(50, True, False, id="generates"),
        pytest.param(4, False, False, id="case-25-little"),
    ],
)
def test_energy_from_a_service_that_does_not_generate_is_a_sign_of_tampering(
    wh, net_metering, expected
):
    value = np.zeros((1, 96), np.int64)
    value[0, 40:64] = wh
    block = known(
        build.block(slot_table(), value),
        quantity=np.array([Quantity.RECEIVED], np.uint8),
        net_metering=np.array([net_metering]),
    )

    assert ((31, Severity.WARN) in days_of(examine(block, RULES))) == expected


@pytest.mark.parametrize(("intervals", "expected"), [(2, False), (3, True)])
def test_energy_from_the_sun_at_night_is_a_clock_or_a_channel_swapped(intervals, expected):
    value = np.zeros((1, 96), np.int64)
    value[0, 4 : 4 + intervals] = 60
    block = known(
        build.block(slot_table(), value),
        quantity=np.array([Quantity.RECEIVED], np.uint8),
        net_metering=np.array([True]),
    )

    assert ((33, Severity.WARN) in days_of(examine(block, RULES))) == expected


def meter(active: Int64, other: Int64, quantity: Quantity, *, present: Bool | None = None) -> Block:
    """A meter with delivered energy and one more channel."""
    return known(
        build.block(slot_table(), np.stack([active, other]), present=present),
        quantity=np.array([Quantity.DELIVERED, quantity], np.uint8),
        delivered=np.array([0, 0]),
    )


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [pytest.param(5, True, id="case-26"), pytest.param(3, False, id="case-26-few")],
)
def test_reactive_without_active_energy_is_warned_of(intervals, expected):
    active, reactive = np.full(96, 300), np.full(96, 50)
    active[:intervals], reactive[:intervals] = 0, 200

    found = examine(meter(active, reactive, Quantity.REACTIVE), RULES)

    assert ((27, Severity.WARN) in days_of(found)) == expected


@pytest.mark.parametrize(("reactive", "expected"), [(2_000, True), (1_000, False)])
def test_a_power_factor_that_cannot_be_all_day_long_is_warned_of(reactive, expected):
    found = examine(meter(np.full(96, 300), np.full(96, reactive), Quantity.REACTIVE), RULES)

    assert ((27, Severity.WARN) in days_of(found)) == expected


def test_a_channel_that_is_silent_while_its_sibling_is_not_is_warned_of():
    present = np.ones((2, 96), np.bool_)
    present[1] = False

    found = examine(
        meter(np.full(96, 300), np.full(96, 20), Quantity.RECEIVED, present=present), RULES
    )

    silent = [marks for marks in found.marks.days if marks.rule == 32]
    assert [marks.channel.tolist() for marks in silent] == [[1]]


def test_a_channel_is_lone_where_the_rest_of_its_meter_lies_in_another_block():
    lone = np.array([[False, True]])
    block = known(build.block(slot_table(days=2), np.full((1, 192), 1200)), lone=lone)

    found = examine(block, RULES)

    [silent] = [marks for marks in found.marks.days if marks.rule == 32]
    assert (silent.channel.tolist(), silent.day.tolist()) == ([0], [1])


@pytest.mark.parametrize(
    ("tenth_volts", "expected"),
    [
        pytest.param(1139, {(35, Severity.WARN)}, id="case-28-113.9"),
        pytest.param(1140, set(), id="case-28-114.0"),
        pytest.param(1099, {(35, Severity.HOLD)}, id="case-28-109.9"),
    ],
)
def test_a_voltage_outside_its_range_is_told_and_never_holds_a_bill(tenth_volts, expected):
    value = np.full((1, 96), 1200)
    value[0, 40] = tenth_volts
    block = known(build.block(slot_table(), value), quantity=np.array([Quantity.VOLTAGE], np.uint8))

    found = examine(block, RULES)

    assert days_of(found) == expected
    assert not found.held.any()


@pytest.mark.parametrize("case", [pytest.param(None, id="case-23-net")])
def test_a_net_channel_may_be_negative_within_its_service(case):
    value = np.full((1, 96), 100)
    value[0, 40], value[0, 41] = -50, -20_000
    block = known(build.block(slot_table(), value), quantity=np.array([Quantity.NET], np.uint8))

    found = examine(block, RULES)

    assert rules_of(found, 40) == set()
    assert found.usable[0, 40]
    assert rules_of(found, 41) == {21}


# ---------------------------------------------------------------------------- as it was received


@pytest.mark.parametrize(
    ("flags", "usable"),
    [
        (rule_bit(11), False),
        (rule_bit(12), False),
        (rule_bit(13), False),
        (FLAG_PARTIAL, False),
        (FLAG_PARTIAL | FLAG_POWER_FAIL, True),
        (FLAG_POWER_FAIL, True),
        (0, True),
    ],
)
def test_what_the_head_end_flags_is_used_or_not(flags, usable):
    grid = np.zeros((1, 96), np.int64)
    grid[0, 40] = flags

    found = examine(build.block(slot_table(), flags=grid), RULES)

    assert bool(found.usable[0, 40]) == usable
    assert found.usable.sum() == 95 + usable
    assert bool(found.missing[0, 40]) != usable


def test_a_register_that_stands_still_while_something_flows_fails_and_holds_nothing():
    block = build.block(slot_table(), registers=[(0, 500), (48, 500), (96, 5_300)])

    found = examine(block, RULES)

    assert found.sums.stuck.boundary.tolist() == [48]
    assert not found.held.any()
    assert len(found.brackets) == 1


def test_a_reading_with_too_many_digits_is_refused():
    block = build.block(slot_table(), registers=[(0, 500), (48, 10**9), (96, 10_100)])

    found = examine(block, RULES)

    assert found.sums.refused.value.tolist() == [10**9]
    assert found.sums.usage.tolist() == [9_600]
    assert [(each.rule, each.severity) for each in told(block)] == [("V42", Severity.FAIL)]
