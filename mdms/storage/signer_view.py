"""What the signer sees of the daemon's tables; its role may read them and write none."""

from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.controls import Action, ControlState
from mdms.domain.registry import Commodity, Radio
from mdms.ports.signer import OpenOrder, Place


class PostgresSignerView:
    """Commands and the registry, read by the signer's own connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ORDER = """
    SELECT c.action, c.state, c.serial, c.radio_id, c.key_id, c.usage_point_id, c.cause,
           c.requested_by, c.not_before, c.not_after,
           ARRAY(SELECT DISTINCT actor FROM control_step s
                 WHERE s.control_id = c.control_id AND s.event = 'approved' ORDER BY actor)
               AS approved_by,
           m.serial AS place_serial, m.model, i.radio_id AS place_radio_id,
           i.usage_point_id AS place_usage_point_id, u.commodity, m.has_switch, i.pilot, i.radio,
           p.flags, p.transformer_id,
           EXISTS (SELECT FROM optout o WHERE o.badge = c.badge AND o.ended_at IS NULL
                   AND o.from_at <= %(now)s) AS opted_out,
           EXISTS (SELECT FROM radio_silence r
                   WHERE r.badge = c.badge AND r.on_at IS NULL) AS silent
    FROM control c
    LEFT JOIN (meter m
        JOIN meter_installation i ON i.badge = m.badge AND i.installed_at <= %(now)s
            AND (i.removed_at IS NULL OR i.removed_at > %(now)s)
        JOIN usage_point u ON u.usage_point_id = i.usage_point_id
        JOIN premise p ON p.premise_id = u.premise_id
    ) ON m.badge = c.badge
    WHERE c.control_id = %(command_id)s
    """

    async def order(self, command_id: UUID, now: datetime) -> OpenOrder | None:
        """Return a command as the daemon keeps it, and its meter's place as of now."""
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.ORDER, {"command_id": command_id, "now": now})
            row = await cursor.fetchone()
        if row is None:
            return None
        place = None
        if row["place_radio_id"] is not None:
            place = Place(
                serial=row["place_serial"],
                model=row["model"],
                radio_id=row["place_radio_id"],
                usage_point_id=row["place_usage_point_id"],
                commodity=Commodity(row["commodity"]),
                has_switch=row["has_switch"],
                pilot=row["pilot"],
                radio=Radio(row["radio"]),
                flags=tuple(row["flags"]),
                transformer_id=row["transformer_id"],
                opted_out=row["opted_out"],
                silent=row["silent"],
            )
        return OpenOrder(
            action=Action(row["action"]),
            state=ControlState(row["state"]),
            serial=row["serial"],
            radio_id=row["radio_id"],
            key_id=row["key_id"],
            usage_point_id=row["usage_point_id"],
            cause=row["cause"],
            requested_by=row["requested_by"],
            approved_by=tuple(row["approved_by"]),
            not_before=row["not_before"],
            not_after=row["not_after"],
            place=place,
        )

    PILOT = """
    SELECT count(*) FROM meter_installation i JOIN meter m USING (badge)
    WHERE m.has_switch AND i.pilot AND i.installed_at <= %(now)s
      AND (i.removed_at IS NULL OR i.removed_at > %(now)s)
    """

    async def pilot(self, now: datetime) -> int:
        """Return how many meters in place can be switched."""
        row = await (await self._connection.execute(self.PILOT, {"now": now})).fetchone()
        assert row is not None, "an aggregate has one row"
        count: int = row[0]
        return count
