"""From reads to hours: what counts, what does not, and where registers stand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.leaks import WatchedMeter
from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source, Status, rule_bit
from mdms.domain.registry import Commodity
from mdms.ports.vee import VeeDay
from mdms.services.leak_days import grid, measured
from vee.block import SlotTable
from vee.leaks.day import LeakDay
from vee.leaks.memory import UNHEARD

PACIFIC = ZoneInfo("America/Los_Angeles")
DAY = date(2026, 11, 3)
JUDGED_AT = datetime(2026, 11, 4, 13, tzinfo=UTC)


def meter(channel_id: int, interval_s: int = 3600) -> WatchedMeter:
    return WatchedMeter(
        channel_id=channel_id,
        badge=f"W{channel_id}",
        commodity=Commodity.WATER,
        service_class="water_5_8",
        interval_s=interval_s,
        unit="0.1gal",
        register_resolution=1,
        register_modulus=10**9,
        multiplier=1,
        place="single_family",
        flags=(),
        installed_at=datetime(2026, 1, 1, tzinfo=UTC),
        has_account=True,
    )


def reads(
    channel_id: int, start_s: Int64, value: Int64, status: Status = Status.RAW
) -> IntervalReads:
    columns = IntervalReads.raw(
        np.full(len(start_s), channel_id), start_s, value, recorded_us=0, source=Source.UPLINK
    )
    columns.status[:] = status.code
    return columns


def slots(day: date = DAY) -> SlotTable:
    return SlotTable.of_days(day, day, interval_s=3600, zone=PACIFIC)


def outcome(channel_id: int, flags: int = 0) -> VeeDay:
    return VeeDay(channel_id, DAY, 0, JUDGED_AT, "abc", 24, 24, 0, 0, 0, flags)


def laid_out(
    known: IntervalReads, meters: Sequence[WatchedMeter], registers: RegisterReads | None = None
) -> LeakDay:
    return grid(meters, slots(), known, registers or RegisterReads.empty())


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (Status.VALIDATED, True),
        (Status.ACCEPTED, True),
        (Status.DERIVED, True),
        (Status.ESTIMATED, False),
        (Status.SUSPECT, False),
        (Status.EDITED, False),
        (Status.ZERO, False),
    ],
)
def test_only_measured_and_believed_values_count(status, counts):
    known = reads(1, slots().start_s, np.full(24, 7), status)

    day = laid_out(measured(known, [outcome(1)], PACIFIC), [meter(1)])

    assert day.valid.all() == counts
    assert day.valid.any() == counts


def test_a_raw_value_counts_once_validation_has_passed_its_day():
    known = reads(1, slots().start_s, np.full(24, 7))

    assert len(measured(known, [], PACIFIC)) == 0
    assert len(measured(known, [outcome(1)], PACIFIC)) == 24


@pytest.mark.parametrize("rule", [13, 20])
def test_a_day_that_ran_backwards_or_was_swapped_says_nothing(rule):
    known = reads(1, slots().start_s, np.full(24, 7), Status.VALIDATED)

    assert len(measured(known, [outcome(1, rule_bit(rule))], PACIFIC)) == 0


def test_an_hour_of_quarters_counts_when_all_four_do():
    start_s = np.arange(slots().start_s[0], slots().end_s, 900)
    value = np.tile([5, 0, 0, 1], 24)
    known = reads(2, np.delete(start_s, 6), np.delete(value, 6), Status.VALIDATED)
    whole = reads(5, start_s, value, Status.VALIDATED)

    day = laid_out(IntervalReads.concat(known, whole), [meter(2, 900), meter(5, 900), meter(9)])

    assert np.flatnonzero(~day.valid[0]).tolist() == [1]
    assert (day.value[1] == 6).all()
    assert day.moving.tolist() == [UNHEARD, 48, UNHEARD]
    assert not day.valid[2].any()


def test_a_register_stands_at_the_end_of_the_hour_it_was_read_near():
    end_s = slots().start_s + 3600
    at_s = np.array([end_s[3] + 40, end_s[5] - 61, end_s[23], slots().start_s[0]])
    registers = RegisterReads.raw(
        np.full(4, 1), at_s, np.array([100, 200, 300, 1]), recorded_us=0, source=Source.UPLINK
    )

    day = laid_out(IntervalReads.empty(), [meter(1)], registers)

    heard = {hour: day.register[0, hour] for hour in np.flatnonzero(day.register[0] != UNHEARD)}
    assert heard == {3: 100, 23: 300}


@pytest.mark.parametrize(("local", "hours"), [(date(2026, 11, 1), 25), (date(2026, 3, 8), 23)])
def test_days_on_which_clocks_change_have_the_hours_they_have(local, hours):
    table = slots(local)
    known = reads(1, table.start_s, np.full(hours, 7), Status.VALIDATED)

    day = grid([meter(1)], table, known, RegisterReads.empty())

    assert day.value.shape == (1, hours)
    assert day.valid.all()
