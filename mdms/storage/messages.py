"""Raw messages as they came, dead letters, and how far each collector has come."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
import zstandard
from psycopg import AsyncConnection

from mdms.domain.errors import RejectReason
from mdms.domain.time import from_epoch_us, to_epoch_us
from mdms.ports.messages import CollectorSequence, Rejected, UplinkMessage
from mdms.storage import copy_binary
from mdms.storage.arrays import Packed
from mdms.storage.copy_binary import BIGINT, BOOLEAN, INTEGER, TIMESTAMP_US
from mdms.storage.pipelines import row_count
from mdms.storage.raw_messages import unpacked
from mdms.storage.time_series import Partitions, months_of

_US_PER_S = 1_000_000
_ZSTD_LEVEL = 1
_BRIEF_BYTES = 32 << 10
"""What is packed in less time than a thread takes to hear of it; a batch takes as long as a command
may wait."""

_CAME = """unnest(
    %(collector_id)b::bigint[], %(boot_id)b::bigint[], %(batch_seq)b::bigint[],
    %(batch_at)b::timestamptz[], %(kind)b::text[], %(frame_count)b::integer[],
    %(received_at)b::timestamptz[], %(payload_size)b::integer[], %(payload_zstd)b::bytea[],
    %(misdated)b::boolean[]
) AS came (collector_id, boot_id, batch_seq, batch_at, kind, frame_count, received_at,
           payload_size, payload_zstd, misdated)"""
"""What came, as rows."""


class PostgresMessages:
    """`mdms.ports.MessageStore` on uplink_message, collector_sequence and dead_letter."""

    def __init__(self, connection: AsyncConnection, partitions: Partitions) -> None:
        self._connection = connection
        self._partitions = partitions

    async def record(self, messages: Sequence[UplinkMessage]) -> int:
        if not messages:
            return 0
        batch_s = np.array([message.batch_us // _US_PER_S for message in messages], np.int64)
        await self._partitions.ensure("uplink_message", months_of(batch_s))
        columns = await _columns(messages)
        kept = await self._connection.execute(self.KEEP.format(came=_CAME), columns)
        await self._move_on(messages)
        count = await row_count(self._connection, kept)
        if count < len(messages):  # copies, but for some that only say that they are
            await self._partitions.ensure("uplink_message", months_of(batch_s + 1))
            others = await self._connection.execute(self.KEEP_OTHERS.format(came=_CAME), columns)
            count += await row_count(self._connection, others)
        return count

    # One statement for all of them: a message of a few reads costs little more than its bytes. A
    # message without a time of its own has that of its reception, which is another one each time
    # that it comes, so its bytes tell whether it came before.
    KEEP = """
    INSERT INTO uplink_message (collector_id, boot_id, batch_seq, batch_at, kind, frame_count,
                                received_at, payload_size, payload_zstd)
    SELECT collector_id, boot_id, batch_seq, batch_at, kind, frame_count, received_at,
           payload_size, payload_zstd
    FROM {came}
    WHERE NOT came.misdated OR NOT EXISTS (
        SELECT FROM uplink_message known
        WHERE known.collector_id = came.collector_id AND known.batch_seq = came.batch_seq
          AND known.boot_id = came.boot_id AND known.batch_at > came.batch_at - interval '7 days'
          AND known.payload_zstd = came.payload_zstd
    )
    ON CONFLICT DO NOTHING
    """

    # A message whose key another one has and that says something else is kept beside that one, some
    # microseconds later (a thousand of them): its reads are stored, and lineage and replay must
    # find where they came from. What was asked for again is coded anew each time, so there the
    # number of frames has to do.
    KEEP_OTHERS = """
    WITH other AS (
        SELECT DISTINCT ON (collector_id, boot_id, batch_seq, batch_at, payload_zstd)
               came.*, beside.last_at
        FROM {came}
        CROSS JOIN LATERAL (
            SELECT max(known.batch_at) AS last_at, bool_or(
                CASE WHEN 'backfill' IN (known.kind, came.kind)
                     THEN known.frame_count = came.frame_count
                     ELSE known.kind = came.kind AND known.payload_zstd = came.payload_zstd END
            ) AS is_known
            FROM uplink_message known
            WHERE known.collector_id = came.collector_id AND known.batch_seq = came.batch_seq
              AND known.boot_id = came.boot_id
              AND known.batch_at >= came.batch_at
                  - CASE WHEN came.misdated THEN interval '7 days' ELSE interval '0' END
              AND known.batch_at < came.batch_at + interval '1 millisecond'
        ) beside
        WHERE NOT beside.is_known
    )
    INSERT INTO uplink_message (collector_id, boot_id, batch_seq, batch_at, kind, frame_count,
                                received_at, payload_size, payload_zstd)
    SELECT collector_id, boot_id, batch_seq,
           last_at + interval '1 microsecond' * row_number() OVER (
               PARTITION BY collector_id, boot_id, batch_seq, batch_at
           ),
           kind, frame_count, received_at, payload_size, payload_zstd
    FROM other
    ON CONFLICT DO NOTHING
    """

    # Within a boot a sequence only moves forward; a collector that started anew takes over once
    # its batches are the younger ones.
    MOVE_ON = """
    INSERT INTO collector_sequence AS known
        (collector_id, boot_id, batch_seq, batch_at, received_at)
    SELECT * FROM unnest(
        %(collector_id)b::bigint[], %(boot_id)b::bigint[], %(batch_seq)b::bigint[],
        %(batch_at)b::timestamptz[], %(received_at)b::timestamptz[]
    )
    ON CONFLICT (collector_id) DO UPDATE
    SET boot_id = EXCLUDED.boot_id, batch_seq = EXCLUDED.batch_seq,
        batch_at = EXCLUDED.batch_at, received_at = EXCLUDED.received_at
    WHERE (EXCLUDED.boot_id = known.boot_id AND EXCLUDED.batch_seq > known.batch_seq)
       OR (EXCLUDED.boot_id <> known.boot_id AND EXCLUDED.batch_at > known.batch_at)
    """

    async def _move_on(self, messages: Sequence[UplinkMessage]) -> None:
        furthest: dict[int, dict[int, UplinkMessage]] = {}
        for message in sorted(messages, key=lambda m: (m.collector_id, m.batch_us, m.batch_seq)):
            boots = furthest.setdefault(message.collector_id, {})
            known = boots.get(message.boot_id)
            if known is None or known.batch_seq < message.batch_seq:
                boots[message.boot_id] = message
        # A statement moves a collector once: one that started anew in between takes a second one.
        for turn in zip_longest(*(boots.values() for boots in furthest.values())):
            rows = [message for message in turn if message is not None]
            columns = {
                "collector_id": [message.collector_id for message in rows],
                "boot_id": [message.boot_id for message in rows],
                "batch_seq": [message.batch_seq for message in rows],
                "batch_at": [from_epoch_us(message.batch_us) for message in rows],
                "received_at": [message.received_at for message in rows],
            }
            await self._connection.execute(self.MOVE_ON, columns)

    # What is refused once is refused every time that it comes; it is one dead letter. One that was
    # read again meanwhile, with another outcome, waits anew: the registry may have gone back.
    REJECT = """
    INSERT INTO dead_letter AS known (received_at, reason, detail, topic, frame_index, payload,
                                      schema_id, digest)
    VALUES (%(received_at)s, %(reason)s, %(detail)s, %(topic)s, %(frame_index)s, %(payload)b,
            %(schema_id)s, %(digest)b)
    ON CONFLICT (digest) DO UPDATE
    SET reason = EXCLUDED.reason, detail = EXCLUDED.detail, payload = EXCLUDED.payload,
        replayed_at = NULL
    WHERE known.replayed_at IS NOT NULL OR known.reason <> EXCLUDED.reason
    """

    async def reject(self, rejected: Sequence[Rejected]) -> int:
        if not rejected:
            return 0
        rows = [
            {
                "received_at": one.received_at,
                "reason": one.reason.value,
                "detail": one.detail.replace("\0", "\N{REPLACEMENT CHARACTER}"),
                "topic": one.topic.replace("\0", "\N{REPLACEMENT CHARACTER}"),
                "frame_index": one.frame_index,
                "payload": one.payload,
                "schema_id": one.schema_id,
                "digest": _digest(one),
            }
            for one in rejected
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.REJECT, rows)
            return await row_count(self._connection, cursor)

    NEWEST = """
    SELECT m.collector_id, m.boot_id, m.batch_seq, m.batch_at, m.kind, m.frame_count,
           m.payload_size, m.payload_zstd, m.received_at
    FROM collector_sequence s
    CROSS JOIN LATERAL (
        SELECT * FROM uplink_message u
        WHERE u.collector_id = s.collector_id AND u.kind = 'read'
          AND u.batch_at > s.batch_at - interval '1 day'
        ORDER BY u.batch_seq DESC LIMIT %(count_max)s
    ) m
    ORDER BY m.batch_at, m.collector_id, m.batch_seq
    """

    async def newest(self, count_max: int) -> Sequence[UplinkMessage]:
        cursor = await self._connection.execute(self.NEWEST, {"count_max": count_max})
        return [unpacked(row) for row in await cursor.fetchall()]

    SEQUENCES = """
    SELECT collector_id, boot_id, batch_seq, batch_at, received_at
    FROM collector_sequence ORDER BY collector_id
    """

    async def sequences(self) -> Sequence[CollectorSequence]:
        cursor = await self._connection.execute(self.SEQUENCES)
        return [CollectorSequence(*row) for row in await cursor.fetchall()]

    DEAD_LETTER_COUNTS = """
    SELECT reason, count(*) FROM dead_letter WHERE replayed_at IS NULL
    GROUP BY reason ORDER BY reason
    """

    async def dead_letter_counts(self) -> Mapping[RejectReason, int]:
        cursor = await self._connection.execute(self.DEAD_LETTER_COUNTS)
        return {RejectReason(reason): count for reason, count in await cursor.fetchall()}


async def _columns(messages: Sequence[UplinkMessage]) -> Mapping[str, Packed]:
    kinds = [message.kind.encode() for message in messages]
    payloads = await _compressed(messages)
    return {
        "collector_id": Packed.of(BIGINT, [message.collector_id for message in messages]),
        "boot_id": Packed.of(BIGINT, [message.boot_id for message in messages]),
        "batch_seq": Packed.of(BIGINT, [message.batch_seq for message in messages]),
        "batch_at": Packed.of(TIMESTAMP_US, [message.batch_us for message in messages]),
        "kind": Packed(copy_binary.array_of_bytes(copy_binary.TEXT, kinds)),
        "frame_count": Packed.of(INTEGER, [message.frame_count for message in messages]),
        "received_at": Packed.of(TIMESTAMP_US, _received_us(messages)),
        "payload_size": Packed.of(INTEGER, [len(message.payload) for message in messages]),
        "payload_zstd": Packed(copy_binary.array_of_bytes(copy_binary.BYTEA, payloads)),
        "misdated": Packed.of(BOOLEAN, [message.misdated for message in messages]),
    }


def _received_us(messages: Sequence[UplinkMessage]) -> list[int]:
    """Return when each message came; those of a batch came together."""
    came_at = {message.received_at for message in messages}
    came_us = {received_at: to_epoch_us(received_at) for received_at in came_at}
    return [came_us[message.received_at] for message in messages]


async def _compressed(messages: Sequence[UplinkMessage]) -> list[bytes]:
    if sum(len(message.payload) for message in messages) <= _BRIEF_BYTES:
        return _compress(messages)
    return await asyncio.to_thread(_compress, messages)


def _compress(messages: Sequence[UplinkMessage]) -> list[bytes]:
    """Return each payload as a frame of its own, all of them made in one context."""
    # To make a context takes longer than to compress a message of some dozens of reads.
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    return [compressor.compress(message.payload) for message in messages]


def _digest(rejected: Rejected) -> bytes:
    """Return what tells this dead letter from every other."""
    head = f"{rejected.topic}\0{rejected.frame_index}\0{rejected.reason}\0"
    return hashlib.sha256(head.encode(errors="surrogatepass") + rejected.payload).digest()
