"""Sums over customers: from frozen determinants, and a ledger of those that were told."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mdms.domain.aggregates import Cut, LedgerLine, Part
from mdms.domain.registry import Commodity


class PostgresAggregates:
    """`mdms.ports.AggregateStore` on current_determinant and personal.aggregate_release."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def alone(self) -> None:
        await self._connection.execute(
            "LOCK TABLE personal.aggregate_release IN ACCESS EXCLUSIVE MODE"
        )

    # A customer stands in one group: where most of what was billed went through.
    PARTS = """
    WITH billed AS (
        SELECT d.account_id, sum(d.usage_units)::numeric AS amount,
               CASE %(cut)s WHEN 'feeder' THEN coalesce(t.feeder_id, '')
                            WHEN 'water_zone' THEN p.water_zone
                            WHEN 'kind' THEN p.kind
                            WHEN 'service_class' THEN u.service_class
                            ELSE '' END AS member
        FROM current_determinant d
        JOIN channel c USING (channel_id)
        JOIN usage_point u ON u.usage_point_id = d.usage_point_id
        JOIN premise p ON p.premise_id = u.premise_id
        LEFT JOIN transformer t USING (transformer_id)
        WHERE u.commodity = %(commodity)s AND c.channel = 0
          AND d.window_end >= %(month)s AND d.window_end < %(month)s + interval '1 month'
        GROUP BY d.account_id, member
    ), placed AS (
        SELECT account_id, sum(amount) AS amount,
               (array_agg(member ORDER BY amount DESC, member))[1] AS member
        FROM billed GROUP BY account_id
    )
    SELECT member, account_id, a.customer_type = 'residential' AS residential,
           %(month)s::date AS month, amount
    FROM placed JOIN account a USING (account_id)
    ORDER BY member, account_id
    """

    async def parts(self, commodity: Commodity, month: date, cut: Cut) -> Sequence[Part]:
        wanted = {"commodity": commodity, "month": month, "cut": cut}
        async with self._connection.cursor(row_factory=class_row(Part)) as cursor:
            await cursor.execute(self.PARTS, wanted)
            return await cursor.fetchall()

    TOLD = """
    SELECT release_id, at, by, quantity, month, cut, member, total, code
    FROM personal.aggregate_release
    WHERE quantity = %(quantity)s AND month = %(month)s AND total IS NOT NULL
    ORDER BY release_id
    """
    MADE_OF = """
    SELECT %(member)s::text AS member, account_id, residential, %(month)s::date AS month, amount
    FROM personal.aggregate_part WHERE release_id = %(release_id)s
    """

    async def told(self, quantity: str, month: date) -> Mapping[LedgerLine, Sequence[Part]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.TOLD, {"quantity": quantity, "month": month})
            rows = await cursor.fetchall()
        found: dict[LedgerLine, Sequence[Part]] = {}
        for row in rows:
            release_id, line = row.pop("release_id"), _line(row)
            wanted = {"release_id": release_id, "member": line.member, "month": month}
            async with self._connection.cursor(row_factory=class_row(Part)) as cursor:
                await cursor.execute(self.MADE_OF, wanted)
                found[line] = await cursor.fetchall()
        return found

    ENTER = """
    INSERT INTO personal.aggregate_release
        (at, by, quantity, month, cut, member, total, code)
    VALUES (%(at)s, %(by)s, %(quantity)s, %(month)s, %(cut)s, %(member)s, %(total)s, %(code)s)
    RETURNING release_id
    """
    ENTER_PARTS = """
    INSERT INTO personal.aggregate_part (release_id, account_id, residential, amount)
    SELECT %(release_id)s, * FROM unnest(
        %(account_ids)s::text[], %(residential)s::boolean[], %(amounts)s::numeric[])
    """

    async def enter(self, line: LedgerLine, parts: Sequence[Part]) -> None:
        cursor = await self._connection.execute(self.ENTER, asdict(line))
        row = await cursor.fetchone()
        assert row is not None, "an insert returns its row"
        made_of = {
            "release_id": row[0],
            "account_ids": [part.account_id for part in parts],
            "residential": [part.residential for part in parts],
            "amounts": [part.amount for part in parts],
        }
        await self._connection.execute(self.ENTER_PARTS, made_of)

    LINES = """
    SELECT release_id, at, by, quantity, month, cut, member, total, code
    FROM personal.aggregate_release
    WHERE release_id < %(before)s OR %(before)s::bigint IS NULL
    ORDER BY release_id DESC
    LIMIT %(limit)s
    """

    async def lines(self, *, before: int | None, limit: int) -> Sequence[tuple[int, LedgerLine]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.LINES, {"before": before, "limit": limit})
            rows = await cursor.fetchall()
        return [(row.pop("release_id"), _line(row)) for row in rows]


def _line(row: dict[str, Any]) -> LedgerLine:
    return LedgerLine(**row | {"cut": Cut(row["cut"])})
