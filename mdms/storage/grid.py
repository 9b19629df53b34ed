"""What grid analytics read from the registry, events, commands and outcomes of validation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection

from mdms.domain.controls import SwitchPosition
from mdms.domain.events import EventCode
from mdms.domain.time import Period
from mdms.ports.grid import FlaggedDay, MeterReport, PowerReport, ServedMeter, SwitchOpening


class PostgresGrid:
    """`mdms.ports.GridStore`; it keeps nothing of its own."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    SERVED = """
    SELECT i.badge, coalesce(p.transformer_id, ''), coalesce(t.feeder_id, ''),
           i.radio = 'on' AND NOT EXISTS (
               SELECT FROM radio_silence s
               WHERE s.badge = i.badge AND s.off_at <= %(at)s
                 AND (s.on_at IS NULL OR s.on_at > %(at)s)
           )
    FROM meter_installation i
    JOIN usage_point u USING (usage_point_id)
    JOIN premise p USING (premise_id)
    LEFT JOIN transformer t USING (transformer_id)
    WHERE u.commodity = 'electric' AND i.installed_at <= %(at)s
      AND (i.removed_at IS NULL OR i.removed_at > %(at)s)
    ORDER BY i.badge
    """

    async def served(self, at: datetime) -> Sequence[ServedMeter]:
        return [ServedMeter(*row) for row in await self._rows(self.SERVED, {"at": at})]

    POWER_REPORTS = """
    SELECT coalesce(served.badge, e.badge), e.at_utc, e.code = %(restore)s, greatest(e.value, 0)
    FROM end_device_event e
    LEFT JOIN meter_installation placed
        ON placed.badge = e.badge AND placed.installed_at <= e.at_utc
        AND (placed.removed_at IS NULL OR placed.removed_at > e.at_utc)
    LEFT JOIN meter_installation served
        ON served.usage_point_id = placed.usage_point_id AND served.installed_at <= %(served_at)s
        AND (served.removed_at IS NULL OR served.removed_at > %(served_at)s)
    WHERE e.at_utc >= %(start)s AND e.at_utc < %(end)s AND e.code IN (%(fail)s, %(restore)s)
      AND e.badge IS NOT NULL
      AND (e.code = %(restore)s OR placed.removed_at IS NULL
           OR e.at_utc < placed.removed_at - interval '1 hour')
    """

    async def power_reports(self, period: Period, *, served_at: datetime) -> Sequence[PowerReport]:
        codes = {"fail": EventCode.POWER_FAIL, "restore": EventCode.RESTORE}
        parameters = _bounds(period) | codes | {"served_at": served_at}
        rows = await self._rows(self.POWER_REPORTS, parameters)
        return [
            PowerReport(badge, at, restored, dark_s if restored else 0)
            for badge, at, restored, dark_s in rows
        ]

    OPENINGS = """
    SELECT o.badge, o.verified_at, closing.sent_at
    FROM control o
    CROSS JOIN LATERAL (
        SELECT min(sent_at) AS sent_at FROM control n
        WHERE n.badge = o.badge AND n.action IN ('reconnect', 'arm')
          AND n.sent_at > o.verified_at
    ) closing
    WHERE o.action = 'disconnect' AND o.switch = %(open)s AND o.verified_at < %(end)s
      AND (closing.sent_at IS NULL OR closing.sent_at > %(start)s)
    ORDER BY o.badge, o.verified_at
    """

    async def openings(self, period: Period) -> Sequence[SwitchOpening]:
        parameters = _bounds(period) | {"open": SwitchPosition.OPEN}
        return [SwitchOpening(*row) for row in await self._rows(self.OPENINGS, parameters)]

    HEARD_AFTER = """
    SELECT asked.badge, min(heard.at_utc)
    FROM unnest(%(badges)s::text[], %(at)s::timestamptz[]) AS asked (badge, at)
    JOIN channel c USING (badge)
    CROSS JOIN LATERAL (
        SELECT r.at_utc FROM register_read r
        WHERE r.channel_id = c.channel_id AND r.at_utc > asked.at
        ORDER BY r.at_utc LIMIT 1
    ) heard
    GROUP BY asked.badge
    """

    async def heard_after(
        self, failures: Sequence[tuple[str, datetime]]
    ) -> Sequence[tuple[str, datetime]]:
        parameters = {"badges": [badge for badge, _ in failures], "at": [at for _, at in failures]}
        return await self._rows(self.HEARD_AFTER, parameters) if failures else []

    # Of a meter that opted out nothing is inferred, not even from what came before.
    FLAGGED_DAYS = """
    SELECT c.badge, i.commodity, d.local_day, d.flags & %(flags)s
    FROM (
        SELECT DISTINCT ON (channel_id, local_day) channel_id, local_day, flags
        FROM vee_day WHERE local_day BETWEEN %(first)s AND %(last)s
        ORDER BY channel_id, local_day, version DESC
    ) d
    JOIN channel c USING (channel_id)
    JOIN LATERAL (
        SELECT u.commodity FROM meter_installation i JOIN usage_point u USING (usage_point_id)
        WHERE i.badge = c.badge ORDER BY i.installed_at DESC LIMIT 1
    ) i ON true
    WHERE d.flags & %(flags)s <> 0
      AND NOT EXISTS (SELECT FROM optout o WHERE o.badge = c.badge AND o.ended_at IS NULL)
    ORDER BY c.badge, d.local_day
    """

    async def flagged_days(self, first: date, last: date, flags: int) -> Sequence[FlaggedDay]:
        parameters = {"first": first, "last": last, "flags": flags}
        return [FlaggedDay(*row) for row in await self._rows(self.FLAGGED_DAYS, parameters)]

    IDLE_BUT_OCCUPIED = """
    WITH outcome AS (
        SELECT DISTINCT ON (channel_id, local_day) channel_id, local_day, flags, usage
        FROM vee_day WHERE local_day BETWEEN %(first)s AND %(last)s
        ORDER BY channel_id, local_day, version DESC
    ), placed AS (
        SELECT c.channel_id, c.badge, u.commodity, u.premise_id
        FROM channel c
        JOIN meter_installation i ON i.badge = c.badge AND i.removed_at IS NULL
        JOIN usage_point u USING (usage_point_id)
        WHERE c.channel = 0
          AND NOT EXISTS (SELECT FROM optout o WHERE o.badge = c.badge AND o.ended_at IS NULL)
    )
    SELECT DISTINCT w.badge, idle.local_day
    FROM outcome idle
    JOIN placed w ON w.channel_id = idle.channel_id AND w.commodity = 'water'
    JOIN placed e ON e.premise_id = w.premise_id AND e.commodity = 'electric'
    JOIN outcome used ON used.channel_id = e.channel_id AND used.local_day = idle.local_day
    WHERE idle.flags & %(idle)s <> 0 AND used.usage >= %(used_min)s
    ORDER BY w.badge, idle.local_day
    """

    async def idle_but_occupied(
        self, first: date, last: date, idle_flag: int, *, used_min: int
    ) -> Sequence[tuple[str, date]]:
        parameters = {"first": first, "last": last, "idle": idle_flag, "used_min": used_min}
        return await self._rows(self.IDLE_BUT_OCCUPIED, parameters)

    REPORTS = """
    SELECT e.badge, e.code, e.at_utc, bool_or(coalesce(u.net_metering, false))
    FROM end_device_event e
    LEFT JOIN meter_installation i ON i.badge = e.badge AND i.installed_at <= e.at_utc
        AND (i.removed_at IS NULL OR i.removed_at > e.at_utc)
    LEFT JOIN usage_point u USING (usage_point_id)
    WHERE e.at_utc >= %(start)s AND e.at_utc < %(end)s AND e.code = ANY (%(codes)s)
      AND e.badge IS NOT NULL AND NOT e.cleared
      AND NOT EXISTS (SELECT FROM optout o WHERE o.badge = e.badge AND o.ended_at IS NULL)
    GROUP BY e.end_device_event_id
    ORDER BY e.at_utc, e.end_device_event_id
    """

    async def reports(self, period: Period, codes: Sequence[EventCode]) -> Sequence[MeterReport]:
        parameters = _bounds(period) | {"codes": [int(code) for code in codes]}
        return [
            MeterReport(badge, EventCode(code), at, net_metering)
            for badge, code, at, net_metering in await self._rows(self.REPORTS, parameters)
        ]

    BEHIND_OPEN_SWITCHES = """
    SELECT badge, answered_at FROM control c
    WHERE load_side_voltage AND switch = %(open)s
      AND answered_at >= %(start)s AND answered_at < %(end)s
      AND NOT EXISTS (SELECT FROM optout o WHERE o.badge = c.badge AND o.ended_at IS NULL)
    ORDER BY answered_at
    """

    async def voltage_behind_open_switches(self, period: Period) -> Sequence[tuple[str, datetime]]:
        parameters = _bounds(period) | {"open": SwitchPosition.OPEN}
        return await self._rows(self.BEHIND_OPEN_SWITCHES, parameters)

    async def _rows(self, statement: LiteralString, parameters: dict[str, object]) -> list[Any]:
        return await (await self._connection.execute(statement, parameters)).fetchall()


def _bounds(period: Period) -> dict[str, object]:
    return {"start": period.start_utc, "end": period.end_utc}
