"""A day's figures from the views that dashboards read."""

from datetime import date, datetime
from typing import Any, ClassVar, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.time import Period
from mdms.ports.board import Rows

_CYCLE: Final = """
    SELECT billing_cycle AS cycle, window_start, window_end, window_end - window_start AS days,
           CASE WHEN frozen_count > 0 THEN 'frozen'
                WHEN window_end <= %(today)s THEN 'due'
                WHEN window_start <= %(today)s THEN 'running'
                ELSE 'to come' END AS state,
           service_count AS services, frozen_count AS frozen, blocked_count AS blocked,
           exception_count AS exceptions
    FROM report.billing_cycle
"""


class PostgresBoard:
    """`mdms.ports.BoardStore` on the schema `report`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    LEVELS = """
    SELECT local_day, commodity, mark, expected, received, estimated, held, missing,
           uplink_ratio, received_ratio, estimated_ratio
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

    # The first night that judged the day.
    NIGHTS = """
    SELECT started_at, finished_at, channel_days
    FROM report.vee_run
    WHERE first_day <= %(day)s AND last_day >= %(day)s AND started_at >= %(end)s
    ORDER BY started_at LIMIT 1
    """

    COLLECTORS = """
    SELECT s.name, s.online, s.reason, s.alive_at, s.changed_at, s.batch_received_at,
           count(h.first_seq) FILTER (WHERE h.lost_at IS NULL) AS holes_open,
           coalesce(sum(h.last_seq - h.first_seq + 1) FILTER (WHERE h.lost_at IS NOT NULL), 0)::int8
               AS batches_lost
    FROM report.collector_state s
    LEFT JOIN report.sequence_hole h
        ON h.collector_id = s.collector_id AND h.from_utc < %(end)s AND h.to_utc >= %(start)s
    GROUP BY s.name, s.online, s.reason, s.alive_at, s.changed_at, s.batch_received_at
    ORDER BY s.name
    """

    EXCEPTIONS = """
    SELECT rule, commodity, count(*) AS waiting,
           count(*) FILTER (WHERE age < interval '1 day') AS below_1_day,
           count(*) FILTER (WHERE age >= interval '1 day' AND age < interval '3 days') AS to_3_days,
           count(*) FILTER (WHERE age >= interval '3 days' AND age < interval '7 days')
               AS to_7_days,
           count(*) FILTER (WHERE age >= interval '7 days') AS older,
           min(local_day) AS oldest_day
    FROM (
        SELECT rule, commodity, local_day, %(now)s::timestamptz - opened_at AS age
        FROM report.vee_exception WHERE closed_at IS NULL
    ) open
    GROUP BY rule, commodity ORDER BY waiting DESC, rule, commodity
    """

    LEAKS = """
    SELECT commodity, kind, state, severity, rate, lost, unit, began_at, raised_at
    FROM report.leak_case WHERE ended_at IS NULL
    ORDER BY severity DESC, lost DESC, began_at LIMIT 50
    """

    LEAKS_OPEN = """
    SELECT commodity, count(*) AS open, count(*) FILTER (WHERE raised_at >= %(start)s) AS new
    FROM report.leak_case WHERE ended_at IS NULL
    GROUP BY commodity ORDER BY commodity
    """

    # What lasts by now belongs to yesterday's board too, also when it began this morning.
    OUTAGES = """
    SELECT device, name, began_at, ended_at, customers, reported
    FROM report.outage
    WHERE (began_at < %(end)s AND (ended_at IS NULL OR ended_at >= %(start)s))
       OR (ended_at IS NULL AND %(end)s > %(now)s - interval '1 day')
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

    # Of a week: a switch of which nobody knows how it stands does not mend itself at midnight.
    UNKNOWN = """
    SELECT action, count(*) AS commands, min(requested_at) AS oldest
    FROM report.control
    WHERE state = 'UNKNOWN' AND requested_at >= %(end)s - interval '7 days'
    GROUP BY action ORDER BY action
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

    SILENT = """
    SELECT commodity, count(*) AS meters,
           count(*) FILTER (
               WHERE coalesce(last_register_utc, installed_at) < %(now)s - interval '1 day'
           ) AS silent
    FROM report.meter_heard
    GROUP BY commodity ORDER BY commodity
    """

    BACKLOG = """
    SELECT (SELECT coalesce(sum(last_seq - first_seq + 1), 0)::int8
            FROM report.sequence_hole WHERE lost_at IS NULL) AS batches_missing,
           (SELECT min(opened_at) FROM report.sequence_hole WHERE lost_at IS NULL) AS missing_since,
           (SELECT max(batch_received_at) FROM report.collector_state) AS newest_batch_at,
           (SELECT coalesce(sum(dead_letter_count), 0)::int8
            FROM report.dead_letter_hour WHERE hour_utc >= %(start)s) AS dead_letters
    """

    CYCLES = f"""
    {_CYCLE}
    WHERE window_end BETWEEN %(day)s::date - 7 AND %(day)s::date + 7
    ORDER BY window_end, billing_cycle
    """

    QUERIES: ClassVar = {
        "levels": LEVELS,
        "nights": NIGHTS,
        "hours": HOURS,
        "collectors": COLLECTORS,
        "silent": SILENT,
        "backlog": BACKLOG,
        "exceptions": EXCEPTIONS,
        "cycles": CYCLES,
        "leaks": LEAKS,
        "leaks_open": LEAKS_OPEN,
        "outages": OUTAGES,
        "reliability": RELIABILITY,
        "commands": COMMANDS,
        "unknown": UNKNOWN,
        "refusals": REFUSALS,
        "orders": ORDERS,
    }

    async def figures(
        self, day: date, period: Period, now: datetime, today: date, *, by_hour: bool
    ) -> dict[str, Rows]:
        values = {
            "day": day,
            "start": period.start_utc,
            "end": period.end_utc,
            "now": now,
            "today": today,
        }
        return {
            name: await self._rows(query, values) if by_hour or name != "hours" else []
            for name, query in self.QUERIES.items()
        }

    EVERY_CYCLE = f"""
    {_CYCLE} ORDER BY window_end DESC, billing_cycle
    """

    async def cycles(self, today: date) -> Rows:
        return await self._rows(self.EVERY_CYCLE, {"today": today})

    # What the last attempt left out, and what waits for a person.
    BLOCKING = """
    SELECT window_start, window_end, meter, reason, local_day, detail
    FROM (
        SELECT w.window_start, w.window_end, c.badge AS meter, b.reason, NULL::date AS local_day,
               b.detail, w.billing_cycle, c.channel_id
        FROM report.billing_cycle w
        JOIN billing_block b USING (window_start, window_end)
        JOIN channel c USING (channel_id)
        UNION ALL
        SELECT w.window_start, w.window_end, c.badge, e.rule, e.local_day,
               format('exception %%s, %%s: %%s', e.vee_exception_id, e.severity, e.detail),
               w.billing_cycle, c.channel_id
        FROM report.billing_cycle w
        JOIN vee_exception e
            ON e.local_day >= w.window_start AND e.local_day < w.window_end
           AND e.closed_at IS NULL AND e.severity IN ('HOLD', 'FAIL')
        JOIN channel c USING (channel_id)
    ) waiting
    WHERE billing_cycle = %(cycle)s AND window_start <= %(today)s
      AND EXISTS (
        SELECT FROM meter_installation i
        JOIN usage_point u USING (usage_point_id)
        WHERE i.badge = waiting.meter AND u.billing_cycle = waiting.billing_cycle
      )
    ORDER BY window_end DESC, meter, local_day, reason
    """

    async def blocking(self, cycle: int, today: date) -> Rows:
        return await self._rows(self.BLOCKING, {"cycle": cycle, "today": today})

    STORAGE = "SELECT database_bytes FROM report.storage"

    async def database_bytes(self) -> int:
        (row,) = await self._rows(self.STORAGE, {})
        return int(row["database_bytes"])

    async def _rows(self, query: str, values: dict[str, Any]) -> Rows:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), values)
            return await cursor.fetchall()
