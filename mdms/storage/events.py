"""What meters and collectors report by themselves."""

from collections.abc import Sequence
from dataclasses import fields

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.time import Period

_NAMES = tuple(field.name for field in fields(EndDeviceEvent))


class PostgresEvents:
    """`mdms.ports.EventStore` on end_device_event."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # One statement an event: each sees those before it, copies within one call included.
    APPEND = """
    INSERT INTO end_device_event (collector_id, badge, radio_id, code, sub, at_utc, severity,
                                  cleared, value, register, seq, received_at)
    SELECT %(collector_id)s, %(badge)s, %(radio_id)s, %(code)s, %(sub)s, %(at)s, %(severity)s,
           %(cleared)s, %(value)s, %(register)s, %(seq)s, %(received_at)s
    WHERE NOT EXISTS (
        SELECT FROM end_device_event known
        WHERE known.badge IS NOT DISTINCT FROM %(badge)s AND known.code = %(code)s
          AND known.at_utc BETWEEN %(at)s - interval '5 s' AND %(at)s + interval '5 s'
          AND known.cleared = %(cleared)s
          AND (%(badge)s::text IS NOT NULL OR known.collector_id = %(collector_id)s)
    )
    """

    async def append(self, events: Sequence[EndDeviceEvent]) -> int:
        if not events:
            return 0
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self.APPEND, [{name: getattr(event, name) for name in _NAMES} for event in events]
            )
            return cursor.rowcount

    WITHIN = """
    SELECT collector_id, badge, radio_id, code, sub, at_utc AS at, severity, cleared, value,
           register, seq, received_at
    FROM end_device_event
    WHERE at_utc >= %(start)s AND at_utc < %(end)s
      AND (%(badge)s::text IS NULL OR badge = %(badge)s)
    ORDER BY at_utc, end_device_event_id
    LIMIT %(count_max)s
    """

    async def within(
        self, period: Period, *, badge: str | None = None, count_max: int | None = None
    ) -> Sequence[EndDeviceEvent]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                self.WITHIN,
                {
                    "start": period.start_utc,
                    "end": period.end_utc,
                    "badge": badge,
                    "count_max": count_max,
                },
            )
            return [
                EndDeviceEvent(
                    **row | {"code": EventCode(row["code"]), "severity": Severity(row["severity"])}
                )
                for row in await cursor.fetchall()
            ]
