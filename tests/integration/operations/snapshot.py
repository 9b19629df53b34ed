"""The demo's database at one instant, with mishaps that it did not bring itself."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from mdms.dashboards.model import Sql

FROM = datetime(2026, 11, 3, tzinfo=UTC)

Row = tuple[Any, ...]

MISHAPS = b"""
INSERT INTO dead_letter (received_at, reason, detail, topic, payload)
SELECT '2026-11-04 10:20Z'::timestamptz + n * interval '20 min',
       CASE n % 3 WHEN 0 THEN 'bad_crc' ELSE 'unknown_meter' END, '', 't', ''
FROM generate_series(1, 7) n;
INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at)
SELECT collector_id, 5, 9, 1793800000000000, 1793801000000000, '2026-11-04Z', '2026-11-04Z'
FROM collector;
INSERT INTO end_device_event (collector_id, code, sub, at_utc, severity, cleared, value, register,
                              seq, received_at)
SELECT 1, n % 2, 0, '2026-11-04 10:20Z'::timestamptz + n * interval '20 min', 1, false, 0, 0, n,
       '2026-11-05Z'
FROM generate_series(1, 7) n;
INSERT INTO control (control_id, action, badge, serial, radio_id, key_id, usage_point_id, commodity,
                     cause, order_ref, reason, requested_by, requested_at, not_before, not_after,
                     state, refusals, attempt_count, probe_count, collector_ids, accepted,
                     verified_at)
SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'disconnect' ELSE 'reconnect' END, i.badge,
       '', 1, 1, i.usage_point_id, 'electric', 'test', '', '', 'tests', '2026-11-04 12:00Z',
       '2026-11-04Z', '2026-11-05Z',
       CASE n WHEN 1 THEN 'UNKNOWN' WHEN 2 THEN 'POLICY_DENIED' ELSE 'VERIFIED' END,
       CASE n WHEN 2 THEN '[{"code": "RD_NIGHT", "clause": "R11.A"},
                            {"code": "NP_STALE", "clause": "R9"}]'::jsonb ELSE '[]' END,
       1, 0, '{}', true,
       CASE WHEN n > 2 THEN '2026-11-04 12:00Z'::timestamptz + n * interval '7 s' END
FROM generate_series(1, 5) n, (SELECT * FROM meter_installation LIMIT 1) i;
INSERT INTO vee_exception (channel_id, local_day, rule, severity, detail, opened_at, closed_at,
                           assigned_to, answer)
SELECT channel_id, '2026-11-04'::date - channel_id % 2, 'V08', 'FAIL', '',
       '2026-11-05Z'::timestamptz - channel_id * interval '30 h',
       CASE WHEN channel_id > 5 THEN '2026-11-05 06:00Z'::timestamptz END,
       CASE channel_id % 3 WHEN 0 THEN 'kim' ELSE '' END,
       CASE WHEN channel_id > 6 THEN 'accepted' ELSE '' END
FROM channel WHERE channel_id <= 9;
INSERT INTO field_order (field_order_id, badge, usage_point_id, reason, detail, is_safety,
                         opened_at, closed_at, closed_by, outcome)
SELECT gen_random_uuid(), badge, usage_point_id, CASE n % 2 WHEN 0 THEN 'VISIT' ELSE 'CHECK' END,
       '', n = 1, '2026-11-04Z'::timestamptz + n * interval '1 h',
       CASE n WHEN 4 THEN '2026-11-05Z'::timestamptz END, '', ''
FROM (SELECT row_number() OVER (ORDER BY badge) AS n, badge, usage_point_id
      FROM meter_installation ORDER BY badge LIMIT 4) i;
INSERT INTO leak_case (channel_id, episode, kind, state, severity, rate, rate_error, lost, unit,
                       began_at, raised_at, confirmed_at, ended_at, updated_at)
