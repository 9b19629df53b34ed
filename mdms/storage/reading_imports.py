"""Imports of files of reads as rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from mdms.domain.reading_imports import ImportState, ReadingImport, RefusedRow


class PostgresReadingImports:
    """`mdms.ports.ReadingImportStore` on reading_import and reading_import_refusal."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO reading_import
        (reading_import_id, name, format, zone, meter, sha256, size, imported_by, imported_at,
         state, interval_count, register_count, new_count, disputed_count, no_value_count,
         not_read_count, rounded_count, passed_over, totals, refused_count)
    VALUES
        (%(reading_import_id)s, %(name)s, %(format)s, %(zone)s, %(meter)s, %(sha256)s, %(size)s,
         %(imported_by)s, %(imported_at)s, %(state)s, %(interval_count)s, %(register_count)s,
         %(new_count)s, %(disputed_count)s, %(no_value_count)s, %(not_read_count)s,
         %(rounded_count)s, %(passed_over)s, %(totals)s, %(refused_count)s)
    ON CONFLICT (sha256, format, zone, meter) WHERE state = 'stored' DO NOTHING
    RETURNING reading_import_id
    """

    ADD_REFUSED = """
    COPY reading_import_refusal (reading_import_id, number, line, flaw, detail) FROM STDIN
    """

    async def add(self, taken: ReadingImport, refused: Sequence[RefusedRow]) -> bool:
        parameters = asdict(taken) | {
            "passed_over": Jsonb(dict(taken.passed_over)),
            "totals": Jsonb(dict(taken.totals)),
        }
        cursor = await self._connection.execute(self.ADD, parameters)
        if await cursor.fetchone() is None:
            return False
        async with cursor.copy(self.ADD_REFUSED) as copy:
            for number, row in enumerate(refused, start=1):
                await copy.write_row(
                    (taken.reading_import_id, number, row.line, row.flaw, row.detail)
                )
        return True

    STORED = """
    SELECT * FROM reading_import
    WHERE sha256 = %(sha256)s AND format = %(form)s AND zone = %(zone)s AND meter = %(meter)s
      AND state = 'stored'
    """

    async def stored(self, sha256: bytes, form: str, zone: str, meter: str) -> ReadingImport | None:
        found = await self._imports(self.STORED, sha256=sha256, form=form, zone=zone, meter=meter)
        return found[0] if found else None

    FIND = "SELECT * FROM reading_import WHERE reading_import_id = %(reading_import_id)s"

    async def find(self, reading_import_id: UUID) -> ReadingImport | None:
        found = await self._imports(self.FIND, reading_import_id=reading_import_id)
        return found[0] if found else None

    MADE_AT = """
    SELECT * FROM reading_import WHERE imported_at = %(at)s AND new_count > 0
    ORDER BY reading_import_id LIMIT 1
    """

    async def made_at(self, at: datetime) -> ReadingImport | None:
        found = await self._imports(self.MADE_AT, at=at)
        return found[0] if found else None

    SINCE = """
    SELECT * FROM reading_import
    WHERE imported_at >= %(at)s
      AND (%(before_at)s::timestamptz IS NULL
           OR (imported_at, reading_import_id) < (%(before_at)s, %(before_id)s::uuid))
    ORDER BY imported_at DESC, reading_import_id DESC LIMIT %(count_max)s
    """

    async def since(
        self,
        at: datetime,
        *,
        before: tuple[datetime, UUID] | None = None,
        count_max: int,
    ) -> Sequence[ReadingImport]:
        before_at, before_id = before or (None, None)
        return await self._imports(
            self.SINCE, at=at, before_at=before_at, before_id=before_id, count_max=count_max
        )

    REFUSED = """
    SELECT number, line, flaw, detail FROM reading_import_refusal
    WHERE reading_import_id = %(reading_import_id)s AND number > %(after)s
    ORDER BY number LIMIT %(count_max)s
    """

    async def refused(
        self, reading_import_id: UUID, *, after: int, count_max: int
    ) -> Sequence[tuple[int, RefusedRow]]:
        cursor = await self._connection.execute(
            self.REFUSED,
            {"reading_import_id": reading_import_id, "after": after, "count_max": count_max},
        )
        return [
            (number, RefusedRow(line, flaw, detail))
            for number, line, flaw, detail in await cursor.fetchall()
        ]

    async def _imports(self, statement: str, **values: object) -> list[ReadingImport]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return [_import(row) for row in await cursor.fetchall()]


def _import(row: dict[str, Any]) -> ReadingImport:
    return ReadingImport(**(row | {"state": ImportState(row["state"])}))
