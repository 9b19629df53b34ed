"""A day's figures from the views that dashboards read."""

from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.time import Period
from mdms.ports.board import Rows


class PostgresBoard:
    """`mdms.ports.BoardStore` on the schema `report`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    LEVELS = """
    SELECT local_day, commodity, mark, expected, received, estimated, held, missing,
           received_ratio, estimated_ratio
    FROM report.service_level
    WHERE local_day > %(day)s::date - 14 AND local_day <= %(day)s
    ORDER BY mark, commodity, local_day
    """

    # Of each hour what is expected of it: its share of the day's intervals.
    HOURS = """
    SELECT date_trunc('hour', r.start_utc, 'UTC') AS at, c.commodity, count(*) AS received
    FROM interval_read r
    JOIN report.channel c USING (channel_id)
    WHERE r.start_utc >= %(start)s AND r.start_utc < %(end)s AND r.version = 0
    GROUP BY 1, 2 ORDER BY 2, 1
    """

    COLLECTORS = """
    SELECT s.name, s.online, s.reason, s.changed_at, s.batch_received_at,
           count(h.first_seq) FILTER (WHERE h.lost_at IS NULL) AS holes_open,
           coalesce(sum(h.last_seq - h.first_seq + 1) FILTER (WHERE h.lost_at IS NOT NULL), 0)::int8
               AS batches_lost
    FROM report.collector_state s
    LEFT JOIN report.sequence_hole h
        ON h.collector_id = s.collector_id AND h.from_utc < %(end)s AND h.to_utc >= %(start)s
    GROUP BY s.name, s.online, s.reason, s.changed_at, s.batch_received_at
    ORDER BY s.name
    """

    EXCEPTIONS = """
    SELECT rule, commodity, count(*) AS waiting,
           count(*) FILTER (WHERE opened_at < %(now)s - interval '3 days') AS older_than_3_days,
           min(local_day) AS oldest_day
    FROM report.vee_exception WHERE closed_at IS NULL
    GROUP BY rule, commodity ORDER BY waiting DESC, rule, commodity
    """

    LEAKS = """
    SELECT commodity, kind, state, severity, rate, lost, unit, began_at, raised_at
    FROM report.leak_case WHERE ended_at IS NULL
    ORDER BY severity DESC, lost DESC, began_at LIMIT 50
    """

    OUTAGES = """
    SELECT device, name, began_at, ended_at, customers, reported
    FROM report.outage
    WHERE began_at < %(end)s AND (ended_at IS NULL OR ended_at >= %(start)s)
    ORDER BY ended_at IS NOT NULL, began_at, device, name LIMIT 50
    """

    RELIABILITY = """
    SELECT local_day, customers, saidi_min, saifi, caidi_min, maifi
    FROM report.reliability_day WHERE local_day = %(day)s
    """

    COMMANDS = """
    SELECT action, state, count(*) AS commands, max(duration_s)::float8 AS slowest_s
    FROM report.control WHERE requested_at >= %(start)s AND requested_at < %(end)s
    GROUP BY action, state ORDER BY action, state
    """

    REFUSALS = """
    SELECT code, clause, count(DISTINCT control_id) AS commands
    FROM report.control_refusal
    WHERE state = 'POLICY_DENIED' AND requested_at >= %(start)s AND requested_at < %(end)s
    GROUP BY code, clause ORDER BY commands DESC, code
    """

    ORDERS = """
    SELECT reason, is_safety, count(*) AS orders, min(opened_at) AS oldest
    FROM report.field_order WHERE closed_at IS NULL
    GROUP BY reason, is_safety ORDER BY is_safety DESC, oldest, reason
    """

    async def figures(self, day: date, period: Period, now: datetime) -> dict[str, Rows]:
        values = {"day": day, "start": period.start_utc, "end": period.end_utc, "now": now}
        return {
            "levels": await self._rows(self.LEVELS, values),
            "hours": await self._rows(self.HOURS, values),
            "collectors": await self._rows(self.COLLECTORS, values),
            "exceptions": await self._rows(self.EXCEPTIONS, values),
            "leaks": await self._rows(self.LEAKS, values),
            "outages": await self._rows(self.OUTAGES, values),
            "reliability": await self._rows(self.RELIABILITY, values),
            "commands": await self._rows(self.COMMANDS, values),
            "refusals": await self._rows(self.REFUSALS, values),
            "orders": await self._rows(self.ORDERS, values),
        }

    async def _rows(self, query: str, values: dict[str, Any]) -> Rows:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), values)
            return await cursor.fetchall()
