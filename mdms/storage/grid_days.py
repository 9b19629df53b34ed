"""The grid's days."""

import dataclasses
from collections.abc import Sequence
from datetime import date

from psycopg import AsyncConnection

from mdms.domain.grid_days import OutageRecord, ReliabilityDay, TransformerDay
from mdms.domain.time import Period


class PostgresGridDays:
    """`mdms.ports.GridDayStore` on outage, reliability_day, transformer_day."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    NEWEST_EVENT = "SELECT max(end_device_event_id) FROM end_device_event"

    async def newest_event(self) -> int | None:
        row = await (await self._connection.execute(self.NEWEST_EVENT)).fetchone()
        return None if row is None else row[0]

    FORGET_OUTAGES = "DELETE FROM outage WHERE began_at >= %(start)s AND began_at < %(end)s"
    KEEP_OUTAGE = """
    INSERT INTO outage (device, name, transformers, began_at, ended_at, customers, reported)
    VALUES (%(device)s, %(name)s, %(transformers)s, %(began_at)s, %(ended_at)s, %(customers)s,
            %(reported)s)
    """

    async def replace_outages(self, period: Period, found: Sequence[OutageRecord]) -> None:
        await self._connection.execute(
            self.FORGET_OUTAGES, {"start": period.start_utc, "end": period.end_utc}
        )
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self.KEEP_OUTAGE,
                [
                    dataclasses.asdict(each) | {"transformers": list(each.transformers)}
                    for each in found
                ],
            )

    KEEP_RELIABILITY = """
    INSERT INTO reliability_day (local_day, customers, saidi_min, saifi, maifi)
    VALUES (%(local_day)s, %(customers)s, %(saidi_min)s, %(saifi)s, %(maifi)s)
    ON CONFLICT (local_day) DO UPDATE
    SET customers = excluded.customers, saidi_min = excluded.saidi_min, saifi = excluded.saifi,
        maifi = excluded.maifi
    """

    async def keep_reliability(self, day: ReliabilityDay) -> None:
        await self._connection.execute(self.KEEP_RELIABILITY, dataclasses.asdict(day))

    FORGET_TRANSFORMERS = "DELETE FROM transformer_day WHERE local_day = %(local_day)s"
    KEEP_TRANSFORMER = """
    INSERT INTO transformer_day (local_day, transformer_id, peak_percent, p95_percent,
        hours_over_100, coverage_percent, lowest_v, highest_v, beyond_a_percent)
    VALUES (%(local_day)s, %(transformer_id)s, %(peak_percent)s, %(p95_percent)s,
        %(hours_over_100)s, %(coverage_percent)s, %(lowest_v)s, %(highest_v)s,
        %(beyond_a_percent)s)
    """

    async def keep_transformers(self, local_day: date, days: Sequence[TransformerDay]) -> None:
        await self._connection.execute(self.FORGET_TRANSFORMERS, {"local_day": local_day})
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self.KEEP_TRANSFORMER, [dataclasses.asdict(each) for each in days]
            )

    FORGET = (
        "DELETE FROM transformer_day WHERE local_day < %(first_kept)s",
        "DELETE FROM reliability_day WHERE local_day < %(first_kept)s",
        "DELETE FROM outage WHERE ended_at < %(first_kept)s",
    )

    async def forget(self, first_kept: date) -> int:
        done = [
            await self._connection.execute(each, {"first_kept": first_kept}) for each in self.FORGET
        ]
        return sum(cursor.rowcount for cursor in done)
