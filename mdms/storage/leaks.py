"""Leaks that were found, every step of them, and what is carried from night to night."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mdms.domain.leaks import LeakCase, LeakStep, WatchedMeter, leak_id
from mdms.domain.registry import Commodity
from mdms.domain.time import Period
from mdms.ports.leaks import LeakRun, Packed, WaterBill


class PostgresLeaks:
    """`mdms.ports.LeakStore` on leak_case, leak_step, leak_memory and leak_run."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Of a meter that opted out nothing is inferred, not even from what came before.
    WATCHED = """
    SELECT c.channel_id, m.badge, u.commodity, u.service_class, c.interval_s, c.unit,
           m.register_resolution, 10 ^ m.register_dials * m.register_resolution AS register_modulus,
           i.multiplier, p.kind AS place, p.flags, i.installed_at,
           NOT EXISTS (SELECT FROM agreement a WHERE a.usage_point_id = u.usage_point_id)
           OR EXISTS (
               SELECT FROM agreement a
               WHERE a.usage_point_id = u.usage_point_id AND a.start_on <= %(day)s
                 AND (a.end_on IS NULL OR a.end_on > %(day)s)
           ) AS has_account
    FROM channel c
    JOIN meter m USING (badge)
    JOIN meter_installation i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE u.commodity IN ('water', 'gas') AND c.channel = 0 AND i.radio = 'on'
      AND i.installed_at < %(end)s AND (i.removed_at IS NULL OR i.removed_at >= %(end)s)
      AND NOT EXISTS (
          SELECT FROM optout o
          WHERE o.badge = i.badge AND o.from_at < %(end)s
            AND (o.ended_at IS NULL OR o.ended_at > %(start)s)
      )
      AND NOT EXISTS (
          SELECT FROM radio_silence s
          WHERE s.badge = i.badge AND s.off_at < %(end)s
            AND (s.on_at IS NULL OR s.on_at > %(start)s)
      )
    ORDER BY c.channel_id
    """

    async def watched(self, day: date, period: Period) -> Sequence[WatchedMeter]:
        parameters = {"day": day, "start": period.start_utc, "end": period.end_utc}
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.WATCHED, parameters)
            rows = await cursor.fetchall()
        return [_watched(row) for row in rows]

    MEMORIES = """
    SELECT channel_id, layout, packed FROM leak_memory
    WHERE channel_id = ANY (%(channel_ids)s) ORDER BY channel_id FOR UPDATE
    """

    async def memories(self, channel_ids: Sequence[int]) -> Mapping[int, Packed]:
        async with self._connection.cursor(row_factory=class_row(Packed)) as cursor:
            await cursor.execute(self.MEMORIES, {"channel_ids": list(channel_ids)})
            return {row.channel_id: row for row in await cursor.fetchall()}

    REMEMBER = """
    INSERT INTO leak_memory (channel_id, layout, packed)
    SELECT * FROM unnest(%(channel_ids)s::integer[], %(layouts)s::text[], %(packed)s::bytea[])
    ON CONFLICT (channel_id) DO UPDATE SET layout = EXCLUDED.layout, packed = EXCLUDED.packed
    """

    async def remember(self, packed: Sequence[Packed]) -> None:
        parameters = {
            "channel_ids": [each.channel_id for each in packed],
            "layouts": [each.layout for each in packed],
            "packed": [each.packed for each in packed],
        }
        await self._connection.execute(self.REMEMBER, parameters)

    FORGET_OPTED_OUT = """
    DELETE FROM leak_memory
    USING channel c JOIN optout o USING (badge)
    WHERE leak_memory.channel_id = c.channel_id AND o.from_at <= %(at)s AND o.ended_at IS NULL
    """

    _CASES = """
    SELECT l.channel_id, l.episode, c.badge, l.kind, l.state, l.severity, l.rate, l.rate_error,
           l.lost, l.unit, l.began_at, l.raised_at, l.confirmed_at, l.ended_at, l.updated_at
    FROM leak_case l JOIN channel c USING (channel_id)
    """

    OPTED_OUT = (
        _CASES
        + """
    JOIN optout o USING (badge)
    WHERE l.ended_at IS NULL AND o.from_at <= %(at)s AND o.ended_at IS NULL
    """
    )

    async def forget_opted_out(self, at: datetime) -> Sequence[LeakCase]:
        await self._connection.execute(self.FORGET_OPTED_OUT, {"at": at})
        return await self._select(self.OPTED_OUT, {"at": at})

    WITHDRAWN = (
        _CASES
        + """
    LEFT JOIN leak_memory m ON m.channel_id = l.channel_id AND m.layout = ANY (%(layouts)s)
    WHERE l.ended_at IS NULL AND (m.channel_id IS NULL OR NOT EXISTS (
        SELECT FROM meter_installation i
        WHERE i.badge = c.badge AND i.installed_at <= l.raised_at
          AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ))
    """
    )

    async def withdrawn(self, at: datetime, layouts: Sequence[str]) -> Sequence[LeakCase]:
        return await self._select(self.WITHDRAWN, {"at": at, "layouts": list(layouts)})

    LAST_EPISODES = """
    SELECT channel_id, max(episode) FROM leak_case
    WHERE channel_id = ANY (%(channel_ids)s) GROUP BY channel_id
    """

    async def last_episodes(self, channel_ids: Sequence[int]) -> Mapping[int, int]:
        parameters = {"channel_ids": list(channel_ids)}
        cursor = await self._connection.execute(self.LAST_EPISODES, parameters)
        return dict(await cursor.fetchall())

    WRITE_CASE = """
    INSERT INTO leak_case (channel_id, episode, kind, state, severity, rate, rate_error, lost,
                           unit, began_at, raised_at, confirmed_at, ended_at, updated_at)
    VALUES (%(channel_id)s, %(episode)s, %(kind)s, %(state)s, %(severity)s, %(rate)s,
            %(rate_error)s, %(lost)s, %(unit)s, %(began_at)s, %(raised_at)s, %(confirmed_at)s,
            %(ended_at)s, %(updated_at)s)
    ON CONFLICT (channel_id, episode) DO UPDATE
    SET kind = EXCLUDED.kind, state = EXCLUDED.state, severity = EXCLUDED.severity,
        rate = EXCLUDED.rate, rate_error = EXCLUDED.rate_error, lost = EXCLUDED.lost,
        began_at = EXCLUDED.began_at, ended_at = EXCLUDED.ended_at,
        confirmed_at = coalesce(leak_case.confirmed_at, EXCLUDED.confirmed_at),
        updated_at = EXCLUDED.updated_at
    """

    WRITE_STEP = """
    INSERT INTO leak_step (channel_id, episode, at, recorded_at, signal, state, kind, severity,
                           rate, lost, notice, by, reason, rules_hash)
    VALUES (%(channel_id)s, %(episode)s, %(at)s, %(recorded_at)s, %(signal)s, %(state)s, %(kind)s,
            %(severity)s, %(rate)s, %(lost)s, %(notice)s, %(by)s, %(reason)s, %(rules_hash)s)
    """

    async def write(self, cases: Sequence[LeakCase], steps: Sequence[LeakStep]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.WRITE_CASE, [asdict(case) for case in cases])
            await cursor.executemany(self.WRITE_STEP, [asdict(step) for step in steps])

    LIST = (
        _CASES
        + """
    WHERE (%(badge)s::text IS NULL OR c.badge = %(badge)s)
      AND (l.ended_at IS NULL OR l.ended_at >= %(ended_since)s)
    ORDER BY l.raised_at DESC, l.channel_id, l.episode DESC
    """
    )

    async def cases(
        self, *, badge: str | None = None, ended_since: datetime | None = None
    ) -> Sequence[LeakCase]:
        return await self._select(self.LIST, {"badge": badge, "ended_since": ended_since})

    ONE = _CASES + "WHERE c.badge = %(badge)s AND l.episode = %(episode)s FOR UPDATE OF l"

    async def case(self, badge: str, episode: int) -> LeakCase | None:
        found = await self._select(self.ONE, {"badge": badge, "episode": episode})
        return found[0] if found else None

    async def _select(self, statement: LiteralString, parameters: dict[str, Any]) -> list[LeakCase]:
        async with self._connection.cursor(row_factory=class_row(LeakCase)) as cursor:
            await cursor.execute(statement, parameters)
            return await cursor.fetchall()

    STEPS = """
    SELECT channel_id, episode, at, recorded_at, signal, state, kind, severity, rate, lost, notice,
           by, reason, rules_hash
    FROM leak_step WHERE channel_id = %(channel_id)s AND episode = %(episode)s
    ORDER BY leak_step_id
    """

    async def steps(self, channel_id: int, episode: int) -> Sequence[LeakStep]:
        async with self._connection.cursor(row_factory=class_row(LeakStep)) as cursor:
            await cursor.execute(self.STEPS, {"channel_id": channel_id, "episode": episode})
            return await cursor.fetchall()

    NOTICES = """
    SELECT c.badge, s.channel_id, s.episode, s.at, s.recorded_at, s.signal, s.state, s.kind,
           s.severity, s.rate, s.lost, s.notice, s.by, s.reason, s.rules_hash
    FROM leak_step s JOIN channel c USING (channel_id)
    WHERE s.notice <> '' AND s.recorded_at >= %(since)s
    ORDER BY s.leak_step_id
    """

    async def notices(self, since: datetime) -> Sequence[tuple[str, LeakStep]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.NOTICES, {"since": since})
            rows = await cursor.fetchall()
        return [(leak_id(row.pop("badge"), row["episode"]), LeakStep(**row)) for row in rows]

    RECORD_RUN = """
    INSERT INTO leak_run (last_day, first_day, ran_at, rules_hash, channels, steps)
    VALUES (%(last_day)s, %(first_day)s, %(ran_at)s, %(rules_hash)s, %(channels)s, %(steps)s)
    """

    async def record_run(self, run: LeakRun) -> None:
        await self._connection.execute(self.RECORD_RUN, asdict(run))

    LAST_RUN = """
    SELECT last_day, first_day, ran_at, rules_hash, channels, steps FROM leak_run
    ORDER BY last_day DESC LIMIT 1
    """

    async def last_run(self) -> LeakRun | None:
        async with self._connection.cursor(row_factory=class_row(LeakRun)) as cursor:
            await cursor.execute(self.LAST_RUN)
            return await cursor.fetchone()

    # A service counts as billed now: over all of its meters, and for the days of its account. What
    # was frozen before services were kept is the one determinant of its window.
    BILLS = """
    WITH whose AS (
        SELECT usage_point_id, account_id FROM billing_determinant
        WHERE channel_id = %(channel_id)s ORDER BY read_end_utc DESC LIMIT 1
    ), billed AS (
        SELECT DISTINCT ON (s.window_start, s.window_end, s.period)
               s.from_on AS window_start, s.to_on AS window_end,
               (s.quantities ->> 'delivered_ccf')::bigint AS usage_units, s.quality, s.content_hash,
               account_id
        FROM billed_service s JOIN whose USING (usage_point_id, account_id)
        ORDER BY s.window_start, s.window_end, s.period, s.revision DESC
    )
    SELECT * FROM billed
    UNION ALL
    SELECT d.window_start, d.window_end, d.usage_units, d.quality, d.content_hash, account_id
    FROM billing_determinant d JOIN whose USING (usage_point_id, account_id)
    WHERE d.unit = 'ccf' AND NOT EXISTS (
        SELECT FROM billed_service s
        WHERE (s.window_start, s.window_end, s.usage_point_id)
            = (d.window_start, d.window_end, d.usage_point_id)
    )
    ORDER BY window_start
    """

    async def bills(self, channel_id: int) -> Sequence[WaterBill]:
        async with self._connection.cursor(row_factory=class_row(WaterBill)) as cursor:
            await cursor.execute(self.BILLS, {"channel_id": channel_id})
            return await cursor.fetchall()

    FIRST_JUDGED_DAY = "SELECT min(local_day) FROM vee_day"

    async def first_judged_day(self) -> date | None:
        row = await (await self._connection.execute(self.FIRST_JUDGED_DAY)).fetchone()
        assert row is not None, "an aggregate without groups returns one row"
        first: date | None = row[0]
        return first


def _watched(row: dict[str, Any]) -> WatchedMeter:
    return WatchedMeter(
        **row
        | {
            "commodity": Commodity(row["commodity"]),
            "flags": tuple(row["flags"]),
            "register_modulus": int(row["register_modulus"]),
        }
    )
