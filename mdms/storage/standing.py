"""How a meter stands, from registry, radio and events; and how many switches stand open."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.controls import ControlApproval, first_id
from mdms.domain.registry import Commodity, Meter, MeterPlace, Radio
from mdms.domain.time import Period
from mdms.ports.standing import OpenCount, SignedOpen, Standing, Surroundings, Watched
from mdms.storage.controls import PostgresControls, control_of

_PLACE = (
    "badge", "serial", "radio_id", "usage_point_id", "model", "installed_at", "removed_at",
    "has_switch", "pilot", "radio", "register_dials", "register_resolution", "multiplier", "key_id",
)  # fmt: skip

_DAY = timedelta(days=1)


class PostgresStanding:
    """`mdms.ports.StandingStore` on registry, reads, events and commands."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # Codes of events: mdms.domain.events.
    OF = """
    SELECT m.badge, m.serial, i.radio_id, i.usage_point_id, m.model, i.installed_at, i.removed_at,
           m.has_switch, i.pilot, i.radio, m.register_dials, m.register_resolution, i.multiplier,
           m.key_id, u.commodity, p.flags, p.premise_id,
           coalesce(p.transformer_id, '') AS transformer_id,
           (SELECT a.account_id FROM agreement a, utility z
            WHERE a.usage_point_id = i.usage_point_id
              AND a.start_on <= (%(at)s AT TIME ZONE z.zone)::date
            ORDER BY a.start_on DESC LIMIT 1) AS account_id,
           EXISTS (SELECT FROM optout o WHERE o.badge = m.badge AND o.ended_at IS NULL
                   AND o.from_at <= %(at)s) AS opted_out,
           EXISTS (SELECT FROM radio_silence s
                   WHERE s.badge = m.badge AND s.on_at IS NULL) AS silent,
           (SELECT max(r.at_utc) FROM channel c JOIN register_read r USING (channel_id)
            WHERE c.badge = m.badge AND r.version = 0 AND r.at_utc > %(heard_after)s) AS heard_at,
           (SELECT max(at_utc) FROM end_device_event e
            WHERE e.badge = m.badge AND e.code = 1) AS failed_at,
           (SELECT max(at_utc) FROM end_device_event e
            WHERE e.badge = m.badge AND e.code = 2) AS restored_at,
           (SELECT max(at_utc) FROM end_device_event e
            WHERE e.badge = m.badge AND e.code = 17 AND NOT e.cleared) AS hot_at,
           (SELECT max(at_utc) FROM end_device_event e
            WHERE e.badge = m.badge AND e.code = 17 AND e.cleared) AS cooled_at,
           (SELECT max(at_utc) FROM end_device_event e
            WHERE e.badge = m.badge AND e.code = 16 AND NOT e.cleared) AS load_side_at
    FROM meter m
    JOIN meter_installation i USING (badge)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE m.badge = %(badge)s
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY i.installed_at DESC LIMIT 1
    """

    async def of(self, badge: str, at: datetime, heard_after: datetime) -> Standing | None:
        return _standing(await self._rows(self.OF, badge=badge, at=at, heard_after=heard_after))

    async def around(
        self, badge: str, control_id: UUID, at: datetime, heard_after: datetime
    ) -> Surroundings:
        async with (
            self._connection.cursor(row_factory=dict_row) as standing,
            self._connection.cursor(row_factory=dict_row) as commands,
            self._connection.cursor(row_factory=dict_row) as approvals,
        ):
            # All three are asked before the first answer is waited for.
            await standing.execute(self.OF, {"badge": badge, "at": at, "heard_after": heard_after})
            await commands.execute(PostgresControls.OF_METER, {"badge": badge})
            await approvals.execute(PostgresControls.APPROVALS, {"control_id": control_id})
            return Surroundings(
                _standing(await standing.fetchall()),
                [control_of(row) for row in await commands.fetchall()],
                [ControlApproval(**row) for row in await approvals.fetchall()],
            )

    # Energy delivered: wire channel 0 of its commodity.
    USED = """
    SELECT coalesce(sum(r.value), 0)::bigint, coalesce(sum(c.interval_s), 0)::bigint
    FROM channel c
    JOIN interval_read r USING (channel_id)
    WHERE c.badge = %(badge)s AND c.channel = 0
      AND r.start_utc >= %(start)s AND r.start_utc < %(end)s
      AND r.version = (SELECT max(v.version) FROM interval_read v
                       WHERE v.channel_id = r.channel_id AND v.start_utc = r.start_utc)
    """

    async def used(self, badge: str, period: Period) -> tuple[int, int]:
        cursor = await self._connection.execute(
            self.USED, {"badge": badge, "start": period.start_utc, "end": period.end_utc}
        )
        row = await cursor.fetchone()
        assert row is not None, "an aggregate has one row"
        used, covered_s = row
        return used, covered_s

    OPENS = """
    SELECT c.control_id, c.badge, c.cause, coalesce(p.transformer_id, '') AS transformer_id,
           e.signed_at
    FROM control_envelope e
    JOIN control c USING (control_id)
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    WHERE e.opcode = 1 AND e.signed_at > %(after)s
    """

    async def opens(self, after: datetime) -> Sequence[SignedOpen]:
        return [SignedOpen(**row) for row in await self._rows(self.OPENS, after=after)]

    # The last word of a switch: what its meter said, or that it was told to open. 2 is closed.
    OPEN_COUNT = """
    SELECT count(*) AS switch_count,
           count(*) FILTER (WHERE i.badge <> %(except_badge)s
               AND coalesce(last.switch <> 2, last.action = 'disconnect')) AS open_count
    FROM meter_installation i
    JOIN meter m USING (badge)
    LEFT JOIN LATERAL (
        SELECT c.action, c.switch FROM control c
        WHERE c.badge = i.badge AND c.sent_at IS NOT NULL
          AND c.action IN ('disconnect', 'reconnect', 'arm')
        ORDER BY c.control_id DESC LIMIT 1
    ) last ON true
    WHERE i.pilot AND m.has_switch
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    """

    async def open_count(self, at: datetime, except_badge: str) -> OpenCount:
        (row,) = await self._rows(self.OPEN_COUNT, at=at, except_badge=except_badge)
        return OpenCount(**row)

    OPEN = """
    SELECT i.badge
    FROM meter_installation i
    JOIN meter m USING (badge)
    CROSS JOIN LATERAL (
        SELECT c.action, c.switch FROM control c
        WHERE c.badge = i.badge AND c.sent_at IS NOT NULL
          AND c.action IN ('disconnect', 'reconnect', 'arm')
        ORDER BY c.control_id DESC LIMIT 1
    ) last
    WHERE i.pilot AND m.has_switch AND coalesce(last.switch <> 2, true)
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY i.badge
    """

    async def open(self, at: datetime) -> Sequence[str]:
        return [row["badge"] for row in await self._rows(self.OPEN, at=at)]

    # Events 13 and 14: a switch changed, or failed to.
    UNANSWERED = """
    SELECT DISTINCT c.badge
    FROM control c
    JOIN end_device_event e ON e.badge = c.badge AND e.code IN (13, 14) AND e.at_utc > c.sent_at
    WHERE c.state = 'UNKNOWN' AND c.action IN ('disconnect', 'reconnect', 'arm')
      AND NOT EXISTS (
          SELECT FROM control p
          WHERE p.badge = c.badge AND p.action = 'ping' AND p.requested_at >= e.received_at
      )
    ORDER BY c.badge
    """

    MOVING = """
    SELECT EXISTS (SELECT FROM control WHERE control_id >= %(first_id)s)
        OR EXISTS (SELECT FROM control WHERE due_at IS NOT NULL)
        OR EXISTS (SELECT FROM control WHERE state = 'UNKNOWN')
    """

    async def watched(self, at: datetime) -> Watched:
        async with (
            self._connection.cursor() as unanswered,
            self._connection.cursor() as standing_open,
            self._connection.cursor() as moving,
        ):
            # All are asked before the first answer is waited for.
            await unanswered.execute(self.UNANSWERED)
            await standing_open.execute(self.OPEN, {"at": at})
            await moving.execute(self.MOVING, {"first_id": first_id(at - _DAY)})
            badges = [badge for (badge,) in await unanswered.fetchall()]
            open_badges = [badge for (badge,) in await standing_open.fetchall()]
            is_moving = (await moving.fetchone()) == (True,)
            return Watched(badges, open_badges, at_rest=not (is_moving or badges or open_badges))

    BADGES = """
    WITH point AS (
        SELECT usage_point_id FROM agreement
        WHERE %(subject)s = 'account' AND account_id = %(subject_id)s
        UNION SELECT usage_point_id FROM usage_point
        WHERE %(subject)s = 'premise' AND premise_id = %(subject_id)s
        UNION SELECT usage_point_id FROM meter_installation
        WHERE %(subject)s = 'meter' AND badge = %(subject_id)s
    )
    SELECT DISTINCT m.badge
    FROM point
    JOIN meter_installation i USING (usage_point_id)
    JOIN meter m USING (badge)
    WHERE m.has_switch AND (%(subject)s <> 'meter' OR m.badge = %(subject_id)s)
      AND i.installed_at <= %(at)s AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY m.badge
    """

    async def badges(self, subject: str, subject_id: str, at: datetime) -> Sequence[str]:
        rows = await self._rows(self.BADGES, subject=subject, subject_id=subject_id, at=at)
        return [row["badge"] for row in rows]

    async def _rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()


def _standing(rows: Sequence[dict[str, Any]]) -> Standing | None:
    if not rows:
        return None
    row = rows[0]
    row["radio"] = Radio(row["radio"])
    meter = Meter(**{name: row.pop(name) for name in _PLACE})
    commodity, flags = Commodity(row.pop("commodity")), tuple(row.pop("flags"))
    return Standing(place=MeterPlace(meter, commodity, flags), **row)
