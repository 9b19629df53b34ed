"""Raw messages, read again."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from psycopg import AsyncConnection

from mdms.domain.time import Period, to_epoch_us
from mdms.ports.messages import UplinkMessage
from mdms.storage.time_series import Partitions


class PostgresRawMessages:
    """`mdms.ports.RawMessageStore` on uplink_message."""

    def __init__(self, connection: AsyncConnection, partitions: Partitions) -> None:
        self._connection = connection
        self._partitions = partitions

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

    # Bounds on the time that the table is cut by spare most of it: nothing older is ever taken.
    RECEIVED = """
    SELECT collector_id, boot_id, batch_seq, batch_at, kind, frame_count, payload_size,
           payload_zstd, received_at
    FROM uplink_message
    WHERE received_at >= %(start)s AND received_at < %(end)s
      AND batch_at >= %(start)s - interval '46 days' AND batch_at < %(end)s + interval '1 hour'
      AND kind IN ('read', 'backfill')
    ORDER BY received_at, collector_id, batch_seq, boot_id, batch_at
    """

    async def received(
        self, period: Period, count_max: int
    ) -> AsyncIterator[Sequence[UplinkMessage]]:
        async with self._connection.cursor(name="received", binary=True) as cursor:
            await cursor.execute(self.RECEIVED, {"start": period.start_utc, "end": period.end_utc})
            held: list[UplinkMessage] = []
            while rows := await cursor.fetchmany(count_max):
                for message in map(unpacked, rows):
                    # What came at one time is judged by one time: it stays together.
                    if held and (
                        message.received_at != held[0].received_at or len(held) == count_max
                    ):
                        yield held
                        held = []
                    held.append(message)
            if held:
                yield held

    OLDEST = "SELECT min(batch_at) FROM uplink_message"

    async def oldest(self) -> datetime | None:
        row = await (await self._connection.execute(self.OLDEST)).fetchone()
        return row[0] if row else None

    # What was closed long ago and came late has its term from when it came.
    CAME_LATE = """
    SELECT min(batch_at) FROM uplink_message
    WHERE batch_at < %(before)s AND received_at >= %(before)s
    """

    async def forget(self, before: datetime) -> int:
        return await self._partitions.drop("uplink_message", before, self.CAME_LATE)


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
