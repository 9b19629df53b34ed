"""Mass events as rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.mass_events import Brought, MassEvent, Silence
from mdms.domain.time import Period


class PostgresMassEvents:
    """`mdms.ports.MassEventStore` on mass_event, interval_read and the registry."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Materialized: counted once, in one pass over an index range, whatever the planner believes of
    # tables that nobody has analyzed yet.
    SILENCE = """
    WITH due AS (
        SELECT c.channel_id, c.interval_s
        FROM channel c
        JOIN meter_installation i USING (badge)
        WHERE c.channel = 0 AND i.radio = 'on' AND i.installed_at <= %(start)s
          AND (i.removed_at IS NULL OR i.removed_at >= %(end)s)
          AND NOT EXISTS (
              SELECT FROM radio_silence s
              WHERE s.badge = c.badge AND s.off_at < %(end)s
                AND (s.on_at IS NULL OR s.on_at > %(start)s)
          )
    ), come AS MATERIALIZED (
        SELECT channel_id, count(*) AS heard
        FROM interval_read
        WHERE start_utc >= %(start)s AND start_utc < %(end)s AND version = 0
        GROUP BY channel_id
    )
    SELECT count(*), count(*) FILTER (
        WHERE %(day_s)s - coalesce(heard, 0) * interval_s > %(silent_s)s
    )
    FROM due
    LEFT JOIN come USING (channel_id)
    """

    async def silence(self, day: Period, *, silent_s: int) -> Silence:
        cursor = await self._connection.execute(
            self.SILENCE,
            {
                "start": day.start_utc,
                "end": day.end_utc,
                "day_s": day.end_s - day.start_s,
                "silent_s": silent_s,
            },
        )
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has a row"
        return Silence(*row)

    MISSING = """
    SELECT count(*)
    FROM (
        SELECT DISTINCT ON (channel_id) channel_id, missing FROM vee_day
        WHERE local_day = %(local_day)s
        ORDER BY channel_id, version DESC
    ) newest
    JOIN channel c USING (channel_id)
    WHERE c.channel = 0 AND newest.missing * c.interval_s > %(silent_s)s
    """

    async def missing(self, local_day: date, *, silent_s: int) -> int:
        cursor = await self._connection.execute(
            self.MISSING, {"local_day": local_day, "silent_s": silent_s}
        )
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has a row"
        return int(row[0])

    # Each of the seven days is counted by itself: on some of them nothing may have come either.
    BROUGHT = """
    SELECT c.name, max(frames) FILTER (WHERE back = 0), max(frames) FILTER (WHERE back > 0)
    FROM (
        SELECT collector_id,
               ceil(extract(epoch FROM %(start)s - batch_at) / 86400) AS back,
               sum(frame_count) AS frames
        FROM (
            SELECT collector_id, frame_count, least(batch_at, %(start)s) AS batch_at
            FROM uplink_message
            WHERE kind = 'read' AND batch_at >= %(since)s AND batch_at < %(end)s
        ) batch
        GROUP BY collector_id, back
    ) day
    JOIN collector c USING (collector_id)
    GROUP BY c.name
    ORDER BY c.name
    """

    async def brought(self, day: Period) -> Sequence[Brought]:
        since = day.start_utc - timedelta(days=7)
        cursor = await self._connection.execute(
            self.BROUGHT, {"since": since, "start": day.start_utc, "end": day.end_utc}
        )
        return [Brought(name, now or 0, best or 0) for name, now, best in await cursor.fetchall()]

    KEEP = """
    INSERT INTO mass_event (local_day, due, silent, found_at, counted_at, ended_at)
    VALUES (%(local_day)s, %(due)s, %(silent)s, %(found_at)s, %(counted_at)s, %(ended_at)s)
    ON CONFLICT (local_day) DO UPDATE
    SET (due, silent, found_at, counted_at, ended_at)
        = (excluded.due, excluded.silent, excluded.found_at, excluded.counted_at,
           excluded.ended_at)
    """

    async def keep(self, event: MassEvent) -> None:
        await self._connection.execute(self.KEEP, asdict(event))

    WITHIN = """
    SELECT * FROM mass_event WHERE local_day BETWEEN %(first)s AND %(last)s ORDER BY local_day
    """

    async def within(self, first: date, last: date) -> Sequence[MassEvent]:
        return await self._events(self.WITHIN, first=first, last=last)

    OPEN = "SELECT * FROM mass_event WHERE ended_at IS NULL ORDER BY local_day"

    async def open(self) -> Sequence[MassEvent]:
        return await self._events(self.OPEN)

    async def _events(self, statement: LiteralString, **values: object) -> Sequence[MassEvent]:
        async with self._connection.cursor(row_factory=class_row(MassEvent)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()
