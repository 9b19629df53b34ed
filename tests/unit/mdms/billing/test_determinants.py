"""What a channel used, who cannot be billed yet and why, and what a frozen row proves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.channels import BilledChannel, ReadReason
from mdms.billing.determinants import (
    BlockReason,
    determine,
    intervals_needed_from_s,
)
from mdms.billing.proof import pack_versions, unpack_versions
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import FLAG_EST_COARSE, IntervalReads, RegisterReads, Source, Status
from mdms.domain.registry import STILL_INSTALLED_S, Commodity
from mdms.domain.time import from_epoch_s, to_epoch_s
from mdms.ports.billing import BilledBefore, BillingBlock, BillingDeterminant

PACIFIC = ZoneInfo("America/Los_Angeles")
HOUR_S, DAY_S = 3_600, 86_400
MONTH = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
HOURLY_WH = reading_type(Commodity.ELECTRIC, 0, HOUR_S).name


def channel_of(window: BillWindow, **changes: Any) -> BilledChannel:
    period = window.period(PACIFIC)
    channel = BilledChannel(
        channel_id=7,
        badge="E1",
        reading_type=HOURLY_WH,
        usage_point_id="UP1",
        premise_id="P1",
        account_id="A1",
        interval_s=HOUR_S,
        installed_s=0,
        removed_s=STILL_INSTALLED_S,
        read_start_s=period.start_s,
        read_end_s=period.end_s,
        service_days=window.service_days,
        installation_count=1,
        intervals_expected=True,
        register_modulus=10**8,
        register_resolution=1,
        multiplier=1,
        from_on=window.start,
        to_on=window.end,
    )
    return replace(channel, **changes)


@dataclass
class Month:
    """A channel's November, hourly, with a register read at each local midnight but two."""

    channel: BilledChannel
    value: np.ndarray
    intervals: IntervalReads
    registers: RegisterReads

    def determine(
        self, window: BillWindow = MONTH, *, before: Sequence[BilledBefore] = ()
    ) -> tuple[list[BillingDeterminant], list[BillingBlock]]:
        return determine(
            window,
            [self.channel],
            self.intervals,
            self.registers,
            ruleset_hash="rules",
            before=before,
        )

    def set(self, slots: slice, **columns: int) -> None:
        changed = {name: getattr(self.intervals, name).copy() for name in columns}
        for name, new in columns.items():
            changed[name][slots] = new
        self.intervals = replace(self.intervals, **changed)

    def drop_registers(self, *rows: int) -> None:
        keep = np.ones(len(self.registers), np.bool_)
        keep[list(rows)] = False
        self.registers = self.registers.take(keep)


