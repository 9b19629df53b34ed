"""Reads: appended as versions, read back as columns; nothing is updated in place."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from psycopg import AsyncConnection, AsyncCursor
from psycopg.errors import UniqueViolation

from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.readings import FEW_READS
from mdms.storage import unbroken
from mdms.storage.arrays import Integers
from mdms.storage.read_tables import INTERVALS, REGISTERS, R, ReadTable
from mdms.storage.time_series import Partitions, months_of


class PostgresReadings:
    """
    `mdms.ports.ReadingStore` on interval_read and register_read.

    What comes is unpacked in threads: the event loop is free, and so is the connection.
    """

    def __init__(self, connection: AsyncConnection, partitions: Partitions) -> None:
        self._connection = connection
        self._partitions = partitions
        self._copying = asyncio.Lock()

    async def append_raw(
        self, intervals: IntervalReads, registers: RegisterReads, *, sure: bool
    ) -> tuple[IntervalReads, RegisterReads]:
        if len(intervals) + len(registers) <= FEW_READS:
            return await self._append_few(intervals, registers)
        return (
            await self._append_raw(INTERVALS, intervals, sure=sure),
            await self._append_raw(REGISTERS, registers, sure=sure),
        )

    DIFFERING = """
    SELECT position
    FROM unnest(%(channel_ids)s::integer[], %(starts)s::timestamptz[], %(values)s::bigint[])
         WITH ORDINALITY AS given (channel_id, start_utc, value, position)
    CROSS JOIN LATERAL (
        SELECT value FROM interval_read
        WHERE channel_id = given.channel_id AND start_utc = given.start_utc AND version = 0
        LIMIT 1
    ) stored
    WHERE stored.value <> given.value
    ORDER BY position
    """

    async def differing(self, intervals: IntervalReads) -> IntervalReads:
        parameters = {
            "channel_ids": intervals.channel_id.tolist(),
            "starts": [from_epoch_s(start_s) for start_s in intervals.start_s.tolist()],
            "values": intervals.value.tolist(),
        }
        cursor = await self._connection.execute(self.DIFFERING, parameters)
        rows = [position - 1 for (position,) in await cursor.fetchall()]
        return intervals.take(np.array(rows, np.int64))

    async def append_versions(self, intervals: IntervalReads) -> None:
        assert (intervals.version > RAW_VERSION).all(), "version 0 is what was received"
        if len(intervals):
            await self._ensure_partitions(INTERVALS, intervals)
            await self._copy_in(INTERVALS.statements.append, INTERVALS.pack(intervals))

    async def append_register_versions(self, registers: RegisterReads) -> None:
        if len(registers):
            await self._ensure_partitions(REGISTERS, registers)
            await self._copy_in(REGISTERS.statements.append, REGISTERS.pack(registers))

    async def intervals(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> IntervalReads:
        return await self._select(INTERVALS, period, channel_ids, as_of)

    async def unbroken(
        self, period: Period, *, interval_s: int, channel_ids: Sequence[int]
    ) -> IntervalReads:
        parameters = {
            "start_utc": period.start_utc,
            "end_utc": period.end_utc,
            "interval_s": interval_s,
            "channel_ids": Integers.of(channel_ids),
        }
        stream = await self._copy_out(unbroken.SELECT.encode(), parameters)
        return await asyncio.to_thread(unbroken.unpack, stream, interval_s=interval_s)

    NEWEST_KNOWN = """
    SELECT newest.recorded_at
    FROM unnest(%(channel_ids)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
         WITH ORDINALITY AS asked (channel_id, start_utc, end_utc, position)
    CROSS JOIN LATERAL (
        SELECT max(recorded_at) AS recorded_at FROM interval_read r
        WHERE r.channel_id = asked.channel_id AND r.version = 0
          AND r.start_utc >= asked.start_utc AND r.start_utc < asked.end_utc
          AND r.recorded_at <= %(as_of)s
    ) newest
    ORDER BY position
    """

    async def newest_known(
        self, stretches: Sequence[tuple[int, Period]], *, as_of: datetime
    ) -> Sequence[datetime | None]:
        parameters = {
            "channel_ids": Integers.of([channel_id for channel_id, _ in stretches]),
            "starts": [period.start_utc for _, period in stretches],
            "ends": [period.end_utc for _, period in stretches],
            "as_of": as_of,
        }
        cursor = await self._connection.execute(self.NEWEST_KNOWN, parameters)
        return [known_at for (known_at,) in await cursor.fetchall()]

    async def registers(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> RegisterReads:
        return await self._select(REGISTERS, period, channel_ids, as_of)

    async def newest(self, slots: int, channel_ids: range) -> tuple[IntervalReads, RegisterReads]:
        parameters = {"slots": slots, "first": channel_ids.start, "end": channel_ids.stop}
        intervals = await self._copy_out(INTERVALS.statements.newest, parameters)
        registers = await self._copy_out(REGISTERS.statements.newest, parameters)
        return (
            await asyncio.to_thread(INTERVALS.unpack, intervals),
            await asyncio.to_thread(REGISTERS.unpack, registers),
        )

    async def _append_few(
        self, intervals: IntervalReads, registers: RegisterReads
    ) -> tuple[IntervalReads, RegisterReads]:
        async with self._connection.cursor() as first, self._connection.cursor() as second:
            # In a pipeline both are on their way before the first answer is waited for.
            await self._store_few(first, INTERVALS, intervals)
            await self._store_few(second, REGISTERS, registers)
            return (
                await self._refused(first, INTERVALS, intervals),
                await self._refused(second, REGISTERS, registers),
            )

    async def _store_few(self, cursor: AsyncCursor, table: ReadTable[R], rows: R) -> None:
        if len(rows):
            assert (rows.version == RAW_VERSION).all(), "versions above 0 come by themselves"
            await self._ensure_partitions(table, rows)
            await cursor.execute(table.statements.store_few, table.parameters(rows))

    async def _refused(self, cursor: AsyncCursor, table: ReadTable[R], rows: R) -> R:
        """Return the rows whose key is taken; keep differing values as conflicts."""
        if len(rows) == 0:
            return rows
        positions = [position for (position,) in await cursor.fetchall()]
        refused = rows.take(np.array(positions, np.int64))
        if positions:
            await cursor.execute(table.statements.keep_few_conflicts, table.parameters(refused))
        return refused

    async def _append_raw(self, table: ReadTable[R], rows: R, *, sure: bool) -> R:
        """Store version 0 rows; return those whose key is taken."""
        assert (rows.version == RAW_VERSION).all(), "versions above 0 are appended by themselves"
        if len(rows) == 0:
            return rows
        await self._ensure_partitions(table, rows)
        if sure:
            try:
                async with self._connection.transaction():  # a savepoint: the batch goes on
                    await self._copy_in(table.statements.append, table.pack(rows))
            except UniqueViolation:
                pass  # the caller was wrong, and loses time only
            else:
                return rows.take(np.empty(0, np.int64))
        return await self._append_staged(table, rows)

    async def _append_staged(self, table: ReadTable[R], rows: R) -> R:
        """Store what is new by way of a private table; keep differing values as conflicts."""
        await self._connection.execute(table.statements.create_stage)
        await self._connection.execute(table.statements.clear_stage)
        await self._copy_in(table.statements.stage, table.pack_staged(rows))
        cursor = await self._connection.execute(table.statements.store_staged)
        positions = [position for (position,) in await cursor.fetchall()]
        if positions:
            await self._connection.execute(
                table.statements.keep_conflicts, {"positions": positions}
            )
        return rows.take(np.array(positions, np.int64))

    async def _select(
        self,
        table: ReadTable[R],
        period: Period,
        channel_ids: Sequence[int] | None,
        as_of: datetime | None,
    ) -> R:
        parameters: dict[str, object] = {
            "start_utc": period.start_utc,
            "end_utc": period.end_utc,
            "channel_ids": None if channel_ids is None else Integers.of(channel_ids),
            "as_of": as_of,
        }
        select = table.statements
        stream = await self._copy_out(select.select_plain, parameters)
        plain, others = await asyncio.to_thread(table.unpack_plain, stream)
        if len(others) == 0:
            return plain
        parameters["channel_ids"] = Integers.of(others)
        stream = await self._copy_out(select.select, parameters)
        return await asyncio.to_thread(table.unpack_beside, plain, stream)

    async def _ensure_partitions(self, table: ReadTable[R], rows: R) -> None:
        await self._partitions.ensure(table.name, months_of(table.times(rows)))

    async def _copy_in(self, statement: bytes, stream: Iterable[bytes | memoryview]) -> None:
        async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in stream:
                await copy.write(part)

    async def _copy_out(self, statement: bytes, parameters: Mapping[str, object]) -> bytes:
        async with (
            self._copying,
            self._connection.cursor() as cursor,
            cursor.copy(statement, parameters) as copy,
        ):
            return b"".join([bytes(part) async for part in copy])
