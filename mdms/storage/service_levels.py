"""Service levels: a day's judged channels beside what is stored of them."""

from collections.abc import Sequence
from datetime import date, datetime

from psycopg import AsyncConnection

from mdms.domain.readings import Source
from mdms.domain.registry import Commodity
from mdms.domain.service_levels import Mark, ServiceLevel
from mdms.domain.time import Period


class PostgresServiceLevels:
    """`mdms.ports.ServiceLevelStore` on service_level."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Statistics have not seen the day yet, so the planner takes its thousands of rows for one.
    NO_LOOPS = "SET LOCAL enable_nestloop = off"

    _SERVED = """
    WITH served AS (
        SELECT c.channel_id, c.unit, u.commodity
        FROM channel c
        JOIN (
            SELECT DISTINCT ON (badge) badge, usage_point_id FROM meter_installation
            ORDER BY badge, installed_at DESC
        ) last_place USING (badge)
        JOIN usage_point u USING (usage_point_id)
    )
    """

    # The day's reads are counted before they are joined: one pass over an index range.
    MEASURE = f"""{_SERVED}, judged AS (
        SELECT DISTINCT ON (channel_id) channel_id, expected, estimated, held, missing
        FROM vee_day WHERE local_day = %(local_day)s
        ORDER BY channel_id, version DESC
    ), come AS (
        SELECT channel_id, count(*) FILTER (WHERE source = %(uplink)s) AS uplink,
               count(*) AS received
        FROM interval_read
        WHERE start_utc >= %(start)s AND start_utc < %(end)s AND version = 0
        GROUP BY channel_id
    )
    INSERT INTO service_level (local_day, commodity, mark, measured_at, channel_count, expected,
                               uplink, received, estimated, held, missing)
    SELECT %(local_day)s, commodity, %(mark)s, %(at)s, count(*), sum(judged.expected),
           coalesce(sum(come.uplink), 0), coalesce(sum(come.received), 0), sum(judged.estimated),
           sum(judged.held), sum(judged.missing)
    FROM judged
    JOIN served USING (channel_id)
    LEFT JOIN come USING (channel_id)
    WHERE judged.expected > 0
    GROUP BY commodity
    ON CONFLICT (local_day, commodity, mark) DO NOTHING
    """  # noqa: S608 - no value is put in

    async def measure(self, local_day: date, period: Period, mark: Mark, at: datetime) -> None:
        await self._connection.execute(self.NO_LOOPS)
        await self._connection.execute(
            self.MEASURE,
            {
                "local_day": local_day,
                "start": period.start_utc,
                "end": period.end_utc,
                "mark": mark,
                "at": at,
                "uplink": Source.UPLINK,
            },
        )

    # An hour that some meters have not told of yet would look like little flow: those with most
    # channels count.
    MEASURE_NIGHT = f"""{_SERVED}, heard AS (
        SELECT channel_id, date_trunc('hour', start_utc, 'UTC') AS at_utc, sum(value) AS flow
        FROM interval_read
        WHERE start_utc >= %(start)s AND start_utc < %(end)s AND version = 0
        GROUP BY channel_id, at_utc
    ), hours AS (
        SELECT commodity, unit, at_utc, sum(flow) AS flow, count(*) AS channel_count
        FROM heard
        JOIN served USING (channel_id)
        WHERE commodity IN ('water', 'gas')
        GROUP BY commodity, unit, at_utc
    )
    INSERT INTO night_flow (local_day, commodity, unit, at_utc, flow, channel_count)
    SELECT DISTINCT ON (commodity, unit)
           %(local_day)s, commodity, unit, at_utc, flow, channel_count
    FROM hours
    ORDER BY commodity, unit, channel_count DESC, flow, at_utc
    ON CONFLICT (local_day, commodity, unit) DO NOTHING
    """  # noqa: S608 - no value is put in

    async def measure_night(self, local_day: date, night: Period) -> None:
        await self._connection.execute(self.NO_LOOPS)
        await self._connection.execute(
            self.MEASURE_NIGHT,
            {"local_day": local_day, "start": night.start_utc, "end": night.end_utc},
        )

    FORGET_RULES = """
    DELETE FROM rule_day WHERE local_day BETWEEN %(first_day)s AND %(last_day)s
    """

    # Bits 1 to 58 of the newest outcome of each channel-day (vee.md 1.3).
    COUNT_RULES = f"""{_SERVED}
    INSERT INTO rule_day (local_day, commodity, rule, channel_day_count)
    SELECT d.local_day, commodity, 'V' || lpad(number::text, 2, '0'), count(*)
    FROM (
        SELECT DISTINCT ON (local_day, channel_id) local_day, channel_id, flags FROM vee_day
        WHERE local_day BETWEEN %(first_day)s AND %(last_day)s
        ORDER BY local_day, channel_id, version DESC
    ) d
    JOIN served USING (channel_id)
    JOIN generate_series(1, 58) number ON d.flags & (1::bigint << number) <> 0
    WHERE d.flags <> 0
    GROUP BY d.local_day, commodity, number
    """  # noqa: S608 - no value is put in

    async def count_rules(self, first_day: date, last_day: date) -> None:
        days = {"first_day": first_day, "last_day": last_day}
        await self._connection.execute(self.FORGET_RULES, days)
        await self._connection.execute(self.COUNT_RULES, days)

    NEWEST = """
    SELECT local_day, commodity, mark, measured_at, channel_count, expected, uplink, received,
           estimated, held, missing
    FROM service_level
    WHERE (mark, local_day) IN (SELECT mark, max(local_day) FROM service_level GROUP BY mark)
    ORDER BY mark, commodity
    """

    async def newest(self) -> Sequence[ServiceLevel]:
        cursor = await self._connection.execute(self.NEWEST)
        return [
            ServiceLevel(local_day, Commodity(commodity), Mark(mark), *rest)
            for local_day, commodity, mark, *rest in await cursor.fetchall()
        ]

    FORGET = (
        "DELETE FROM service_level WHERE local_day < %(first_kept)s",
        "DELETE FROM night_flow WHERE local_day < %(first_kept)s",
        "DELETE FROM rule_day WHERE local_day < %(first_kept)s",
    )

    async def forget(self, first_kept: date) -> int:
        done = [
            await self._connection.execute(each, {"first_kept": first_kept}) for each in self.FORGET
        ]
        return sum(cursor.rowcount for cursor in done)