def month(seed: int = 1, opening: int = 5_000, **changes: Any) -> Month:
    """Return a complete month; `opening` is what the dials show at its start."""
    channel = channel_of(MONTH, **changes)
    start_s = np.arange(channel.read_start_s, channel.read_end_s, HOUR_S)
    value = np.random.default_rng(seed).integers(0, 2_000, len(start_s))
    shown = opening * channel.multiplier + np.concatenate(([0], value.cumsum()))
    midnights = slice(None, None, 24)
    return Month(
        channel,
        value,
        IntervalReads.raw(
            np.full(len(value), 7), start_s, value, recorded_us=0, source=Source.UPLINK
        ),
        RegisterReads.raw(
            np.full(31, 7),
            np.append(start_s, channel.read_end_s)[midnights],
            (shown // channel.multiplier % channel.register_modulus)[midnights],
            recorded_us=0,
            source=Source.UPLINK,
        ),
    )


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


def billed(off_s: int = 0, *, register: int = 5_000, quality: str = "ACTUAL") -> BilledBefore:
    """Return the bill before November's."""
    return BilledBefore(
        window_start=date(2026, 10, 3),
        window_end=MONTH.start,
        channel_id=7,
        reading_type=HOURLY_WH,
        usage_point_id="UP1",
        account_id="A1",
        read_start_utc=datetime(2026, 10, 3, 7, tzinfo=UTC),
        read_end_utc=datetime(2026, 11, 3, 8, tzinfo=UTC) + timedelta(seconds=off_s),
        register_end=register,
        usage_quanta=0,
        quality=quality,
        estimated_share=Decimal(0),
        interval_count=0,
        estimated_count=0,
        from_on=date(2026, 10, 3),
        to_on=MONTH.start,
    )


def test_a_bill_opens_with_what_the_one_before_ended_with():
    november = month()

    [row], _ = november.determine(before=[billed(-DAY_S, register=4_100)])

    assert row.read_start_utc == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert row.usage_quanta == november.value.sum() + 900
    assert (row.method, row.quality) == ("BILLED", "ACTUAL")


def test_a_bill_that_follows_smoothly_is_the_one_it_would_be_alone():
    november = month()

    assert november.determine(before=[billed()]) == november.determine()


def test_what_was_estimated_too_high_is_given_back_by_the_next_bill():
    """case-61: estimated 45,713, read 45,690."""
    november = month(opening=45_690)
    november.set(slice(None), value=0)
    november.registers = replace(november.registers, value=np.full(31, 45_690))

    [row], _ = november.determine(before=[billed(register=45_713, quality="ESTIMATED")])

    assert (row.usage_quanta, row.quality, row.method) == (-23, "ESTIMATED", "BILLED")


def test_a_bill_elsewhere_or_long_ago_opens_nothing():
    november = month()
    elsewhere = replace(billed(register=4_100), usage_point_id="UP2")

    rows = [
        november.determine(before=[each])
        for each in (elsewhere, billed(-4 * DAY_S, register=4_100))
    ]

    assert rows == [november.determine()] * 2


def test_a_bill_that_is_frozen_late_ends_with_what_the_next_one_opened_with():
    november = month()
    december = replace(
        billed(),
        window_start=MONTH.end,
        window_end=date(2027, 1, 3),
        read_start_utc=datetime(2026, 12, 4, 8, tzinfo=UTC),
        read_end_utc=datetime(2027, 1, 3, 8, tzinfo=UTC),
        from_on=MONTH.end,
        to_on=date(2027, 1, 3),
        register_start=5_000 + int(november.value.sum()) + 700,
    )

    [row], _ = november.determine(before=[december])

    assert row.read_end_utc == datetime(2026, 12, 4, 8, tzinfo=UTC)
    assert row.usage_quanta == november.value.sum() + 700
    assert row.method == "BILLED"


def test_the_last_read_of_a_meter_that_was_taken_out_closes_its_part():
    november = month(closed_by=ReadReason.EXCHANGE, removed_s=MONTH.period(PACIFIC).end_s + 1_200)
    final = november.registers.take(slice(30, 31))
    november.registers = RegisterReads.concat(
        november.registers, replace(final, at_s=final.at_s + 1_200, value=final.value + 77)
    )

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum() + 77
    assert row.read_end_utc == datetime(2026, 12, 3, 8, 20, tzinfo=UTC)
    assert (row.quality, row.method, row.closed_by) == ("ACTUAL", "", "EXCHANGE")


def test_the_first_read_of_a_meter_that_was_put_in_opens_its_part():
    start_s = MONTH.period(PACIFIC).start_s
    november = month(opened_by=ReadReason.EXCHANGE, installed_s=start_s - 1_200)
    first = november.registers.take(slice(0, 1))
    november.registers = RegisterReads.concat(
        replace(first, at_s=first.at_s - 1_200, value=first.value - 33), november.registers
    )

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum() + 33
    assert row.read_start_utc == datetime(2026, 11, 3, 7, 40, tzinfo=UTC)


def parts_of(channel: BilledChannel, *after_days: int) -> list[BilledChannel]:
    """Return a channel's parts where people moved after so many days, the earliest first."""
    days = [0, *after_days, MONTH.service_days]
    return [
        replace(
            channel,
            period=number,
            account_id=f"A{number}",
            read_start_s=channel.read_start_s + first * DAY_S,
            read_end_s=channel.read_start_s + last * DAY_S,
            from_on=MONTH.start + timedelta(days=first),
            to_on=MONTH.start + timedelta(days=last),
        )
        for number, (first, last) in enumerate(pairwise(days), 1)
    ]


def test_what_a_part_that_waits_used_is_billed_to_nobody_else():
    november = month()
    parts = parts_of(november.channel, 16, 18)
    gap = november.intervals.start_s != parts[1].read_start_s + DAY_S
    usage = [
        november.value[: 16 * 24],
        november.value[16 * 24 : 18 * 24],
        november.value[18 * 24 :],
    ]

    rows, blocked = determine(
        MONTH, parts, november.intervals.take(gap), november.registers, ruleset_hash="rules"
    )

    assert [(row.period, row.usage_quanta) for row in rows] == [
        (1, usage[0].sum()),
        (3, usage[2].sum()),
    ]
    assert [block.reason for block in blocked] == [BlockReason.MISSING_INTERVALS]


def test_a_part_that_waited_lies_between_the_two_that_were_frozen():
    november = month(intervals_expected=False)
    november.intervals = IntervalReads.empty()
    november.drop_registers(16, 18)
    parts = parts_of(november.channel, 16, 18)
    edges = [
        (parts[0], -2 * HOUR_S, 4_000_000),
        (parts[2], 5 * HOUR_S, 4_000_700),
    ]
    frozen = [
        replace(
            billed(),
            from_on=part.from_on,
            to_on=part.to_on,
            read_start_utc=from_epoch_s(part.read_start_s + off_s),
            read_end_utc=from_epoch_s(part.read_end_s + off_s),
            register_start=register,
            register_end=register,
        )
        for part, off_s, register in edges
    ]

    [row], blocked = determine(
        MONTH,
        parts[1:2],
        november.intervals,
        november.registers,
        ruleset_hash="rules",
        before=frozen,
    )

    assert blocked == []
    assert (row.register_start, row.register_end, row.usage_quanta) == (4_000_000, 4_000_700, 700)


def test_a_part_of_a_channel_opens_the_next_one():
    november = month(intervals_expected=False)
    november.intervals = IntervalReads.empty()
    november.drop_registers(15)
    parts = list(reversed(parts_of(november.channel, 15)))

    rows, blocked = determine(
        MONTH, parts, november.intervals, november.registers, ruleset_hash="rules"
    )

    assert blocked == []
    assert [row.period for row in rows] == [1, 2]
    assert rows[0].register_end == rows[1].register_start
    assert rows[0].usage_quanta + rows[1].usage_quanta == november.value.sum()


def test_water_in_tenths_of_gallons_is_billed_in_ccf():
    november = month(reading_type=reading_type(Commodity.WATER, 0, HOUR_S).name)

    [row], _ = november.determine()

    ccf = Decimal(row.usage_quanta) / Decimal("7480.52")
    assert (row.usage_units, row.unit) == (int(ccf + Decimal("0.5")), "ccf")


def test_a_missing_interval_blocks_the_bill_and_is_named():
    november = month()
    november.intervals = november.intervals.take(np.arange(720) != 5)

    determinants, [block] = november.determine()

    assert determinants == []
    assert block.reason == BlockReason.MISSING_INTERVALS
    assert "1 of 720" in block.detail
    assert "2026-11-03 13:00:00" in block.detail


def test_an_interval_stored_as_missing_blocks_the_bill_too():
    november = month()
    november.set(slice(5, 6), status=Status.MISSING.code, version=1)

    _, [block] = november.determine()

    assert block.reason == BlockReason.MISSING_INTERVALS


def test_a_held_interval_blocks_the_bill():
    november = month()
    november.set(slice(5, 8), status=Status.SUSPECT.code)

    _, [block] = november.determine()

    assert (block.reason, block.badge) == (BlockReason.HELD_INTERVALS, "E1")
    assert "3 of 720" in block.detail


def test_no_register_near_an_edge_blocks_the_bill():
    november = month()
    november.registers = RegisterReads.empty()

    _, [block] = november.determine()

    assert block.reason == BlockReason.NO_REGISTER


def test_one_register_for_both_edges_of_a_short_window_is_none():
    day = BillWindow(date(2026, 11, 3), date(2026, 11, 4))
    november = month()
    november.channel = channel_of(day, intervals_expected=False)
    november.intervals = IntervalReads.empty()
    november.registers = november.registers.take(slice(2, 3))

    _, [block] = november.determine(day)

    assert block.reason == BlockReason.NO_REGISTER


def test_a_meter_that_left_and_came_back_within_the_period_is_left_to_a_person():
    november = month(installation_count=2)

    _, [block] = november.determine()

    assert block.reason == BlockReason.MOVED


def test_a_meter_with_its_radio_off_is_billed_on_registers_alone():
    november = month(intervals_expected=False)
    november.intervals = IntervalReads.empty()

    [row], _ = november.determine()

    assert row.usage_quanta == november.value.sum()
    assert (row.interval_count, row.versions) == (0, b"")


def test_an_estimate_that_was_too_high_is_given_back():
    """Vee.md 8.3: a signed adjustment, no rollover."""
    silent = month(intervals_expected=False)
    silent.intervals = IntervalReads.empty()
    edges = replace(
        silent.registers.take(slice(None, None, 30)),
        value=np.array([5_000, 4_200]),
        status=np.array([Status.ESTIMATED.code, Status.VALIDATED.code], np.uint8),
        source=np.array([Source.VEE, Source.SELF_READ], np.int16),
    )
    silent.registers = edges

    [row], _ = silent.determine()

    assert (row.usage_quanta, row.usage_units, row.quality) == (-800, -1, "ESTIMATED")


def test_the_highest_version_of_an_interval_is_the_one_that_counts():
    november = month()
    late = november.intervals.take(slice(10, 11))
    november.intervals = IntervalReads.concat(
        november.intervals,
        replace(late, version=late.version + 1, status=late.status * 0 + Status.ACCEPTED.code),
    )

    [row], _ = november.determine()

    assert row.versions == b"10*0,1*1,709*0"


def test_equal_data_give_equal_hashes_whatever_the_database_calls_the_channel():
    november, again = month(), month(channel_id=8)
    again.intervals = replace(again.intervals, channel_id=again.intervals.channel_id + 1)
    again.registers = replace(again.registers, channel_id=again.registers.channel_id + 1)

    [row], _ = november.determine()
    [other], _ = again.determine()

    assert other == replace(row, channel_id=8)
    assert len(row.content_hash) == 64


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"value": int(month().value[17]) + 1}, id="a value"),
        pytest.param({"version": 1}, id="a version"),
        pytest.param({"status": Status.VALIDATED.code}, id="a status"),
    ],
)
def test_whatever_was_used_changes_the_hash(change):
    november, other = month(), month()
    other.set(slice(17, 18), **change)

    [row], _ = november.determine()
    [changed], _ = other.determine()

    assert changed.content_hash != row.content_hash


