"""Who looked at whose data, as rows that are appended only."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.customers import Look


class PostgresAccessLog:
    """`mdms.ports.AccessLogStore` on personal.access_log."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Of a place without accounts: itself if it is one, else whoever was served there in those days.
    NOTE = """
    INSERT INTO personal.access_log
        (at, by, role, data, place, account_ids, first_on, last_on, purpose, code)
    SELECT %(at)s, %(by)s, %(role)s, %(data)s, %(place)s,
           CASE WHEN cardinality(%(account_ids)s::text[]) > 0 OR %(place)s = ''
                THEN %(account_ids)s::text[]
                ELSE ARRAY(
                    SELECT account_id FROM account WHERE account_id = %(place)s
                    UNION
                    SELECT a.account_id
                    FROM agreement a
                    WHERE (a.usage_point_id = %(place)s
                           OR a.usage_point_id IN (SELECT i.usage_point_id
                                                   FROM meter_installation i
                                                   WHERE i.badge = %(place)s))
                      AND a.start_on <= coalesce(%(last_on)s, 'infinity'::date)
                      AND (a.end_on IS NULL
                           OR a.end_on > coalesce(%(first_on)s, '-infinity'::date))
                    ORDER BY 1) END,
           %(first_on)s, %(last_on)s, %(purpose)s, %(code)s
    """

    async def note(self, look: Look) -> None:
        row = asdict(look)
        await self._connection.execute(self.NOTE, row | {"account_ids": list(look.account_ids)})

    LOOKS = """
    SELECT access_id, at, by, role, data, place, account_ids, first_on, last_on, purpose, code
    FROM personal.access_log
    WHERE (account_ids @> ARRAY[%(account_id)s::text] OR account_ids = '{}' AND place = ''
           OR %(account_id)s::text IS NULL)
      AND (by = %(by)s OR %(by)s::text IS NULL)
      AND (access_id < %(before)s OR %(before)s::bigint IS NULL)
    ORDER BY access_id DESC
    LIMIT %(limit)s
    """

    async def looks(
        self, *, account_id: str | None, by: str | None, before: int | None, limit: int
    ) -> Sequence[tuple[int, Look]]:
        wanted = {"account_id": account_id, "by": by, "before": before, "limit": limit}
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.LOOKS, wanted)
            rows = await cursor.fetchall()
        return [
            (row.pop("access_id"), Look(**row | {"account_ids": tuple(row["account_ids"])}))
            for row in rows
        ]

    FORGET = "DELETE FROM personal.access_log WHERE at < %(first_kept)s"

    async def forget(self, first_kept: date) -> int:
        cursor = await self._connection.execute(self.FORGET, {"first_kept": first_kept})
        return cursor.rowcount
