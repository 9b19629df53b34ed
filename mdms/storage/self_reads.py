"""Customer Reads Own Meter as rows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mdms.domain.self_reads import SelfRead, SelfReadMonth
from mdms.storage.refusals import refusal_of


class PostgresSelfReads:
    """`mdms.ports.SelfReadStore` on self_read and self_read_month."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO self_read
        (self_read_id, channel_id, badge, read_at, register, evidence, verifies, received_at,
         received_by, accepted, findings)
    VALUES
        (%(self_read_id)s, %(channel_id)s, %(badge)s, %(read_at)s, %(register)s, %(evidence)s,
         %(verifies)s, %(received_at)s, %(received_by)s, %(accepted)s, %(findings)s::jsonb)
    ON CONFLICT (channel_id, read_at, register) DO NOTHING
    RETURNING self_read_id
    """

    async def add(self, read: SelfRead) -> bool:
        row = asdict(read)
        row["findings"] = json.dumps(row["findings"], default=str)
        cursor = await self._connection.execute(self.ADD, row)
        return await cursor.fetchone() is not None

    ACCEPT = """
    UPDATE self_read SET accepted = true
    WHERE self_read_id = %(self_read_id)s AND NOT accepted
    RETURNING *
    """

    async def accept(self, self_read_id: UUID) -> SelfRead | None:
        found = await self._reads(self.ACCEPT, self_read_id=self_read_id)
        return found[0] if found else None

    OF_CHANNEL = """
    SELECT * FROM self_read WHERE channel_id = %(channel_id)s ORDER BY read_at, received_at
    """

    async def of_channel(self, channel_id: int) -> Sequence[SelfRead]:
        return await self._reads(self.OF_CHANNEL, channel_id=channel_id)

    EVERY = "SELECT * FROM self_read WHERE received_at >= %(since)s ORDER BY received_at"

    async def every(self, since: datetime) -> Sequence[SelfRead]:
        return await self._reads(self.EVERY, since=since)

    CLOSE = """
    INSERT INTO self_read_month
        (channel_id, window_start, window_end, outcome, basis, register, closed_at)
    VALUES (%(channel_id)s, %(window_start)s, %(window_end)s, %(outcome)s, %(basis)s,
            %(register)s, %(closed_at)s)
    ON CONFLICT DO NOTHING
    RETURNING channel_id
    """

    async def close(self, month: SelfReadMonth) -> bool:
        cursor = await self._connection.execute(self.CLOSE, asdict(month))
        return await cursor.fetchone() is not None

    MONTHS = """
    SELECT channel_id, window_start, window_end, outcome, basis, register, closed_at
    FROM self_read_month WHERE channel_id = %(channel_id)s ORDER BY window_end
    """

    async def months(self, channel_id: int) -> Sequence[SelfReadMonth]:
        async with self._connection.cursor(row_factory=class_row(SelfReadMonth)) as cursor:
            await cursor.execute(self.MONTHS, {"channel_id": channel_id})
            return await cursor.fetchall()

    async def _reads(self, statement: str, **values: object) -> list[SelfRead]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [_read_of(row) for row in await cursor.fetchall()]


def _read_of(row: dict[str, Any]) -> SelfRead:
    return SelfRead(**row | {"findings": tuple(refusal_of(each) for each in row["findings"])})
