"""What was billed: windows and determinants that are added once and never changed."""

from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter

from mdms.ports.billing import BilledBefore, BilledService, BillingBlock, BillingDeterminant
from mdms.storage.billed_services import PostgresBilledServices
from mdms.storage.billing_extras import PostgresBillingExtras


class PostgresBilling(PostgresBilledServices, PostgresBillingExtras):
    """`mdms.ports.BillingStore` on the tables of billing."""

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        blocked: Sequence[BillingBlock],
        at: datetime,
    ) -> None:
        """
        Freeze a window, or add to it the channels that were left out the last time.

        A channel that is frozen already keeps its row, whatever this one says. The channels left
        out are replaced by `blocked`.
        """
        await self._open_window(window_start, window_end, at)
        await self._add(determinants)
        await self._replace_blocked(window_start, window_end, blocked)

    async def add(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        services: Sequence[BilledService],
        at: datetime,
    ) -> None:
        await self._open_window(window_start, window_end, at)
        await self._add(determinants)
        await self._add_services(services, at)

    OPEN_WINDOW = """
    INSERT INTO billing_window (window_start, window_end, frozen_at)
    VALUES (%(window_start)s, %(window_end)s, %(at)s)
    ON CONFLICT DO NOTHING
    """

    async def _open_window(self, window_start: date, window_end: date, at: datetime) -> None:
        await self._connection.execute(
            self.OPEN_WINDOW, {"window_start": window_start, "window_end": window_end, "at": at}
        )

    ADD = """
    INSERT INTO billing_determinant
        (window_start, window_end, channel_id, badge, reading_type, usage_point_id, premise_id,
         account_id, read_start_utc, read_end_utc, register_start, register_end, usage_quanta,
         usage_units, unit, quality, method, estimated_share, interval_count, estimated_count,
         versions, ruleset_hash, content_hash, period, opened_by, closed_by, revision)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
            %b, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    """

    async def _add(self, determinants: Sequence[BillingDeterminant]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.ADD, [_DETERMINANT_ROW(one) for one in determinants])

    CLEAR_BLOCKED = """
    DELETE FROM billing_block
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
    """

    BLOCK = """
    INSERT INTO billing_block (window_start, window_end, channel_id, badge, reason, detail)
    VALUES (%(window_start)s, %(window_end)s, %(channel_id)s, %(badge)s, %(reason)s, %(detail)s)
    """

    async def _replace_blocked(
        self, window_start: date, window_end: date, blocked: Sequence[BillingBlock]
    ) -> None:
        window = {"window_start": window_start, "window_end": window_end}
        await self._connection.execute(self.CLEAR_BLOCKED, window)
        rows = [
            window
            | {
                "channel_id": one.channel_id,
                "badge": one.badge,
                "reason": one.reason,
                "detail": one.detail,
            }
            for one in blocked
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.BLOCK, rows)

    DETERMINANTS = """
    SELECT window_start, window_end, channel_id, badge, reading_type, usage_point_id, premise_id,
           account_id, read_start_utc, read_end_utc, register_start, register_end, usage_quanta,
           usage_units, unit, quality, method, estimated_share, interval_count, estimated_count,
           versions, ruleset_hash, content_hash, period, opened_by, closed_by, revision
    FROM current_determinant
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
    ORDER BY channel_id, read_start_utc
    """

    async def determinants(
        self, window_start: date, window_end: date
    ) -> Sequence[BillingDeterminant]:
        cursor = await self._connection.execute(
            self.DETERMINANTS, {"window_start": window_start, "window_end": window_end}
        )
        return [BillingDeterminant(*row) for row in await cursor.fetchall()]

    BLOCKED = """
    SELECT channel_id, badge, reason, detail FROM billing_block
    WHERE window_start = %(window_start)s AND window_end = %(window_end)s
    ORDER BY channel_id
    """

    async def blocked(self, window_start: date, window_end: date) -> Sequence[BillingBlock]:
        cursor = await self._connection.execute(
            self.BLOCKED, {"window_start": window_start, "window_end": window_end}
        )
        return [BillingBlock(*row) for row in await cursor.fetchall()]

    # The few windows are looked up first, then each channel by the key.
    BEFORE = """
    SELECT d.window_start, d.window_end, d.channel_id, d.reading_type, d.usage_point_id,
           d.account_id, d.read_start_utc, d.read_end_utc, d.register_end, d.usage_quanta,
           d.quality, d.estimated_share, d.interval_count, d.estimated_count,
           coalesce(s.from_on, d.window_start), coalesce(s.to_on, d.window_end), d.revision,
           d.register_start
    FROM billing_window w
    JOIN current_determinant d USING (window_start, window_end)
    LEFT JOIN billed_service s
        USING (window_start, window_end, usage_point_id, period, revision)
    WHERE w.window_start >= %(since)s AND w.window_end <= %(until)s
      AND d.channel_id = ANY (%(channel_ids)s::integer[])
    ORDER BY d.window_end, d.window_start, d.channel_id, d.period
    """

    async def before(
        self, channel_ids: Sequence[int], *, since: date, until: date
    ) -> Sequence[BilledBefore]:
        cursor = await self._connection.execute(
            self.BEFORE,
            {"channel_ids": [int(c) for c in channel_ids], "since": since, "until": until},
        )
        return [BilledBefore(*row) for row in await cursor.fetchall()]

    WINDOWS = "SELECT window_start, window_end FROM billing_window ORDER BY 1, 2"

    async def windows(self) -> Sequence[tuple[date, date]]:
        return await (await self._connection.execute(self.WINDOWS)).fetchall()


_DETERMINANT_ROW = attrgetter(
    "window_start", "window_end", "channel_id", "badge", "reading_type", "usage_point_id",
    "premise_id", "account_id", "read_start_utc", "read_end_utc", "register_start", "register_end",
    "usage_quanta", "usage_units", "unit", "quality", "method", "estimated_share",
    "interval_count", "estimated_count", "versions", "ruleset_hash", "content_hash", "period",
    "opened_by", "closed_by", "revision",
)  # fmt: skip
