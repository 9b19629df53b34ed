"""Raw values that differ from the raw value that is stored."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.readings import Bool, Int64
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.conflicts import ReadConflict


class PostgresConflicts:
    """`mdms.ports.ConflictStore` on read_conflict."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    WITHIN = """
    SELECT c.badge, c.reading_type, r.kind, r.at_utc AS at, r.stored_value, r.value, r.recorded_at,
           r.read_conflict_id AS number
    FROM read_conflict r
    JOIN channel c USING (channel_id)
    WHERE r.at_utc >= %(start)s AND r.at_utc < %(end)s
      AND (%(badge)s::text IS NULL OR c.badge = %(badge)s)
      AND (r.at_utc, r.read_conflict_id) > (%(after_at)s, %(after_number)s)
    ORDER BY r.at_utc, r.read_conflict_id
    LIMIT %(count_max)s
    """

    async def within(
        self,
        period: Period,
        *,
        badge: str | None = None,
        after: tuple[datetime, int] | None = None,
        count_max: int,
    ) -> Sequence[ReadConflict]:
        after_at, after_number = after or (period.start_utc, -1)
        async with self._connection.cursor(row_factory=class_row(ReadConflict)) as cursor:
            await cursor.execute(
                self.WITHIN,
                {
                    "start": period.start_utc,
                    "after_at": after_at,
                    "after_number": after_number,
                    "end": period.end_utc,
                    "badge": badge,
                    "count_max": count_max,
                },
            )
            return await cursor.fetchall()

    KNOWN = """
    SELECT position - 1
    FROM unnest(%(channel_ids)s::integer[], %(times)s::timestamptz[], %(values)s::bigint[])
         WITH ORDINALITY AS given (channel_id, at_utc, value, position)
    JOIN read_conflict r USING (channel_id, at_utc, value)
    WHERE r.kind = %(kind)s
    """

    async def known(self, kind: str, channel_id: Int64, at_s: Int64, value: Int64) -> Bool:
        cursor = await self._connection.execute(
            self.KNOWN,
            {
                "kind": kind,
                "channel_ids": channel_id.tolist(),
                "times": [from_epoch_s(each) for each in at_s.tolist()],
                "values": value.tolist(),
            },
        )
        found = np.zeros(len(channel_id), np.bool_)
        found[[position for (position,) in await cursor.fetchall()]] = True
        return found
