"""Customers' wishes, and the outbox, as rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from mdms.domain.alerts import AlertWish, BillStated, CustomerAlert, LeakNotice, WishKind


class PostgresAlerts:
    """`mdms.ports.AlertStore` on personal.alert_wish and personal.alert."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    WISH = """
    INSERT INTO personal.alert_wish (account_id, usage_point_id, kind, threshold, set_at)
    VALUES (%(account_id)s, %(usage_point_id)s, %(kind)s, %(threshold)s, %(set_at)s)
    ON CONFLICT (account_id, usage_point_id, kind) DO UPDATE
    SET threshold = EXCLUDED.threshold, set_at = EXCLUDED.set_at
    """

    async def wish(self, wish: AlertWish) -> None:
        await self._connection.execute(self.WISH, asdict(wish))

    FORGET_WISH = """
    DELETE FROM personal.alert_wish
    WHERE (account_id, usage_point_id, kind) = (%(account_id)s, %(usage_point_id)s, %(kind)s)
    """

    async def forget_wish(self, account_id: str, usage_point_id: str, kind: WishKind) -> bool:
        wish = {"account_id": account_id, "usage_point_id": usage_point_id, "kind": kind}
        return (await self._connection.execute(self.FORGET_WISH, wish)).rowcount > 0

    WISHES = """
    SELECT w.account_id, w.usage_point_id, w.kind, w.threshold, w.set_at
    FROM personal.alert_wish w
    WHERE EXISTS (
        SELECT FROM agreement a
        WHERE (a.account_id, a.usage_point_id) = (w.account_id, w.usage_point_id)
          AND a.start_on <= %(day)s AND (a.end_on IS NULL OR a.end_on > %(day)s)
    )
    ORDER BY w.usage_point_id, w.kind
    """

    async def wishes(self, day: date) -> Sequence[AlertWish]:
        cursor = await self._connection.execute(self.WISHES, {"day": day})
        return [
            AlertWish(account_id, usage_point_id, WishKind(kind), threshold, set_at)
            for account_id, usage_point_id, kind, threshold, set_at in await cursor.fetchall()
        ]

    # Of gas the utility's own people are told; they call or come.
    LEAK_NOTICES = """
    SELECT a.account_id, a.usage_point_id, c.badge, s.episode, s.notice, s.at, s.rate, s.lost
    FROM leak_step s
    JOIN channel c USING (channel_id)
    JOIN meter_installation i
      ON i.badge = c.badge AND i.installed_at <= s.at
     AND (i.removed_at IS NULL OR i.removed_at > s.at)
    JOIN usage_point u USING (usage_point_id)
    JOIN agreement a USING (usage_point_id)
    CROSS JOIN utility
    WHERE s.notice <> '' AND s.recorded_at >= %(since)s AND u.commodity = 'water'
      AND a.start_on <= (s.at AT TIME ZONE utility.zone)::date
      AND (a.end_on IS NULL OR a.end_on > (s.at AT TIME ZONE utility.zone)::date)
    ORDER BY s.leak_step_id
    """

    async def leak_notices(self, since: datetime) -> Sequence[LeakNotice]:
        async with self._connection.cursor(row_factory=class_row(LeakNotice)) as cursor:
            await cursor.execute(self.LEAK_NOTICES, {"since": since})
            return await cursor.fetchall()

    BILLS = """
    WITH known AS (
        SELECT DISTINCT ON (subject_id, fact) subject_id, fact, value
        FROM cis_fact
        WHERE subject = 'account' AND fact IN ('bill_issued_on', 'bill_due_on', 'past_due')
          AND effective_at <= %(at)s AND known_at <= %(at)s
        ORDER BY subject_id, fact, effective_at DESC, known_at DESC, cis_fact_id DESC
    )
    SELECT subject_id AS account_id,
           max(value) FILTER (WHERE fact = 'bill_issued_on')::date AS issued_on,
           max(value) FILTER (WHERE fact = 'bill_due_on')::date AS due_on,
           coalesce(max(value) FILTER (WHERE fact = 'past_due'), '0')::numeric AS past_due
    FROM known JOIN account ON account_id = subject_id
    GROUP BY subject_id ORDER BY subject_id
    """

    async def bills(self, at: datetime) -> Sequence[BillStated]:
        async with self._connection.cursor(row_factory=class_row(BillStated)) as cursor:
            await cursor.execute(self.BILLS, {"at": at})
            return await cursor.fetchall()

    PUT = """
    INSERT INTO personal.alert
        (alert_id, account_id, usage_point_id, kind, subject, figures, made_at, due_at, attempts)
    VALUES (%(alert_id)s, %(account_id)s, %(usage_point_id)s, %(kind)s, %(subject)s, %(figures)s,
            %(made_at)s, %(due_at)s, 0)
    ON CONFLICT (account_id, usage_point_id, kind, subject) DO NOTHING
    """

    async def put(self, alerts: Sequence[CustomerAlert]) -> int:
        rows = [asdict(alert) | {"figures": Jsonb(dict(alert.figures))} for alert in alerts]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.PUT, rows)
            return max(cursor.rowcount, 0)

    COLUMNS: LiteralString = """
    SELECT alert_id, account_id, usage_point_id, kind, subject, figures, made_at, due_at, attempts,
           delivered_at, dead_at
    FROM personal.alert
    """
    DUE = f"""{COLUMNS}
    WHERE delivered_at IS NULL AND dead_at IS NULL AND due_at <= %(at)s
    ORDER BY due_at, alert_id LIMIT %(limit)s
    """

    async def due(self, at: datetime, limit: int) -> Sequence[CustomerAlert]:
        return await self._alerts(self.DUE, at=at, limit=limit)

    ATTEMPTED = """
    UPDATE personal.alert
    SET attempts = %(attempts)s, due_at = %(due_at)s, delivered_at = %(delivered_at)s,
        dead_at = %(dead_at)s
    WHERE alert_id = %(alert_id)s
    """

    async def attempted(self, alert: CustomerAlert) -> None:
        row = {
            "alert_id": alert.alert_id,
            "attempts": alert.attempts,
            "due_at": alert.due_at,
            "delivered_at": alert.delivered_at,
            "dead_at": alert.dead_at,
        }
        await self._connection.execute(self.ATTEMPTED, row)

    OF_PLACE = f"""{COLUMNS}
    WHERE account_id = %(account_id)s AND usage_point_id = %(usage_point_id)s
      AND made_at >= %(since)s AND made_at < %(until)s
    ORDER BY made_at DESC, alert_id
    """

    async def of_place(
        self, account_id: str, usage_point_id: str, since: datetime, until: datetime
    ) -> Sequence[CustomerAlert]:
        return await self._alerts(
            self.OF_PLACE,
            account_id=account_id,
            usage_point_id=usage_point_id,
            since=since,
            until=until,
        )

    FORGET_WISHES = """
    DELETE FROM personal.alert_wish w
    WHERE NOT EXISTS (
        SELECT FROM agreement a
        WHERE (a.account_id, a.usage_point_id) = (w.account_id, w.usage_point_id)
          AND (a.end_on IS NULL OR a.end_on >= %(first_kept)s)
    )
    """

    async def forget_wishes(self, first_kept: date) -> int:
        cursor = await self._connection.execute(self.FORGET_WISHES, {"first_kept": first_kept})
        return cursor.rowcount

    FORGET = "DELETE FROM personal.alert WHERE made_at < %(first_kept)s"

    async def forget(self, first_kept: date) -> int:
        cursor = await self._connection.execute(self.FORGET, {"first_kept": first_kept})
        return cursor.rowcount

    async def _alerts(self, statement: LiteralString, **wanted: Any) -> list[CustomerAlert]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, wanted)
            return [CustomerAlert(**row) for row in await cursor.fetchall()]
