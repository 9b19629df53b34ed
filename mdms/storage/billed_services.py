"""What was billed of each service, and what the customer system has of it."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from mdms.ports.billing import Acknowledgement, BilledService, BillingEstimate, WindowSummary


class PostgresBilledServices:
    """The half of `mdms.ports.BillingStore` on what services came to."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    ADD_SERVICE = """
    INSERT INTO billed_service
        (window_start, window_end, usage_point_id, period, revision, premise_id, account_id,
         commodity, from_on, to_on, opened_by, closed_by, service_days, quality, estimated_share,
         quantities, flags, detail, rules, parts, content_hash, frozen_at)
    VALUES
        (%(window_start)s, %(window_end)s, %(usage_point_id)s, %(period)s, %(revision)s,
         %(premise_id)s, %(account_id)s, %(commodity)s, %(from_on)s, %(to_on)s, %(opened_by)s,
         %(closed_by)s, %(service_days)s, %(quality)s, %(estimated_share)s, %(quantities)s,
         %(flags)s, %(detail)s, %(rules)s, %(parts)s, %(content_hash)s, %(frozen_at)s)
    ON CONFLICT DO NOTHING
    """

    async def _add_services(self, services: Sequence[BilledService], at: datetime) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self.ADD_SERVICE, [_service_row(each) | {"frozen_at": at} for each in services]
            )

    SERVICES = """
    SELECT DISTINCT ON (usage_point_id, period)
           window_start, window_end, usage_point_id, period, revision, premise_id, account_id,
           commodity, from_on, to_on, opened_by, closed_by, service_days, quality,
           estimated_share, quantities, flags, detail, rules, parts, content_hash
    FROM billed_service
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
      AND frozen_at <= coalesce(%(as_of)s, timestamptz 'infinity')
    ORDER BY usage_point_id, period, revision DESC
    """

    async def services(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> Sequence[BilledService]:
        wanted = {"window_start": window_start, "window_end": window_end, "as_of": as_of}
        async with self._connection.cursor(row_factory=kwargs_row(_service_of)) as cursor:
            await cursor.execute(self.SERVICES, wanted)
            return await cursor.fetchall()

    SUMMARY = """
    SELECT
        (SELECT count(*) FROM current_determinant d
         WHERE (d.window_start, d.window_end) = (%(window_start)s, %(window_end)s)),
        (SELECT count(*) FROM current_determinant d
         WHERE (d.window_start, d.window_end) = (%(window_start)s, %(window_end)s)
           AND d.quality <> 'ACTUAL'),
        (SELECT encode(sha256(convert_to(coalesce(string_agg(
                    content_hash || ' ' || revision || E'\n', ''
                    ORDER BY usage_point_id COLLATE "C", period), ''), 'UTF8')), 'hex')
         FROM (SELECT DISTINCT ON (usage_point_id, period)
                      usage_point_id, period, content_hash, revision
               FROM billed_service
               WHERE (window_start, window_end) = (%(window_start)s, %(window_end)s)
               ORDER BY usage_point_id, period, revision DESC) now)
    """

    async def summary(self, window_start: date, window_end: date) -> WindowSummary:
        window = {"window_start": window_start, "window_end": window_end}
        row = await (await self._connection.execute(self.SUMMARY, window)).fetchone()
        assert row is not None, "a count has a row"
        return WindowSummary(*row)

    SERVICES_OF = """
    SELECT window_start, window_end, usage_point_id, period, revision, premise_id, account_id,
           commodity, from_on, to_on, opened_by, closed_by, service_days, quality,
           estimated_share, quantities, flags, detail, rules, parts, content_hash, frozen_at
    FROM billed_service WHERE usage_point_id = %(usage_point_id)s
    ORDER BY from_on, window_end, period, revision
    """

    async def services_of(self, usage_point_id: str) -> Sequence[tuple[BilledService, datetime]]:
        async with self._connection.cursor(row_factory=kwargs_row(_dated_service)) as cursor:
            await cursor.execute(self.SERVICES_OF, {"usage_point_id": usage_point_id})
            return await cursor.fetchall()

    ELSEWHERE = """
    SELECT DISTINCT usage_point_id, from_on, to_on FROM billed_service
    WHERE from_on < %(window_end)s AND to_on > %(window_start)s
      AND (window_start, window_end) <> (%(window_start)s, %(window_end)s)
    """

    async def billed_elsewhere(
        self, window_start: date, window_end: date
    ) -> Sequence[tuple[str, date, date]]:
        cursor = await self._connection.execute(
            self.ELSEWHERE, {"window_start": window_start, "window_end": window_end}
        )
        return await cursor.fetchall()

    ACKNOWLEDGE = """
    INSERT INTO billing_ack
        (window_start, window_end, digest, services, acknowledged_at, acknowledged_by, reference)
    VALUES
        (%(window_start)s, %(window_end)s, %(digest)s, %(services)s, %(acknowledged_at)s,
         %(acknowledged_by)s, %(reference)s)
    ON CONFLICT DO NOTHING
    RETURNING digest
    """

    async def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        cursor = await self._connection.execute(self.ACKNOWLEDGE, asdict(acknowledgement))
        return await cursor.fetchone() is not None

    ACKNOWLEDGED = """
    SELECT window_start, window_end, digest, services, acknowledged_at, acknowledged_by, reference
    FROM billing_ack
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
    ORDER BY acknowledged_at
    """

    async def acknowledged(self, window_start: date, window_end: date) -> Sequence[Acknowledgement]:
        async with self._connection.cursor(row_factory=class_row(Acknowledgement)) as cursor:
            await cursor.execute(
                self.ACKNOWLEDGED, {"window_start": window_start, "window_end": window_end}
            )
            return await cursor.fetchall()

    ESTIMATE = """
    INSERT INTO billing_estimate
        (channel_id, window_start, window_end, reason, basis, usage, days, register,
         estimated_at, estimated_by)
    VALUES
        (%(channel_id)s, %(window_start)s, %(window_end)s, %(reason)s, %(basis)s, %(usage)s,
         %(days)s, %(register)s, %(estimated_at)s, %(estimated_by)s)
    ON CONFLICT DO NOTHING
    RETURNING channel_id
    """

    async def estimate(self, estimate: BillingEstimate) -> bool:
        cursor = await self._connection.execute(self.ESTIMATE, asdict(estimate))
        return await cursor.fetchone() is not None

    ESTIMATES = """
    SELECT channel_id, window_start, window_end, reason, basis, usage, days, register,
           estimated_at, estimated_by
    FROM billing_estimate
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
      AND estimated_at <= %(as_of)s
    ORDER BY channel_id
    """

    async def estimates(
        self, window_start: date, window_end: date, *, as_of: datetime
    ) -> Sequence[BillingEstimate]:
        wanted = {"window_start": window_start, "window_end": window_end, "as_of": as_of}
        async with self._connection.cursor(row_factory=class_row(BillingEstimate)) as cursor:
            await cursor.execute(self.ESTIMATES, wanted)
            return await cursor.fetchall()

    CLEAR_READ_DAYS = """
    DELETE FROM billing_read_day WHERE billing_cycle = %(billing_cycle)s AND read_on >= %(first)s
    """

    ADD_READ_DAY = """
    INSERT INTO billing_read_day (billing_cycle, read_on)
    SELECT %(billing_cycle)s, unnest(%(read_on)s::date[])
    """

    async def set_read_days(self, billing_cycle: int, read_on: Sequence[date]) -> None:
        cycle = {"billing_cycle": billing_cycle}
        await self._connection.execute(self.CLEAR_READ_DAYS, cycle | {"first": min(read_on)})
        await self._connection.execute(self.ADD_READ_DAY, cycle | {"read_on": list(read_on)})

    READ_DAYS = "SELECT billing_cycle, read_on FROM billing_read_day ORDER BY 1, 2"

    async def read_days(self) -> Sequence[tuple[int, date]]:
        return await (await self._connection.execute(self.READ_DAYS)).fetchall()


_AS_JSON = ("quantities", "detail", "rules")
_AS_LIST = ("flags", "parts")


def _service_row(service: BilledService) -> dict[str, Any]:
    row = {field.name: getattr(service, field.name) for field in fields(service)}
    return (
        row
        | {name: Jsonb(row[name]) for name in _AS_JSON}
        | {name: list(row[name]) for name in _AS_LIST}
    )


def _service_of(**row: Any) -> BilledService:
    return BilledService(**row | {name: tuple(row[name]) for name in _AS_LIST})


def _dated_service(*, frozen_at: datetime, **row: Any) -> tuple[BilledService, datetime]:
    return _service_of(**row), frozen_at
