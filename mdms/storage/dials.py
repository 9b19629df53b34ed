"""Readings of further registers as rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection

from mdms.domain.dials import DialRead
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.dials import Kept


class PostgresDials:
    """`mdms.ports.DialStore` on dial_read."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO dial_read (channel_id, dial, at_utc, value, recorded_at)
    SELECT channel_id, dial, at_utc, value, %(recorded_at)s
    FROM unnest(%(channel_ids)s::integer[], %(dials)s::text[], %(times)s::timestamptz[],
                %(values)s::bigint[]) AS given (channel_id, dial, at_utc, value)
    ON CONFLICT DO NOTHING
    RETURNING channel_id, dial, at_utc, value
    """

    DISPUTED = """
    SELECT count(*)
    FROM unnest(%(channel_ids)s::integer[], %(dials)s::text[], %(times)s::timestamptz[],
                %(values)s::bigint[]) AS given (channel_id, dial, at_utc, value)
    JOIN dial_read kept USING (channel_id, dial, at_utc)
    WHERE kept.value <> given.value
    """

    async def add(self, reads: Sequence[DialRead], recorded_at: datetime) -> Kept:
        parameters = {
            "channel_ids": [each.channel_id for each in reads],
            "dials": [each.dial for each in reads],
            "times": [from_epoch_s(each.at_s) for each in reads],
            "values": [each.value for each in reads],
            "recorded_at": recorded_at,
        }
        new = await self._reads(self.ADD, parameters)
        cursor = await self._connection.execute(self.DISPUTED, parameters)
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has a row"
        return Kept(new, row[0])

    OF = """
    SELECT channel_id, dial, at_utc, value FROM dial_read
    WHERE channel_id = ANY (%(channel_ids)s::integer[])
      AND at_utc >= %(start_utc)s AND at_utc <= %(end_utc)s
    ORDER BY channel_id, at_utc, dial
    """

    async def of(self, channel_ids: Sequence[int], period: Period) -> Sequence[DialRead]:
        return await self._reads(
            self.OF,
            {
                "channel_ids": [int(each) for each in channel_ids],
                "start_utc": period.start_utc,
                "end_utc": period.end_utc,
            },
        )

    async def _reads(self, statement: LiteralString, parameters: dict[str, Any]) -> list[DialRead]:
        cursor = await self._connection.execute(statement, parameters)
        return [
            DialRead(channel_id, dial, to_epoch_s(at), value)
            for channel_id, dial, at, value in await cursor.fetchall()
        ]
