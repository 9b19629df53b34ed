"""What dashboards see: views only, with the status that a read has by now."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import psycopg
import pytest
from psycopg import AsyncConnection

from mdms.domain.errors import RejectReason
from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.ports.messages import Rejected, UplinkMessage
from mdms.ports.vee import VeeDay, VeeException
from tests.integration.storage.registries import SMALL_TOWN
from tests.integration.storage.test_billing import BLOCKED, FROZEN

pytestmark = pytest.mark.db

MIDNIGHT = datetime(2026, 11, 3, 8, tzinfo=UTC)  # in Los Angeles
NIGHT = datetime(2026, 11, 4, 13, tzinfo=UTC)
DAY = date(2026, 11, 3)
VIEWS = [
    "billing_block",
    "billing_cycle",
    "billing_window",
    "channel",
    "collector",
    "collector_state",
    "control",
    "control_refusal",
    "dead_letter_hour",
    "event_hour",
    "field_order",
    "interval_read",
    "leak_case",
    "meter_heard",
    "night_flow",
    "optout",
    "outage",
    "outage_place",
    "read_conflict_hour",
    "register_read",
    "reliability_day",
    "sequence_hole",
    "service_level",
    "storage",
    "transformer_day",
    "vee_exception",
    "vee_rule_day",
    "vee_run",
]


@pytest.fixture
async def dashboard(database):
    """A connection that may do what a dashboard may."""
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("SET TimeZone = 'UTC'")
        await connection.execute("SET ROLE mdms_report")
        yield connection


async def ask(connection: AsyncConnection, query: str) -> list[tuple[object, ...]]:
    return await (await connection.execute(query.encode())).fetchall()


def judged(channel_id: int) -> VeeDay:
    return VeeDay(channel_id, DAY, 0, NIGHT, "abc", 96, 90, 4, 2, 0, 0)


async def test_a_dashboard_reads_every_view_and_nothing_else(dashboard):
    relations = await ask(
        dashboard,
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm')"
        " AND n.nspname IN ('public', 'personal', 'report')"
        " AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
        " ORDER BY 2",
    )

    assert relations == [("report", view) for view in VIEWS]
    for view in VIEWS:
        rows = await ask(dashboard, f"SELECT * FROM report.{view}")
        assert rows == [] or view == "storage"


@pytest.mark.parametrize("table", ["personal.contact", "interval_read", "meter", "premise"])
async def test_a_dashboard_is_refused_tables(dashboard, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await ask(dashboard, f"SELECT * FROM {table}")


async def test_an_interval_shows_its_current_version_and_as_valid_once_judged(store, dashboard):
    hours = np.array([-1, 0, 23, 24]) * 3600 + to_epoch_s(MIDNIGHT)
    received = IntervalReads.raw(
        np.ones(4, np.int32),
        hours,
        np.arange(4),
        recorded_us=to_epoch_us(NIGHT),
        source=Source.UPLINK,
    )
    late = IntervalReads.raw(
        np.array([1]),
        hours[1:2] + 900,
        np.array([7]),
        recorded_us=to_epoch_us(NIGHT) + 1,
        source=Source.BACKFILL,
    )
    first = received.take(slice(2, 3))
    estimate = replace(
        first,
        version=np.array([1], np.int16),
        value=np.array([22]),
        status=np.array([Status.ESTIMATED.code], np.uint8),
    )
    async with store() as work:
        await work.readings.append_raw(
            IntervalReads.concat(received, late), RegisterReads.empty(), sure=True
        )
        await work.readings.append_versions(estimate)
        await work.vee.append_days([judged(1)])

    shown = await ask(
        dashboard, "SELECT value, status, version FROM report.interval_read ORDER BY start_utc"
    )

    assert shown == [(0, "R", 0), (1, "V", 0), (7, "R", 0), (22, "E", 1), (3, "R", 0)]


async def test_the_view_of_intervals_reads_only_the_months_asked_for(store, dashboard, database):
    async with store() as work:
        days = np.arange(0, 90, 10)
        await work.readings.append_raw(
            IntervalReads.raw(
                np.ones_like(days),
                to_epoch_s(MIDNIGHT) + days * 86_400,
                days,
                recorded_us=to_epoch_us(NIGHT),
                source=Source.UPLINK,
            ),
            RegisterReads.empty(),
            sure=True,
        )

    plan = await ask(
        dashboard,
        "EXPLAIN SELECT value FROM report.interval_read"
        " WHERE channel_id = 1 AND start_utc >= '2026-12-05' AND start_utc < '2026-12-06'",
    )

    text = "\n".join(str(line) for (line,) in plan)
    assert text.count("interval_read") > 0
    assert "2026_11" not in text
    assert "2027_01" not in text


async def test_exceptions_and_dead_letters_are_counted(store, dashboard):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        *_, wet = sorted(set((await work.registry.channels()).channel_id.tolist()))
        await work.vee.append_days([judged(wet)])
        await work.vee.replace_exceptions(
            [(wet, DAY)], [VeeException(wet, DAY, "V08", "FAIL", "a gap", NIGHT)], NIGHT
        )
        letter = Rejected(RejectReason.BAD_CRC, "crc", "ami/v1/x", b"", None, MIDNIGHT)
        await work.messages.reject([letter, replace(letter, payload=b"another")])

    assert await ask(
        dashboard,
        "SELECT channel_id, commodity, local_day, rule, severity, opened_at, closed_at"
        " FROM report.vee_exception",
    ) == [(wet, "water", DAY, "V08", "FAIL", NIGHT, None)]
    assert await ask(dashboard, "SELECT * FROM report.dead_letter_hour") == [
        (MIDNIGHT, "bad_crc", 2)
    ]


async def test_a_billing_cycle_counts_what_is_frozen_and_what_is_in_the_way(store, dashboard):
    cycle = SMALL_TOWN.usage_points[0].billing_cycle
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        *_, wet = sorted(set((await work.registry.channels()).channel_id.tolist()))
        await work.billing.set_read_days(cycle, [date(2026, 11, 3), date(2026, 12, 3)])
        exceptions = [
            VeeException(wet, day, "V24", severity, "", NIGHT)
            for day, severity in ((DAY, "HOLD"), (date(2026, 11, 4), "WARN"))
        ]
        days = [(each.channel_id, each.local_day) for each in exceptions]
        await work.vee.replace_exceptions(days, exceptions, NIGHT)
        await work.billing.freeze(
            date(2026, 11, 3), date(2026, 12, 3), [], [replace(BLOCKED, channel_id=wet)], NIGHT
        )

    assert await ask(dashboard, "SELECT * FROM report.billing_cycle") == [
        (cycle, date(2026, 11, 3), date(2026, 12, 3), len(SMALL_TOWN.usage_points), 0, 1, 1)
    ]


async def test_collectors_show_how_far_behind_they_are(store, dashboard):
    def heard(collector_id: int, at: datetime) -> UplinkMessage:
        return UplinkMessage(
            collector_id=collector_id,
            boot_id=1,
            batch_seq=9,
            batch_us=to_epoch_us(at),
            kind="read",
            frame_count=1,
            payload=b"x",
            received_at=at + timedelta(seconds=3),
        )

    known = SMALL_TOWN.collectors[0]
    others = (replace(known, collector_id=1), replace(known, collector_id=2))
    async with store() as work:
        await work.registry.merge(replace(SMALL_TOWN, collectors=others))
        await work.messages.record([heard(1, MIDNIGHT)])
        await work.messages.record([heard(2, MIDNIGHT + timedelta(hours=1))])

    assert await ask(
        dashboard, "SELECT collector_id, lag_s, behind_s FROM report.collector ORDER BY 1"
    ) == [(1, 3, 3600), (2, 3, 0)]


async def test_a_window_shows_its_totals_by_what_was_measured(store, dashboard):
    async with store() as work:
        await work.billing.freeze(
            FROZEN.window_start,
            FROZEN.window_end,
            [FROZEN, replace(FROZEN, channel_id=3, usage_units=400, estimated_count=0)],
            [BLOCKED],
            NIGHT,
        )

    assert await ask(
        dashboard,
        "SELECT unit, determinant_count, usage_units, estimated_count, blocked_count"
        " FROM report.billing_window",
    ) == [("kWh", 2, 1000, 1, 1)]
