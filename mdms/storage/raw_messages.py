"""Raw messages, read again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from psycopg import AsyncConnection

from mdms.domain.time import Period, to_epoch_us
from mdms.ports.messages import UplinkMessage


class PostgresRawMessages:
    """`mdms.ports.RawMessageStore` on uplink_message."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    SENT = """
    SELECT collector_id, boot_id, batch_seq, batch_at, kind, frame_count, payload_size,
           payload_zstd, received_at
    FROM uplink_message
    WHERE batch_at >= %(start)s AND batch_at < %(end)s AND kind IN ('read', 'backfill')
    ORDER BY batch_at, collector_id, batch_seq LIMIT %(count_max)s
    """

    async def sent(self, period: Period, count_max: int) -> Sequence[UplinkMessage]:
        cursor = await self._connection.execute(
            self.SENT,
            {"start": period.start_utc, "end": period.end_utc, "count_max": count_max},
            binary=True,
        )
        return [unpacked(row) for row in await cursor.fetchall()]

    OLDEST = "SELECT min(batch_at) FROM uplink_message"

    async def oldest(self) -> datetime | None:
        row = await (await self._connection.execute(self.OLDEST)).fetchone()
        return row[0] if row else None


def unpacked(row: Sequence[Any]) -> UplinkMessage:
    """Return a row of uplink_message, its columns as SENT names them, as it was received."""
    (
        collector_id, boot_id, batch_seq, batch_at, kind, frame_count, size, payload, received_at,
    ) = row  # fmt: skip
    return UplinkMessage(
        collector_id=collector_id,
        boot_id=boot_id,
        batch_seq=batch_seq,
        batch_us=to_epoch_us(batch_at),
        kind=kind,
        frame_count=frame_count,
        payload=pa.decompress(payload, size, codec="zstd", asbytes=True),
        received_at=received_at,
    )
