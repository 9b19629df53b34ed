"""Which channels a window concerns, clipped to when their meters were in place."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import billed_channels
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


def test_a_meter_in_place_all_along_is_billed_from_edge_to_edge():
    agreement = Agreement("A1", "U1", date(2020, 1, 1), None)

    [channel] = billed_channels(
        WINDOW, PACIFIC, table((7, "U1", LONG_AGO, None)), registry(agreement)
    )

    assert from_epoch_s(channel.read_start_s) == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert from_epoch_s(channel.read_end_s) == datetime(2026, 12, 3, 8, tzinfo=UTC)
    assert (channel.service_days, channel.installation_count) == (30, 1)
    assert (channel.premise_id, channel.account_id) == ("P-U1", "A1")


def test_the_edges_are_the_first_and_last_whole_interval_in_place():
    installed = datetime(2026, 11, 4, 18, 20, tzinfo=UTC)
    removed = datetime(2026, 12, 1, 9, 59, tzinfo=UTC)

    [channel] = billed_channels(WINDOW, PACIFIC, table((7, "U1", installed, removed)), registry())

    assert from_epoch_s(channel.read_start_s) == datetime(2026, 11, 4, 19, tzinfo=UTC)
    assert from_epoch_s(channel.read_end_s) == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert channel.service_days == 27


def test_a_meter_that_was_not_there_is_not_billed():
    gone = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
    to_come = datetime(2026, 12, 3, 7, 30, tzinfo=UTC)

    channels = billed_channels(
        WINDOW,
        PACIFIC,
        table((7, "U1", LONG_AGO, gone), (8, "U1", to_come, None)),
        registry(),
    )

    assert channels == []


def test_voltage_is_nobodys_bill():
    volts = replace(table((1, "U1", LONG_AGO, None)), wire_channel=np.array([0x14], np.uint8))

    assert billed_channels(WINDOW, PACIFIC, volts, registry()) == []


def test_a_meter_that_moved_is_one_channel_with_two_installations():
    moved = datetime(2026, 11, 10, 20, tzinfo=UTC)

    [channel] = billed_channels(
        WINDOW,
        PACIFIC,
        table((7, "U2", moved, None), (7, "U1", LONG_AGO, moved)),
        registry(),
    )

    assert (channel.usage_point_id, channel.installation_count) == ("U2", 2)


def test_a_meter_whose_radio_fell_silent_went_nowhere():
    silent = datetime(2026, 11, 10, 20, tzinfo=UTC)
    heard = datetime(2026, 11, 20, 20, tzinfo=UTC)
    parts = table((7, "U1", LONG_AGO, silent), (7, "U1", silent, heard), (7, "U1", heard, None))
    radio_on = replace(parts, radio_on=np.array([True, False, True]))

    [channel] = billed_channels(WINDOW, PACIFIC, radio_on, registry())

    assert (channel.installation_count, channel.service_days) == (1, 30)
    assert not channel.intervals_expected
    assert from_epoch_s(channel.installed_s) == LONG_AGO
    assert channel.removed_s == STILL_INSTALLED_S


def test_whoever_has_the_agreement_on_the_last_day_pays():
    agreements = (
        Agreement("A1", "U1", date(2020, 1, 1), date(2026, 12, 2)),
        Agreement("A2", "U1", date(2026, 12, 2), date(2026, 12, 3)),
        Agreement("A3", "U1", date(2026, 12, 3), None),
        Agreement("A4", "U2", date(2020, 1, 1), date(2026, 11, 20)),
    )

    first, second = billed_channels(
        WINDOW,
        PACIFIC,
        table((7, "U1", LONG_AGO, None), (8, "U2", LONG_AGO, None)),
        registry(*agreements),
    )

    assert (first.account_id, second.account_id) == ("A2", "")