@given(st.lists(st.integers(0, 32_767)) | st.lists(st.integers(0, 1), min_size=50))
def test_unpacking_versions_undoes_packing(versions):
    column = np.array(versions, np.int16)

    assert unpack_versions(pack_versions(column)).tolist() == versions


# An independent computation, by plain loops over plain values, of what determine() must say.

THREE_DAYS = BillWindow(date(2026, 11, 3), date(2026, 11, 6))
MODULUS = 10**5


@dataclass
class Raw:
    """What is stored of one channel: {start_s: (value, status)} and [(at_s, value, status)]."""

    intervals: dict[int, tuple[int, str]]
    registers: list[tuple[int, int, str]]
    multiplier: int


def slow_register(edge_s: int, raw: Raw) -> tuple[int, int, bool] | None:
    """Return value, instant and whether it is estimated; None when nothing says so."""
    best = None
    for at_s, value, _ in raw.registers:
        for boundary_s in range(edge_s - 35 * DAY_S, edge_s + 1, HOUR_S):
            off_s = abs(at_s - boundary_s)
            if off_s <= 60 and (best is None or (boundary_s, -off_s) > best[0]):
                best = ((boundary_s, -off_s), value)
    if best is not None:
        (boundary_s, _), value = best
        total, estimated, complete = 0, False, True
        for start_s in range(boundary_s, edge_s, HOUR_S):
            wh, status = raw.intervals.get(start_s, (0, "M"))
            total += wh
            estimated = estimated or status in "EF"
            complete = complete and status not in "MS"
        if complete:
            return (value + total // raw.multiplier) % MODULUS, edge_s, estimated
    back = [
        (boundary_s, at_s, value)
        for at_s, value, _ in raw.registers
        for boundary_s in range(edge_s + HOUR_S, edge_s + 35 * DAY_S, HOUR_S)
        if abs(at_s - boundary_s) <= 60
    ]
    if back:
        boundary_s, _, value = min(back)
        rows = [raw.intervals.get(s, (0, "M")) for s in range(edge_s, boundary_s, HOUR_S)]
        if not {status for _, status in rows} & {"M", "S"}:
            turned = sum(wh for wh, _ in rows) // raw.multiplier
            estimated = any(status in "EF" for _, status in rows)
            return (value - turned) % MODULUS, edge_s, estimated
    near = [
        (abs(at_s - edge_s), at_s, value)
        for at_s, value, _ in raw.registers
        if abs(at_s - edge_s) <= 3 * DAY_S
    ]
    if not near:
        return None
    _, at_s, value = min(near)
    return value, at_s, True


def slow_usage(start_s: int, end_s: int, raw: Raw) -> tuple[int, int, bool] | str:
    """Return usage in quanta, in whole units, and whether it is estimated; or what is wrong."""
    statuses = [raw.intervals.get(s, (0, "M"))[1] for s in range(start_s, end_s, HOUR_S)]
    if "M" in statuses:
        return "missing_intervals"
    if "S" in statuses:
        return "held_intervals"
    start, end = slow_register(start_s, raw), slow_register(end_s, raw)
    if start is None or end is None or start[1] >= end[1]:
        return "no_register"
    usage = (end[0] - start[0]) % MODULUS * raw.multiplier
    return usage, (usage + 500) // 1000, start[2] or end[2]


@st.composite
def stored_channels(draw: st.DrawFn) -> Raw:
    """Draw a meter's true path, then lose, hold and estimate parts of what is stored of it."""
    period = THREE_DAYS.period(PACIFIC)
    first_s, last_s = period.start_s - 4 * DAY_S, period.end_s + DAY_S
    hours = (last_s - first_s) // HOUR_S
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    multiplier = draw(st.sampled_from([1, 1, 40]))
    value = random.integers(0, 900, hours)
    shown = random.integers(0, MODULUS) * multiplier + np.concatenate(([0], value.cumsum()))
    kept = random.random(hours + 1) < draw(st.sampled_from([0.02, 0.1, 0.9]))
    lost = random.random(hours) < draw(st.sampled_from([0.0, 0.0, 0.05]))
    in_window = (np.arange(hours) >= 4 * 24) & (np.arange(hours) < 7 * 24)
    lost &= ~in_window | (random.random() < 0.1)
    letters = random.choice(list("RVEFZDX"), hours)
    if draw(st.integers(0, 9)) == 0:
        letters[random.integers(0, hours)] = "S"
    jitter_s = random.choice([0, 0, 30, -60, 60, 61, -90], hours + 1)
    return Raw(
        intervals={
            first_s + HOUR_S * i: (int(value[i]), str(letters[i]))
            for i in np.flatnonzero(~lost).tolist()
        },
        registers=[
            (first_s + HOUR_S * i + int(jitter_s[i]), int(shown[i]) // multiplier % MODULUS, "R")
            for i in np.flatnonzero(kept).tolist()
        ],
        multiplier=multiplier,
    )


def columns(raw: Raw) -> tuple[IntervalReads, RegisterReads]:
    starts = list(raw.intervals)
    rows = IntervalReads.raw(
        np.full(len(starts), 7),
        np.array(starts, np.int64),
        np.array([value for value, _ in raw.intervals.values()], np.int64),
        recorded_us=0,
        source=Source.UPLINK,
    )
    letters = [ord(letter) for _, letter in raw.intervals.values()]
    at_s, value = np.array([r[:2] for r in raw.registers], np.int64).reshape(-1, 2).T
    return replace(rows, status=np.array(letters, np.uint8)), RegisterReads.raw(
        np.full(len(at_s), 7), at_s, value, recorded_us=0, source=Source.UPLINK
    )


@given(raw=stored_channels())
def test_determinants_equal_a_plain_computation_over_lists(raw):
    channel = channel_of(THREE_DAYS, register_modulus=MODULUS, multiplier=raw.multiplier)
    intervals, registers = columns(raw)
    expected = slow_usage(channel.read_start_s, channel.read_end_s, raw)

    determinants, blocked = determine(
        THREE_DAYS, [channel], intervals, registers, ruleset_hash="rules"
    )

    if isinstance(expected, str):
        assert [block.reason for block in blocked] == [expected]
    else:
        [row] = determinants
        assert (row.usage_quanta, row.usage_units) == expected[:2]
        assert (row.quality == "ESTIMATED") == expected[2]


@given(raw=stored_channels())
def test_intervals_before_the_one_that_is_needed_change_nothing(raw):
    channel = channel_of(THREE_DAYS, register_modulus=MODULUS, multiplier=raw.multiplier)
    intervals, registers = columns(raw)
    needed_from_s = intervals_needed_from_s([channel], registers)

    few = intervals.take(intervals.start_s >= needed_from_s)

    assert determine(THREE_DAYS, [channel], few, registers, ruleset_hash="rules") == determine(
        THREE_DAYS, [channel], intervals, registers, ruleset_hash="rules"
    )


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
