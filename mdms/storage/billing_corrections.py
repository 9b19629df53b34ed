"""Corrections of what was billed, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from mdms.ports.billing import Correction

_AS_LIST = ("causes", "flags")


class PostgresCorrections:
    """`mdms.ports.CorrectionStore` on billing_correction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO billing_correction
        (window_start, window_end, usage_point_id, period, revision, account_id, found_at,
         found_by, changes, causes, flags, treatment, notice_by, old_hash, new_hash, noticed_at,
         noticed_by, proposed)
    VALUES
        (%(window_start)s, %(window_end)s, %(usage_point_id)s, %(period)s, %(revision)s,
         %(account_id)s, %(found_at)s, %(found_by)s, %(changes)s, %(causes)s, %(flags)s,
         %(treatment)s, %(notice_by)s, %(old_hash)s, %(new_hash)s, %(noticed_at)s,
         %(noticed_by)s, %(proposed)s)
    ON CONFLICT (window_start, window_end, usage_point_id, period, revision, new_hash, treatment)
    DO UPDATE SET proposed = false
    WHERE billing_correction.proposed AND NOT EXCLUDED.proposed
    RETURNING number
    """

    async def add(self, correction: Correction) -> int | None:
        row = asdict(correction)
        row |= {name: list(row[name]) for name in _AS_LIST} | {"changes": Jsonb(row["changes"])}
        found = await (await self._connection.execute(self.ADD, row)).fetchone()
        return None if found is None else int(found[0])

    SELECT = """
    SELECT window_start, window_end, usage_point_id, period, revision, account_id, found_at,
           found_by, changes, causes, flags, treatment, notice_by, old_hash, new_hash,
           noticed_at, noticed_by, number, proposed
    FROM billing_correction
    WHERE (%(number)s::bigint IS NULL OR number = %(number)s)
      AND (%(window_start)s::date IS NULL
           OR (window_start, window_end) = (%(window_start)s, %(window_end)s))
      AND (noticed_at IS NULL OR NOT %(untold_only)s)
    ORDER BY notice_by, number
    """

    async def find(self, number: int) -> Correction | None:
        rows = await self._select(number=number)
        return rows[0] if rows else None

    async def of_window(self, window_start: date, window_end: date) -> Sequence[Correction]:
        return await self._select(window_start=window_start, window_end=window_end)

    async def every(self, *, untold_only: bool) -> Sequence[Correction]:
        return await self._select(untold_only=untold_only)

    WITHDRAW = "DELETE FROM billing_correction WHERE proposed AND number = ANY(%(numbers)s)"

    async def withdraw(self, numbers: Sequence[int]) -> None:
        await self._connection.execute(self.WITHDRAW, {"numbers": list(numbers)})

    OVERTAKE = """
    INSERT INTO billing_overtaken (window_start, window_end, channel_id)
    SELECT DISTINCT window_start, window_end, channel_id
    FROM billing_determinant
    WHERE window_start - 3 <= %(last)s AND window_end + 3 >= %(first)s
      AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
    ORDER BY window_start, window_end, channel_id
    ON CONFLICT DO NOTHING
    """

    async def overtake(
        self, days: tuple[date, date], channel_ids: Sequence[int] | None = None
    ) -> None:
        named = None if channel_ids is None else [int(each) for each in channel_ids]
        moved = {"first": days[0], "last": days[1], "channel_ids": named}
        await self._connection.execute(self.OVERTAKE, moved)

    OVERTAKEN = """
    SELECT window_start, window_end, array_agg(channel_id)
    FROM billing_overtaken GROUP BY window_start, window_end ORDER BY window_start, window_end
    """

    async def overtaken(self) -> Mapping[tuple[date, date], frozenset[int]]:
        cursor = await self._connection.execute(self.OVERTAKEN)
        return {(start, end): frozenset(ids) for start, end, ids in await cursor.fetchall()}

    LOOKED_AT = """
    DELETE FROM billing_overtaken
    WHERE (window_start, window_end) = (%(window_start)s, %(window_end)s)
    """

    async def looked_at(self, window_start: date, window_end: date) -> None:
        window = {"window_start": window_start, "window_end": window_end}
        await self._connection.execute(self.LOOKED_AT, window)

    TOLD = """
    UPDATE billing_correction SET noticed_at = %(at)s, noticed_by = %(by)s
    WHERE number = %(number)s AND noticed_at IS NULL
    RETURNING number
    """

    async def told(self, number: int, at: datetime, by: str) -> bool:
        said = {"number": number, "at": at, "by": by}
        return await (await self._connection.execute(self.TOLD, said)).fetchone() is not None

    async def _select(
        self,
        *,
        number: int | None = None,
        window_start: date | None = None,
        window_end: date | None = None,
        untold_only: bool = False,
    ) -> list[Correction]:
        wanted = {
            "number": number,
            "window_start": window_start,
            "window_end": window_end,
            "untold_only": untold_only,
        }
        async with self._connection.cursor(row_factory=kwargs_row(_correction)) as cursor:
            await cursor.execute(self.SELECT, wanted)
            return await cursor.fetchall()


def _correction(*, changes: dict[str, list[int]], **row: Any) -> Correction:
    pairs = {name: (old, new) for name, (old, new) in changes.items()}
    return Correction(changes=pairs, **row | {name: tuple(row[name]) for name in _AS_LIST})
