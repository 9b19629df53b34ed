"""Opt-outs, and the times for which a radio was silent."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.controls import Optout


class PostgresOptouts:
    """`mdms.ports.OptoutStore` on optout and radio_silence."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD = """
    INSERT INTO optout
        (optout_id, badge, from_at, reason, requested_by, requested_at, ended_at, ended_by)
    VALUES (%(optout_id)s, %(badge)s, %(from_at)s, %(reason)s, %(requested_by)s, %(requested_at)s,
            %(ended_at)s, %(ended_by)s)
    """

    async def add(self, optout: Optout) -> None:
        await self._connection.execute(self.ADD, asdict(optout))

    END = """
    UPDATE optout SET ended_at = %(at)s, ended_by = %(by)s
    WHERE optout_id = %(optout_id)s AND ended_at IS NULL
    """

    async def end(self, optout_id: UUID, at: datetime, by: str) -> None:
        await self._connection.execute(self.END, {"optout_id": optout_id, "at": at, "by": by})

    SELECT = """
    SELECT optout_id, badge, from_at, reason, requested_by, requested_at, ended_at, ended_by
    FROM optout
    WHERE (%(optout_id)s::uuid IS NULL OR optout_id = %(optout_id)s)
      AND (%(badge)s::text IS NULL OR badge = %(badge)s AND ended_at IS NULL)
    ORDER BY optout_id
    """

    async def find(self, optout_id: UUID) -> Optout | None:
        found = await self._select(optout_id=optout_id)
        return found[0] if found else None

    async def in_force(self, badge: str) -> Optout | None:
        found = await self._select(badge=badge)
        return found[0] if found else None

    async def every(self) -> Sequence[Optout]:
        return await self._select()

    async def _select(
        self, *, optout_id: UUID | None = None, badge: str | None = None
    ) -> list[Optout]:
        async with self._connection.cursor(row_factory=class_row(Optout)) as cursor:
            await cursor.execute(self.SELECT, {"optout_id": optout_id, "badge": badge})
            return await cursor.fetchall()

    # A radio that is silent already stays so from the first instant.
    SILENCE = """
    INSERT INTO radio_silence (badge, off_at, control_id)
    SELECT %(badge)s, %(off_at)s, %(control_id)s
    WHERE NOT EXISTS (SELECT FROM radio_silence WHERE badge = %(badge)s AND on_at IS NULL)
    """

    async def silence(self, badge: str, off_at: datetime, control_id: UUID) -> None:
        await self._connection.execute(
            self.SILENCE, {"badge": badge, "off_at": off_at, "control_id": control_id}
        )

    UNSILENCE = """
    UPDATE radio_silence SET on_at = %(on_at)s WHERE badge = %(badge)s AND on_at IS NULL
    """

    async def unsilence(self, badge: str, on_at: datetime) -> None:
        await self._connection.execute(self.UNSILENCE, {"badge": badge, "on_at": on_at})

    UNSILENCED = """
    SELECT optout_id, badge, from_at, reason, requested_by, requested_at, ended_at, ended_by
    FROM optout
    WHERE ended_at IS NULL AND from_at <= %(at)s
      AND NOT EXISTS (
          SELECT FROM radio_silence
          WHERE radio_silence.badge = optout.badge AND radio_silence.on_at IS NULL
      )
    ORDER BY optout_id
    """

    async def unsilenced(self, at: datetime) -> Sequence[Optout]:
        async with self._connection.cursor(row_factory=class_row(Optout)) as cursor:
            await cursor.execute(self.UNSILENCED, {"at": at})
            return await cursor.fetchall()

    SILENCED_STILL = """
    SELECT DISTINCT ON (o.badge) o.optout_id, o.badge, o.from_at, o.reason, o.requested_by,
           o.requested_at, o.ended_at, o.ended_by
    FROM optout o
    JOIN radio_silence s ON s.badge = o.badge AND s.on_at IS NULL
    JOIN meter_installation i ON i.badge = o.badge AND i.removed_at IS NULL
    JOIN usage_point u USING (usage_point_id)
    WHERE u.commodity = 'electric'
      AND NOT EXISTS (SELECT FROM optout f WHERE f.badge = o.badge AND f.ended_at IS NULL)
    ORDER BY o.badge, o.ended_at DESC
    """

    async def silenced_still(self) -> Sequence[Optout]:
        async with self._connection.cursor(row_factory=class_row(Optout)) as cursor:
            await cursor.execute(self.SILENCED_STILL)
            return await cursor.fetchall()

    SILENT = "SELECT FROM radio_silence WHERE badge = %(badge)s AND on_at IS NULL"

    async def silent(self, badge: str) -> bool:
        cursor = await self._connection.execute(self.SILENT, {"badge": badge})
        return await cursor.fetchone() is not None
