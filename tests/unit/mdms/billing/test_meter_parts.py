"""A service that changes meters or hands within a window is billed in parts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from mdms.billing.channels import BilledChannel, ReadReason
from mdms.billing.determinants import BlockReason, determine
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.time import from_epoch_s
from tests.unit.mdms.billing.november import DAY_S, HOUR_S, MONTH, PACIFIC, billed, month


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
