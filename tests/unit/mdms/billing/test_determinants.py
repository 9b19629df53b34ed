"""What a channel used between the registers at both edges of a window."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np

from mdms.billing.determinants import BlockReason, determine
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import FLAG_EST_COARSE, IntervalReads, RegisterReads, Status
from mdms.domain.registry import Commodity
from mdms.domain.time import to_epoch_s
from tests.unit.mdms.billing.november import HOUR_S, MONTH, channel_of, month


def test_usage_is_the_difference_of_the_registers_at_both_edges():
    november = month()

    [row], blocked = november.determine()

    assert blocked == []
    assert row.usage_quanta == november.value.sum()
    assert (row.register_start, row.register_end) == (5_000, 5_000 + november.value.sum())
    assert row.usage_units == int(Decimal(int(november.value.sum())) / 1000 + Decimal("0.5"))
    assert (row.unit, row.quality, row.method) == ("kWh", "ACTUAL", "")
    assert row.read_start_utc == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert row.read_end_utc == datetime(2026, 12, 3, 8, tzinfo=UTC)
    assert (row.interval_count, row.estimated_count) == (720, 0)
    assert row.estimated_share == Decimal("0.000000")
    assert row.versions == b"720*0"


def test_the_multiplier_turns_dial_units_into_usage():
    """Vee case 13: R1 = 1,000, R2 = 1,012, M = 40 is 480."""
    november = month(multiplier=40, opening=1_000)
    november.set(slice(None), value=0)
    november.set(slice(480), value=1)
    november.registers = replace(
        november.registers, value=np.linspace(1_000, 1_012, 31).astype(np.int64)
    )

    [row], _ = november.determine()

    assert (row.register_start, row.register_end, row.usage_quanta) == (1_000, 1_012, 480)


def test_a_rollover_is_usage():
    november = month(opening=99_990, register_modulus=100_000)
    november.set(slice(None), value=0)
    november.set(slice(27), value=1)
    november.registers = replace(
        november.registers, value=np.r_[99_985, np.full(30, 12)].astype(np.int64)
    )

    [row], _ = november.determine()

    assert (row.register_start, row.register_end, row.usage_quanta) == (99_985, 12, 27)


def test_a_register_decrease_is_not_taken_for_a_rollover():
    """Vee case 12, found by the sum check of the billing period."""
    november = month(register_modulus=100_000)
    november.set(slice(None), value=20)
    november.registers = replace(
        november.registers, value=np.r_[45_210, np.full(30, 45_190)].astype(np.int64)
    )

    _, [block] = november.determine()

    assert block.reason == BlockReason.SUM_CHECK
    assert "99980" in block.detail


def test_intervals_and_register_may_differ_by_a_permille_of_usage():
    november = month()
    usage = int(november.value.sum())
    november.set(slice(1), value=int(november.value[0]) + usage // 1000)

    determinants, _ = november.determine()

    assert len(determinants) == 1


def test_intervals_and_register_that_differ_by_more_block_the_bill():
    november = month()
    usage = int(november.value.sum())
    november.set(slice(1), value=int(november.value[0]) + usage // 1000 + 1)

    _, [block] = november.determine()

    assert block.reason == BlockReason.SUM_CHECK


def test_estimates_that_say_they_are_coarse_need_not_add_up():
    november = month()
    november.set(slice(3), value=90_000, status=Status.ESTIMATED.code, flags=FLAG_EST_COARSE)

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum(), "the register is billed"


def test_an_estimate_inside_the_window_leaves_usage_actual_and_shows_in_the_share():
    november = month()
    november.set(slice(100, 110), status=Status.FINAL_ESTIMATE.code, version=1)
    november.set(slice(200, 205), status=Status.ZERO.code, version=2)

    [row], _ = november.determine()

    estimated = november.value[100:110].sum() + november.value[200:205].sum()
    expected = Decimal(int(estimated)) / int(november.value.sum())
    assert row.quality == "ACTUAL"
    assert (row.interval_count, row.estimated_count) == (720, 15)
    assert abs(row.estimated_share - expected) <= Decimal("0.0000005")
    assert row.versions == b"100*0,10*1,90*0,5*2,515*0"


def test_a_closing_register_carried_over_estimates_is_estimated():
    november = month()
    november.drop_registers(30)
    november.set(slice(718, 720), status=Status.ESTIMATED.code, method=6, version=1)

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum()
    assert (row.quality, row.method) == ("ESTIMATED", "SUM+H1")


def test_a_closing_register_carried_over_actual_intervals_is_actual():
    november = month()
    november.drop_registers(29, 30)

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum()
    assert (row.quality, row.method) == ("ACTUAL", "SUM")


def test_an_opening_register_is_the_first_one_less_the_intervals_before_it():
    november = month()
    november.drop_registers(0, 1)

    [row], _ = november.determine()

    assert row.read_start_utc == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert (row.register_start, row.usage_quanta) == (5_000, november.value.sum())
    assert (row.quality, row.method) == ("ACTUAL", "BACK")


def test_an_opening_register_behind_estimates_is_estimated():
    november = month()
    november.drop_registers(0, 1)
    november.set(slice(5, 6), status=Status.ESTIMATED.code, method=6, version=1)

    [row], _ = november.determine()

    assert (row.quality, row.method) == ("ESTIMATED", "BACK+H1")


def test_without_intervals_an_opening_register_two_days_off_gives_the_bill_its_own_date():
    november = month(intervals_expected=False)
    november.intervals = IntervalReads.empty()
    november.drop_registers(0, 1)

    [row], _ = november.determine()

    assert row.read_start_utc == datetime(2026, 11, 5, 8, tzinfo=UTC)
    assert row.usage_quanta == november.value[48:].sum()
    assert (row.quality, row.method) == ("ESTIMATED", "NEAR")


def test_water_in_tenths_of_gallons_is_billed_in_ccf():
    november = month(reading_type=reading_type(Commodity.WATER, 0, HOUR_S).name)

    [row], _ = november.determine()

    ccf = Decimal(row.usage_quanta) / Decimal("7480.52")
    assert (row.usage_units, row.unit) == (int(ccf + Decimal("0.5")), "ccf")


def test_a_meter_with_its_radio_off_is_billed_on_registers_alone():
    november = month(intervals_expected=False)
    november.intervals = IntervalReads.empty()

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum()
    assert (row.interval_count, row.versions) == (0, b"")


def test_blocks_of_channels_are_determined_one_by_one():
    first, second = month(seed=1), month(seed=2, channel_id=9, badge="E2")
    second.intervals = replace(second.intervals, channel_id=second.intervals.channel_id + 2)
    second.registers = replace(second.registers, channel_id=second.registers.channel_id + 2)

    rows, blocked = determine(
        MONTH,
        [second.channel, first.channel, channel_of(MONTH, channel_id=8, badge="E3")],
        IntervalReads.concat(first.intervals, second.intervals),
        RegisterReads.concat(first.registers, second.registers),
        ruleset_hash="rules",
    )

    assert [(row.badge, row.usage_quanta) for row in rows] == [
        ("E2", second.value.sum()),
        ("E1", first.value.sum()),
    ]
    assert [(block.badge, block.reason) for block in blocked] == [("E3", "missing_intervals")]


def test_a_window_over_the_autumn_change_expects_25_hours_that_day():
    autumn = BillWindow(date(2026, 10, 5), date(2026, 11, 4))
    channel = channel_of(autumn)
    hours = (channel.read_end_s - channel.read_start_s) // HOUR_S
    begins = datetime(2026, 10, 5, 7, tzinfo=UTC)

    _, [block] = determine(
        autumn, [channel], IntervalReads.empty(), RegisterReads.empty(), ruleset_hash="rules"
    )

    assert hours == 30 * 24 + 1
    assert channel.read_start_s == to_epoch_s(begins)
    assert channel.read_end_s == to_epoch_s(begins + timedelta(days=30, hours=1))
    assert "721 of 721" in block.detail
