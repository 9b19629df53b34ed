"""What meters and collectors report by themselves."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.events import NOTICEABLE, EndDeviceEvent, EventCode, Severity
from mdms.domain.time import Period
from mdms.storage.pipelines import row_count

_NAMES = tuple(field.name for field in fields(EndDeviceEvent))


class PostgresEvents:
    """`mdms.ports.EventStore` on end_device_event."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # One statement an event: each sees those before it, copies within one call included.
    APPEND = """
    INSERT INTO end_device_event (collector_id, badge, radio_id, code, sub, at_utc, severity,
                                  cleared, value, register, seq, noticed, received_at)
    SELECT %(collector_id)s, %(badge)s, %(radio_id)s, %(code)s, %(sub)s, %(at)s, %(severity)s,
           %(cleared)s, %(value)s, %(register)s, %(seq)s, false, %(received_at)s
    WHERE NOT EXISTS (
        SELECT FROM end_device_event known
        WHERE known.badge IS NOT DISTINCT FROM %(badge)s AND known.code = %(code)s
          AND known.at_utc BETWEEN %(at)s - interval '5 s' AND %(at)s + interval '5 s'
          AND known.cleared = %(cleared)s
          AND (%(badge)s::text IS NOT NULL OR known.collector_id = %(collector_id)s)
    )
    """

    # What was noticed in a reading since, and nothing to the contrary between: it is the same.
    GIVE_WAY = """
    DELETE FROM end_device_event told
    WHERE told.noticed AND told.badge = %(badge)s AND told.code = %(code)s
      AND told.cleared = %(cleared)s
      AND told.at_utc BETWEEN %(at)s - interval '5 s' AND %(at)s + interval '1 day'
      AND NOT EXISTS (
        SELECT FROM end_device_event turn
        WHERE turn.badge = told.badge AND turn.code = told.code AND turn.cleared <> told.cleared
          AND turn.at_utc > %(at)s AND turn.at_utc <= told.at_utc
      )
    """

    # The newest event before it says the same; of a beginning only for a day, because its end may
    # have been missed.
    NOTICE = """
    INSERT INTO end_device_event (collector_id, badge, radio_id, code, sub, at_utc, severity,
                                  cleared, value, register, seq, noticed, received_at)
    SELECT %(collector_id)s, %(badge)s, %(radio_id)s, %(code)s, %(sub)s, %(at)s, %(severity)s,
           %(cleared)s, %(value)s, %(register)s, %(seq)s, true, %(received_at)s
    WHERE NOT coalesce((
        SELECT newest.cleared = %(cleared)s
               AND (newest.cleared OR newest.at_utc > %(at)s - interval '1 day')
        FROM end_device_event newest
        WHERE newest.badge = %(badge)s AND newest.code = %(code)s
          AND newest.at_utc <= %(at)s + interval '5 s'
        ORDER BY newest.at_utc DESC, newest.end_device_event_id DESC LIMIT 1
    ), false)
    """

    async def append(self, events: Sequence[EndDeviceEvent]) -> int:
        reported = [_row(event) for event in events if not event.noticed]
        alarms = [row for row in reported if row["code"] in NOTICEABLE]
        noticed = [_row(event) for event in events if event.noticed]
        async with self._connection.cursor() as cursor:
            if alarms:
                await cursor.executemany(self.GIVE_WAY, alarms)
            new_count = 0
            # What a meter reports by itself comes first: what is noticed beside it is no news.
            for statement, rows in ((self.APPEND, reported), (self.NOTICE, noticed)):
                if rows:
                    await cursor.executemany(statement, rows)
                    new_count += await row_count(self._connection, cursor)
            return new_count

    LASTING = """
    SELECT collector_id, badge, radio_id, code, sub, at_utc AS at, severity, cleared, value,
           register, seq, noticed, received_at
    FROM (
        SELECT DISTINCT ON (badge, code) *
        FROM end_device_event
        WHERE at_utc >= %(since)s AND badge IS NOT NULL AND code = ANY(%(codes)s)
        ORDER BY badge, code, at_utc DESC, end_device_event_id DESC
    ) newest
    WHERE noticed AND NOT cleared
    """

    async def lasting(self, since: datetime) -> Sequence[EndDeviceEvent]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self.LASTING, {"since": since, "codes": sorted(NOTICEABLE)})
            return [_event(row) for row in await cursor.fetchall()]

    WITHIN = """
    SELECT collector_id, badge, radio_id, code, sub, at_utc AS at, severity, cleared, value,
           register, seq, noticed, received_at,
           end_device_event_id AS number
    FROM end_device_event
    WHERE at_utc >= %(start)s AND at_utc < %(end)s
      AND (%(badge)s::text IS NULL OR badge = %(badge)s)
      AND (at_utc, end_device_event_id) > (%(after_at)s, %(after_number)s)
    ORDER BY at_utc, end_device_event_id
    LIMIT %(count_max)s
    """

    async def within(
        self,
        period: Period,
        *,
        badge: str | None = None,
        after: tuple[datetime, int] | None = None,
        count_max: int | None = None,
    ) -> Sequence[EndDeviceEvent]:
        after_at, after_number = after or (period.start_utc, -1)
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                self.WITHIN,
                {
                    "start": max(period.start_utc, after_at),
                    "end": period.end_utc,
                    "badge": badge,
                    "after_at": after_at,
                    "after_number": after_number,
                    "count_max": count_max,
                },
            )
            return [_event(row) for row in await cursor.fetchall()]


def _event(row: dict[str, Any]) -> EndDeviceEvent:
    return EndDeviceEvent(
        **row | {"code": EventCode(row["code"]), "severity": Severity(row["severity"])}
    )


def _row(event: EndDeviceEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _NAMES}
