"""Field orders as rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.field_orders import FieldOrder


class PostgresFieldOrders:
    """`mdms.ports.FieldOrderStore` on field_order."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    OPEN = """
    INSERT INTO field_order (field_order_id, badge, usage_point_id, control_id, reason, detail,
                             is_safety, opened_at, closed_at, closed_by, outcome)
    VALUES (%(field_order_id)s, %(badge)s, %(usage_point_id)s, %(control_id)s, %(reason)s,
            %(detail)s, %(is_safety)s, %(opened_at)s, %(closed_at)s, %(closed_by)s, %(outcome)s)
    ON CONFLICT (badge, reason) WHERE closed_at IS NULL DO NOTHING
    RETURNING field_order_id
    """

    async def open(self, order: FieldOrder) -> bool:
        cursor = await self._connection.execute(self.OPEN, asdict(order))
        return await cursor.fetchone() is not None

    FIND = "SELECT * FROM field_order WHERE field_order_id = %(field_order_id)s"

    async def find(self, field_order_id: UUID) -> FieldOrder | None:
        found = await self._orders(self.FIND, field_order_id=field_order_id)
        return found[0] if found else None

    EVERY = """
    SELECT * FROM field_order
    WHERE (closed_at IS NULL OR NOT %(open_only)s)
      AND (%(after)s::uuid IS NULL
           OR (closed_at IS NOT NULL, NOT is_safety, opened_at, field_order_id) > (
               SELECT closed_at IS NOT NULL, NOT is_safety, opened_at, field_order_id
               FROM field_order WHERE field_order_id = %(after)s))
    ORDER BY closed_at IS NOT NULL, NOT is_safety, opened_at, field_order_id
    LIMIT %(count_max)s
    """

    async def every(
        self, *, open_only: bool, after: UUID | None = None, count_max: int
    ) -> Sequence[FieldOrder]:
        return await self._orders(self.EVERY, open_only=open_only, after=after, count_max=count_max)

    OF_CONTROL = """
    SELECT * FROM field_order WHERE control_id = %(control_id)s ORDER BY opened_at
    """

    async def of_control(self, control_id: UUID) -> Sequence[FieldOrder]:
        return await self._orders(self.OF_CONTROL, control_id=control_id)

    CLOSE = """
    UPDATE field_order SET closed_at = %(at)s, closed_by = %(by)s, outcome = %(outcome)s
    WHERE field_order_id = %(field_order_id)s AND closed_at IS NULL
    """

    async def close(self, field_order_id: UUID, at: datetime, by: str, outcome: str) -> None:
        await self._connection.execute(
            self.CLOSE, {"field_order_id": field_order_id, "at": at, "by": by, "outcome": outcome}
        )

    async def _orders(self, statement: str, **values: object) -> list[FieldOrder]:
        async with self._connection.cursor(row_factory=class_row(FieldOrder)) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()