SELECT c.channel_id, 100 + n, 'continuous', 'POSSIBLE', n, 1.5 * n, 0.1, 40 * n, 'gal',
       '2026-11-03Z',
       '2026-11-04Z'::timestamptz + n * interval '7 h',
       CASE n % 2 WHEN 0 THEN '2026-11-05Z'::timestamptz END,
       CASE n WHEN 5 THEN '2026-11-05Z'::timestamptz END, '2026-11-05Z'
FROM generate_series(1, 5) n,
     (SELECT DISTINCT ON (commodity) channel_id
      FROM channel JOIN meter_installation USING (badge) JOIN usage_point USING (usage_point_id)
      WHERE commodity IN ('water', 'gas') ORDER BY commodity, channel_id) c;
INSERT INTO billing_window (window_start, window_end, frozen_at)
VALUES ('2026-10-04', '2026-11-03', '2026-11-04Z');
INSERT INTO billing_determinant (window_start, window_end, channel_id, badge, reading_type,
    usage_point_id, premise_id, account_id, read_start_utc, read_end_utc, register_start,
    register_end, usage_quanta, usage_units, unit, quality, method, estimated_share, interval_count,
    estimated_count, versions, ruleset_hash, content_hash)
SELECT '2026-10-04', '2026-11-03', channel_id, badge, reading_type, '', '', '', '2026-10-04Z',
       '2026-11-03Z', 0, 10, 10, 10 + channel_id,
       CASE channel_id % 2 WHEN 0 THEN 'kWh' ELSE 'CCF' END, 'V', '', 0, 2880, channel_id % 3,
       '', '', ''
FROM channel WHERE channel_id > 7;
INSERT INTO billing_block (window_start, window_end, channel_id, badge, reason, detail)
SELECT '2026-10-04', '2026-11-03', channel_id, '', CASE channel_id % 3 WHEN 0 THEN 'a' ELSE 'b' END,
       '' FROM channel WHERE channel_id <= 7;
INSERT INTO billing_read_day
VALUES (1, '2026-10-04'), (1, '2026-11-03'), (1, '2026-11-12'), (1, '2026-12-03');
INSERT INTO read_conflict (channel_id, kind, at_utc, value, stored_value, recorded_at)
SELECT 1, CASE n % 2 WHEN 0 THEN 'interval' ELSE 'register' END, '2026-11-04Z', n, 0,
       '2026-11-04 10:20Z'::timestamptz + n * interval '20 min'
FROM generate_series(1, 7) n;
INSERT INTO optout (optout_id, badge, from_at, reason, requested_by, requested_at, ended_at,
                    ended_by)
SELECT gen_random_uuid(), badge, '2026-11-04Z', '', '', '2026-11-03Z',
       CASE WHEN row_number() OVER (ORDER BY badge) = 3 THEN '2026-11-05Z'::timestamptz END, ''
FROM (SELECT badge FROM meter ORDER BY badge LIMIT 3) m;
INSERT INTO rule_day VALUES ('2026-11-03', 'electric', 'V97', 4),
    ('2026-11-04', 'electric', 'V98', 2), ('2026-11-04', 'water', 'V98', 9);
INSERT INTO outage (device, name, transformers, began_at, ended_at, customers, reported)
SELECT CASE n WHEN 1 THEN 'feeder' WHEN 2 THEN 'transformer' ELSE 'service' END, 'N' || n,
       CASE n WHEN 1 THEN names WHEN 2 THEN names[1:1] ELSE '{}' END,
       '2026-11-04Z'::timestamptz + n * interval '3 h',
       CASE WHEN n > 2 THEN '2026-11-05Z'::timestamptz END, 10 * n, n
