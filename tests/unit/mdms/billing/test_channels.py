"""Which channels a window concerns, clipped to when their meters were in place."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.channels import (
    BilledChannel,
    ReadReason,
    billed_channels,
    service_periods,
)
from mdms.billing.window import BillWindow
from mdms.domain.registry import (
    STILL_INSTALLED_S,
    Agreement,
    ChannelTable,
    Commodity,
    Registry,
    UsagePoint,
)
from mdms.domain.time import from_epoch_s, to_epoch_s

PACIFIC = ZoneInfo("America/Los_Angeles")
WINDOW = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def table(*rows: tuple[int, str, datetime, datetime | None]) -> ChannelTable:
    """Return hourly channels of (channel_id, usage point, installed, removed)."""
    n = len(rows)
    return ChannelTable(
        channel_id=np.array([row[0] for row in rows], np.int32),
        badge=np.array([f"E{row[0]}" for row in rows], object),
        reading_type=np.full(n, "0.0.7.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0", object),
        commodity=np.full(n, "electric", object),
        service_class=np.full(n, "electric_200a", object),
        usage_point_id=np.array([row[1] for row in rows], object),
        transformer_id=np.full(n, "T1", object),
        radio_id=np.arange(n),
        wire_channel=np.full(n, 0x10, np.uint8),
        interval_s=np.full(n, 3600, np.int32),
        installed_s=np.array([to_epoch_s(row[2]) for row in rows]),
        removed_s=np.array(
            [STILL_INSTALLED_S if row[3] is None else to_epoch_s(row[3]) for row in rows]
        ),
        radio_on=np.full(n, fill_value=True),
        register_modulus=np.full(n, 10**8),
        register_resolution=np.ones(n, np.int64),
        multiplier=np.ones(n, np.int64),
    )


def registry(*agreements: Agreement) -> Registry:
    return Registry(
        usage_points=tuple(
            UsagePoint(
                name, f"P-{name}", Commodity.ELECTRIC, "electric_200a", 1,
                net_metering=False, temporary=False, irregular_usage=False,
            )
            for name in ("U1", "U2")
        ),
        agreements=agreements,
    )  # fmt: skip


def parts(channels: ChannelTable, *agreements: Agreement) -> list[BilledChannel]:
    return billed_channels(
        WINDOW, PACIFIC, channels, service_periods(WINDOW, registry(*agreements))
    )


def test_a_meter_in_place_all_along_is_billed_from_edge_to_edge():
    agreement = Agreement("A1", "U1", date(2020, 1, 1), None)

    [channel] = parts(table((7, "U1", LONG_AGO, None)), agreement)

    assert from_epoch_s(channel.read_start_s) == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert from_epoch_s(channel.read_end_s) == datetime(2026, 12, 3, 8, tzinfo=UTC)
    assert (channel.service_days, channel.installation_count) == (30, 1)
    assert (channel.premise_id, channel.account_id) == ("P-U1", "A1")


def test_the_edges_are_the_first_and_last_whole_interval_in_place():
    installed = datetime(2026, 11, 4, 18, 20, tzinfo=UTC)
    removed = datetime(2026, 12, 1, 9, 59, tzinfo=UTC)

    [channel] = parts(table((7, "U1", installed, removed)))

    assert from_epoch_s(channel.read_start_s) == datetime(2026, 11, 4, 19, tzinfo=UTC)
    assert from_epoch_s(channel.read_end_s) == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert channel.service_days == 27


def test_a_meter_that_was_not_there_is_not_billed():
    gone = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
    to_come = datetime(2026, 12, 3, 7, 30, tzinfo=UTC)

    assert parts(table((7, "U1", LONG_AGO, gone), (8, "U1", to_come, None))) == []


def test_voltage_is_nobodys_bill():
    volts = replace(table((1, "U1", LONG_AGO, None)), wire_channel=np.array([0x14], np.uint8))

    assert parts(volts) == []


def test_a_meter_that_moved_has_a_part_of_the_bill_at_each_place():
    moved = datetime(2026, 11, 10, 20, tzinfo=UTC)

    first, second = parts(table((7, "U2", moved, None), (7, "U1", LONG_AGO, moved)))

    assert (first.usage_point_id, first.closed_by) == ("U1", ReadReason.EXCHANGE)
    assert (second.usage_point_id, second.opened_by) == ("U2", ReadReason.EXCHANGE)
    assert (first.service_days, second.service_days) == (7, 23)
    assert (first.installation_count, second.installation_count) == (1, 1)


def test_a_meter_that_left_and_came_back_within_a_period_says_so():
    left, back = datetime(2026, 11, 10, 20, tzinfo=UTC), datetime(2026, 11, 20, 20, tzinfo=UTC)

    [channel] = parts(table((7, "U1", LONG_AGO, left), (7, "U1", back, None)))

    assert channel.installation_count == 2


def test_an_exchange_gives_each_meter_its_part():
    swapped = datetime(2026, 11, 10, 20, 20, tzinfo=UTC)

    old, new = parts(table((7, "U1", LONG_AGO, swapped), (8, "U1", swapped, None)))

    assert (old.opened_by, old.closed_by) == (ReadReason.PERIODIC, ReadReason.EXCHANGE)
    assert (new.opened_by, new.closed_by) == (ReadReason.EXCHANGE, ReadReason.PERIODIC)
    assert from_epoch_s(old.read_end_s) == datetime(2026, 11, 10, 20, tzinfo=UTC)
    assert from_epoch_s(new.read_start_s) == datetime(2026, 11, 10, 21, tzinfo=UTC)
    assert (old.removed_s, new.installed_s) == (to_epoch_s(swapped), to_epoch_s(swapped))


def test_a_meter_whose_radio_fell_silent_went_nowhere():
    silent = datetime(2026, 11, 10, 20, tzinfo=UTC)
    heard = datetime(2026, 11, 20, 20, tzinfo=UTC)
    rows = table((7, "U1", LONG_AGO, silent), (7, "U1", silent, heard), (7, "U1", heard, None))
    radio_on = replace(rows, radio_on=np.array([True, False, True]))

    [channel] = parts(radio_on)

    assert (channel.installation_count, channel.service_days) == (1, 30)
    assert not channel.intervals_expected
    assert from_epoch_s(channel.installed_s) == LONG_AGO
    assert channel.removed_s == STILL_INSTALLED_S


@pytest.mark.parametrize("column", ["multiplier", "register_modulus", "register_resolution"])
def test_registers_that_count_otherwise_are_never_billed_as_one(column):
    changed = datetime(2026, 11, 10, 20, tzinfo=UTC)
    rows = table((7, "U1", LONG_AGO, changed), (7, "U1", changed, None))

    [channel] = parts(replace(rows, **{column: getattr(rows, column) * np.array([1, 40])}))

    assert channel.installation_count == 2
    assert from_epoch_s(channel.installed_s) == changed


def test_a_window_falls_apart_where_people_move():
    agreements = (
        Agreement("A1", "U1", date(2020, 1, 1), date(2026, 11, 20)),
        Agreement("A2", "U1", date(2026, 11, 25), None),
    )

    periods = service_periods(WINDOW, registry(*agreements))["U1"]

    assert [(each.number, each.account_id, each.service_days) for each in periods] == [
        (1, "A1", 17), (2, "", 5), (3, "A2", 8),
    ]  # fmt: skip
    assert [(each.opened_by.value, each.closed_by.value) for each in periods] == [
        ("PERIODIC", "MOVE_OUT"), ("MOVE_OUT", "MOVE_IN"), ("MOVE_IN", "PERIODIC"),
    ]  # fmt: skip


def test_each_account_has_its_part_from_midnight_to_midnight():
    agreements = (
        Agreement("A1", "U1", date(2020, 1, 1), date(2026, 11, 20)),
        Agreement("A2", "U1", date(2026, 11, 20), None),
    )

    first, second = parts(table((7, "U1", LONG_AGO, None)), *agreements)

    assert (first.account_id, first.period, first.closed_by) == ("A1", 1, ReadReason.MOVE_OUT)
    assert (second.account_id, second.period, second.opened_by) == ("A2", 2, ReadReason.MOVE_IN)
    assert first.read_end_s == second.read_start_s
    assert from_epoch_s(first.read_end_s) == datetime(2026, 11, 20, 8, tzinfo=UTC)


AGREEMENTS = st.lists(
    st.builds(
        lambda start, days, account: Agreement(
            account,
            "U1",
            date(2026, 10, 1) + timedelta(days=start),
            None if days is None else date(2026, 10, 1) + timedelta(days=start + days),
        ),
        st.integers(0, 90),
        st.none() | st.integers(1, 60),
        st.sampled_from(["A1", "A2", "A3"]),
    ),
    max_size=5,
)


@given(AGREEMENTS)
def test_every_day_of_a_window_is_charged_once_and_to_who_had_the_last_agreement(agreements):
    periods = service_periods(WINDOW, registry(*agreements))["U1"]

    days = [
        (each.from_on + timedelta(days=number), each.account_id)
        for each in periods
        for number in range(each.service_days)
    ]
    assert [day for day, _ in days] == [
        WINDOW.start + timedelta(days=number) for number in range(WINDOW.service_days)
    ]
    for day, account_id in days:
        there = [
            each
            for each in agreements
            if each.start_on <= day and (each.end_on is None or day < each.end_on)
        ]
        assert account_id in {"", *(each.account_id for each in there)}
        assert bool(account_id) or not there or len(there) > 1 or _overtaken(there[0], agreements)


def _overtaken(agreement: Agreement, agreements: list[Agreement]) -> bool:
    return any(each.start_on >= agreement.start_on for each in agreements if each is not agreement)
