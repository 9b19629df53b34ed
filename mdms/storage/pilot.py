"""
The pilot as rows: steps are appended, and the flag of the meter in place follows the last one.

Judgement, budgets and signer read the flag. An import of the registry asks the steps first, so that
a file made before a decision does not undo it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.pilot import PilotMeter, PilotPlace, PilotStep
from mdms.domain.registry import Commodity, PremiseKind


class PostgresPilot:
    """`mdms.ports.PilotStore` on pilot_step and meter_installation."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        await self._connection.execute("LOCK TABLE pilot_step IN SHARE ROW EXCLUSIVE MODE")

    COUNT = """
    SELECT count(*) FROM meter_installation
    WHERE pilot AND installed_at <= %(at)s AND (removed_at IS NULL OR removed_at > %(at)s)
    """

    async def count(self, at: datetime) -> int:
        row = await (await self._connection.execute(self.COUNT, {"at": at})).fetchone()
        assert row is not None, "an aggregate has one row"
        count: int = row[0]
        return count

    # A badge wins over a usage point of the same name, as in PostgresRegistry.PLACE.
    PLACE = """
    SELECT m.badge, i.usage_point_id, m.model, u.commodity, p.kind AS premise_kind, m.has_switch,
           i.pilot AS enrolled
    FROM meter m
    JOIN meter_installation i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE (m.badge = %(name)s OR i.usage_point_id = %(name)s)
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY m.badge = %(name)s DESC, i.installed_at DESC
    LIMIT 1
    """

    async def place(self, name: str, at: datetime) -> PilotPlace | None:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.PLACE, {"name": name, "at": at})
            row = await cursor.fetchone()
        if row is None:
            return None
        row["commodity"] = Commodity(row["commodity"])
        row["premise_kind"] = PremiseKind(row["premise_kind"])
        return PilotPlace(**row)

    ADD = """
    WITH step AS (
        INSERT INTO pilot_step (usage_point_id, enrolled, at, by, reason)
        VALUES (%(usage_point_id)s, %(enrolled)s, %(at)s, %(by)s, %(reason)s)
    )
    UPDATE meter_installation SET pilot = %(enrolled)s
    WHERE usage_point_id = %(usage_point_id)s AND (removed_at IS NULL OR removed_at > %(at)s)
    """

    async def add(self, step: PilotStep) -> None:
        await self._connection.execute(self.ADD, asdict(step))

    METERS = """
    SELECT badge, usage_point_id, m.has_switch, last.enrolled, last.at, last.by, last.reason
    FROM meter_installation i
    JOIN meter m USING (badge)
    LEFT JOIN LATERAL (
        SELECT enrolled, at, by, reason FROM pilot_step s
        WHERE s.usage_point_id = i.usage_point_id ORDER BY number DESC LIMIT 1
    ) last ON true
    WHERE i.pilot AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY badge
    """

    async def meters(self, at: datetime) -> Sequence[PilotMeter]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.METERS, {"at": at})
            return [_meter(row) for row in await cursor.fetchall()]


def _meter(row: dict[str, Any]) -> PilotMeter:
    last = None
    if row["at"] is not None:
        names = ("usage_point_id", "enrolled", "at", "by", "reason")
        last = PilotStep(**{name: row[name] for name in names})
    return PilotMeter(row["badge"], row["usage_point_id"], row["has_switch"], last)