FROM generate_series(1, 4) n, (SELECT array_agg(transformer_id) AS names FROM transformer) t;
UPDATE reliability_day SET saidi_min = 2, saifi = 0.1, maifi = 0.2 WHERE local_day = '2026-11-04';
UPDATE transformer_day SET lowest_v = 113.1, highest_v = 125, beyond_a_percent = 6
WHERE transformer_id = (SELECT min(transformer_id) FROM transformer_day);
"""
"""What a demo of five calm days does not bring; never committed."""


@dataclass(frozen=True)
class Snapshot:
    """The demo's database at one instant: its city lives on meanwhile."""

    connection: psycopg.Connection

    def tables(self, query: str) -> list[Row]:
        """Ask as the owner of the tables."""
        return self.connection.execute(query.encode()).fetchall()

    def panel(self, sql: Sql, to: datetime) -> tuple[list[str], list[Row]]:
        """Ask as a dashboard does, over FROM to `to`; return names of columns, and rows."""
        query = re.sub(
            r"\$__timeFilter\((.+?)\)(?=\n|$| ORDER)",
            lambda found: f"{found[1]} BETWEEN '{FROM.isoformat()}' AND '{to.isoformat()}'",
            sql.text,
        ).replace("$__timeTo()", f"'{to.isoformat()}'")
        assert "$__" not in query
        self.connection.execute(b"SET LOCAL ROLE mdms_report")
        cursor = self.connection.execute(query.encode())
        rows = cursor.fetchall()
        self.connection.execute(b"RESET ROLE")
        assert cursor.description is not None
        return [column.name for column in cursor.description], rows


def commodities(snapshot: Snapshot) -> dict[int, str]:
    """Return the commodity of each channel."""
    return dict(
        snapshot.tables(
            "SELECT channel_id, commodity FROM channel JOIN meter_installation USING (badge)"
            " JOIN usage_point USING (usage_point_id)"
        )
    )


def last_registers(snapshot: Snapshot) -> list[tuple[int, datetime]]:
    """Return each meter's lowest channel and the newest register of any of its channels."""
    by_badge: dict[str, list[int]] = defaultdict(list)
    for badge, channel_id in snapshot.tables("SELECT badge, channel_id FROM channel"):
        by_badge[badge].append(channel_id)
    newest: dict[int, datetime] = {}
    for channel_id, at in snapshot.tables("SELECT channel_id, at_utc FROM register_read"):
        newest[channel_id] = max(at, newest.get(channel_id, at))
    silenced = {
        badge
        for badge, on_at in snapshot.tables("SELECT badge, on_at FROM radio_silence")
        if on_at is None
    }
    installed = {
        badge: at
        for badge, at, radio, removed in snapshot.tables(
            "SELECT badge, installed_at, radio, removed_at FROM meter_installation"
        )
        if removed is None and radio == "on" and badge not in silenced
    }
    return sorted(
        (min(channels), max([newest[c] for c in channels if c in newest] or [installed[badge]]))
        for badge, channels in by_badge.items()
        if badge in installed
    )


def silent(snapshot: Snapshot, to: datetime) -> list[tuple[int, datetime]]:
    return [
        (channel_id, at)
        for channel_id, at in last_registers(snapshot)
        if at < to - timedelta(days=1)
    ]


def newest_days(snapshot: Snapshot) -> list[Row]:
    """Return (channel, day, expected, actual, estimated, held, missing) as they stand."""
    newest: dict[tuple[int, Any], Row] = {}
    for channel_id, day, _, *counts in snapshot.tables(
        "SELECT channel_id, local_day, version, expected, actual, estimated, held, missing"
        " FROM vee_day ORDER BY version"
    ):
        newest[channel_id, day] = (channel_id, day, *counts)
    return list(newest.values())


def at_midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def in_range(at: datetime, to: datetime) -> bool:
    return FROM <= at <= to


def hourly(rows: list[Row], to: datetime) -> list[Row]:
    """Count (instant, name) by hour and name."""
    counts = Counter(
        (at.replace(minute=0, second=0, microsecond=0), str(name)) for at, name in rows
    )
    return [(*key, count) for key, count in sorted(counts.items()) if in_range(key[0], to)]


Figures = dict[str, tuple[list[str], Callable[[Snapshot, datetime], list[Row]]]]
"""By title and kind of a panel: its columns, and what it must show up to an instant."""
