"""How far collectors have counted, and the batches that are missing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mdms.domain.gaps import BatchCount, CountChange, Hole, Span
from mdms.storage.arrays import Packed
from mdms.storage.copy_binary import BIGINT
from mdms.storage.pipelines import row_count


class PostgresGaps:
    """`mdms.ports.GapStore` on batch_count and sequence_hole."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Locked: two consumers of one collector's batches take turns.
    COUNTS = """
    SELECT collector_id, boot_id, base_seq, top_seq, newest_us, since_us
    FROM batch_count WHERE collector_id = ANY(%(collector_ids)s) ORDER BY collector_id FOR UPDATE
    """

    HOLES = """
    SELECT hole_id, collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at,
           asked_count, lost_at
    FROM sequence_hole
    WHERE (%(collector_ids)s::bigint[] IS NULL OR collector_id = ANY(%(collector_ids)s))
      AND (%(lost)s OR lost_at IS NULL)
    ORDER BY collector_id, first_seq NULLS FIRST, hole_id
    """

    async def holes(
        self, collector_ids: Iterable[int] | None = None, *, lost: bool = False
    ) -> Sequence[Hole]:
        named = None if collector_ids is None else list(collector_ids)
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.HOLES, {"collector_ids": named, "lost": lost})
            return [_hole(row) for row in await cursor.fetchall()]

    async def counted(
        self, collector_ids: Iterable[int]
    ) -> tuple[Mapping[int, BatchCount], Sequence[Hole]]:
        named = list(collector_ids)
        async with (
            self._connection.cursor(row_factory=class_row(BatchCount)) as counts,
            self._connection.cursor(row_factory=dict_row) as holes,
        ):
            # Both are asked before the first answer is waited for.
            await counts.execute(self.COUNTS, {"collector_ids": named})
            await holes.execute(self.HOLES, {"collector_ids": named, "lost": False})
            return (
                {count.collector_id: count for count in await counts.fetchall()},
                [_hole(row) for row in await holes.fetchall()],
            )

    GIVEN_UP = """
    SELECT hole_id, collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at,
           asked_count, lost_at
    FROM sequence_hole h
    WHERE lost_at IS NOT NULL AND EXISTS (
        SELECT FROM unnest(%(collector_ids)b::bigint[], %(seqs)b::bigint[]) came (collector_id, seq)
        WHERE came.collector_id = h.collector_id
          AND came.seq BETWEEN h.first_seq AND h.last_seq
    )
    ORDER BY hole_id
    """

    async def given_up(self, batches: Iterable[tuple[int, int]]) -> Sequence[Hole]:
        collector_ids, seqs = zip(*batches, strict=True)
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            parameters = {
                "collector_ids": Packed.of(BIGINT, collector_ids),
                "seqs": Packed.of(BIGINT, seqs),
            }
            await cursor.execute(self.GIVEN_UP, parameters)
            return [_hole(row) for row in await cursor.fetchall()]

    MOVE_ON = """
    INSERT INTO batch_count (collector_id, boot_id, base_seq, top_seq, newest_us, since_us)
    SELECT * FROM unnest(
        %(collector_id)b::bigint[], %(boot_id)b::bigint[], %(base_seq)b::bigint[],
        %(top_seq)b::bigint[], %(newest_us)b::bigint[], %(since_us)b::bigint[]
    )
    ON CONFLICT (collector_id) DO UPDATE
    SET boot_id = EXCLUDED.boot_id, base_seq = EXCLUDED.base_seq, top_seq = EXCLUDED.top_seq,
        newest_us = EXCLUDED.newest_us, since_us = EXCLUDED.since_us
    """

    async def move_on(self, changes: Sequence[CountChange], at: datetime, due_at: datetime) -> None:
        columns = {
            name: [getattr(change.count, name) for change in changes]
            for name in BatchCount.__slots__
        }
        await self._connection.execute(self.MOVE_ON, columns)
        for change in changes:
            collector_id = change.count.collector_id
            await self.open(collector_id, change.opened, at, due_at)
            await self.open(collector_id, change.lost, at, due_at, lost_at=at)
            for hole_id, spans in change.remaining.items():
                await self._leave(hole_id, spans)

    OPEN = """
    INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at,
                               due_at, lost_at)
    VALUES (%(collector_id)s, %(first_seq)s, %(last_seq)s, %(from_us)s, %(to_us)s, %(at)s,
            %(due_at)s, %(lost_at)s)
    """

    async def open(
        self,
        collector_id: int,
        spans: Sequence[Span],
        at: datetime,
        due_at: datetime,
        *,
        lost_at: datetime | None = None,
    ) -> None:
        if not spans:
            return
        same = {"collector_id": collector_id, "at": at, "due_at": due_at, "lost_at": lost_at}
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.OPEN, [same | _columns(span) for span in spans])

    # The rest of a hole keeps its history: the first piece its row, each other one a copy.
    COPY = """
    INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at,
                               due_at, asked_count, lost_at)
    SELECT collector_id, %(first_seq)s, %(last_seq)s, %(from_us)s, %(to_us)s, opened_at,
           due_at, asked_count, lost_at
    FROM sequence_hole WHERE hole_id = %(hole_id)s
    """
    SHRINK = """
    UPDATE sequence_hole
    SET first_seq = %(first_seq)s, last_seq = %(last_seq)s,
        from_us = %(from_us)s, to_us = %(to_us)s
    WHERE hole_id = %(hole_id)s
    """
    CLOSE = "DELETE FROM sequence_hole WHERE hole_id = %(hole_id)s"

    async def _leave(self, hole_id: int, spans: Sequence[Span]) -> None:
        if not spans:
            await self._connection.execute(self.CLOSE, {"hole_id": hole_id})
            return
        first, *others = (_columns(span) | {"hole_id": hole_id} for span in spans)
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.COPY, others)
            await cursor.execute(self.SHRINK, first)

    ASKED = """
    UPDATE sequence_hole SET asked_count = asked_count + 1, due_at = %(due_at)s
    WHERE hole_id = %(hole_id)s
    """

    async def asked(self, due_at: Mapping[int, datetime]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self.ASKED, [{"hole_id": key, "due_at": due} for key, due in due_at.items()]
            )

    DUE_NOW = """
    UPDATE sequence_hole SET due_at = least(due_at, %(at)s)
    WHERE collector_id = ANY(%(collector_ids)s) AND lost_at IS NULL
    """

    async def due_now(self, collector_ids: Iterable[int], at: datetime) -> None:
        await self._connection.execute(
            self.DUE_NOW, {"collector_ids": list(collector_ids), "at": at}
        )

    LOSE = "UPDATE sequence_hole SET lost_at = %(at)s WHERE hole_id = ANY(%(hole_ids)s)"

    async def lose(self, hole_ids: Iterable[int], at: datetime) -> None:
        await self._connection.execute(self.LOSE, {"hole_ids": list(hole_ids), "at": at})

    FORGET = "DELETE FROM sequence_hole WHERE lost_at < %(first_kept)s"

    async def forget(self, first_kept: date) -> int:
        cursor = await self._connection.execute(self.FORGET, {"first_kept": first_kept})
        return cursor.rowcount

    HURRY = """
    UPDATE sequence_hole SET due_at = %(at)s, opened_at = %(at)s, asked_count = 0, lost_at = NULL
    WHERE %(collector_id)s::bigint IS NULL OR collector_id = %(collector_id)s
    """

    async def hurry(self, at: datetime, *, collector_id: int | None = None) -> int:
        cursor = await self._connection.execute(
            self.HURRY, {"at": at, "collector_id": collector_id}
        )
        return await row_count(self._connection, cursor)


def _columns(span: Span) -> dict[str, int | None]:
    return {name: getattr(span, name) for name in Span.__slots__}


def _hole(row: dict[str, Any]) -> Hole:
    span = Span(**{name: row.pop(name) for name in Span.__slots__})
    return Hole(span=span, **row)
