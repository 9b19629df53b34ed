"""What goes with the bills of a window: fees of the programme, reads of switchings."""

from collections.abc import Sequence
from datetime import date

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.domain.programme import BillingEvent
from mdms.domain.time import Period
from mdms.ports.billing import SwitchRead


class PostgresBillingExtras:
    """The part of `mdms.ports.BillingStore` on billing_event_carried and control."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    CARRY = """
    INSERT INTO billing_event_carried (number, window_start, window_end)
    SELECT e.number, %(window_start)s, %(window_end)s
    FROM billing_event e
    WHERE e.due_on < %(window_end)s
      AND e.account_id IN (
          SELECT account_id FROM billed_service
          WHERE window_start = %(window_start)s AND window_end = %(window_end)s
      )
    ON CONFLICT DO NOTHING
    """

    async def carry_events(self, window_start: date, window_end: date) -> None:
        window = {"window_start": window_start, "window_end": window_end}
        await self._connection.execute(self.CARRY, window)

    EVENTS = """
    SELECT e.kind, e.account_id, e.subject_id, e.due_on, e.amount_usd, e.clause, e.at
    FROM billing_event e JOIN billing_event_carried c USING (number)
    WHERE c.window_start = %(window_start)s AND c.window_end = %(window_end)s
    ORDER BY number
    """

    async def events(self, window_start: date, window_end: date) -> Sequence[BillingEvent]:
        window = {"window_start": window_start, "window_end": window_end}
        async with self._connection.cursor(row_factory=class_row(BillingEvent)) as cursor:
            await cursor.execute(self.EVENTS, window)
            return await cursor.fetchall()

    # The part that the window bills says whose it was; a switch has one delivered register.
    SWITCHINGS = """
    SELECT c.control_id::text, c.badge, d.reading_type, d.usage_point_id, d.account_id,
           c.answered_at AS at, c.register,
           CASE c.action WHEN 'disconnect' THEN 'DISCONNECT' ELSE 'RECONNECT' END AS reason
    FROM control c
    JOIN current_determinant d ON d.badge = c.badge
         AND c.answered_at >= d.read_start_utc AND c.answered_at < d.read_end_utc
    JOIN channel h ON h.channel_id = d.channel_id AND h.channel = 0
    WHERE d.window_start = %(window_start)s AND d.window_end = %(window_end)s
      AND c.action IN ('disconnect', 'reconnect') AND c.state = 'VERIFIED'
      AND c.register IS NOT NULL
      AND c.answered_at >= %(start_utc)s AND c.answered_at < %(end_utc)s
    ORDER BY c.answered_at, c.control_id
    """

    async def switch_reads(
        self, window_start: date, window_end: date, period: Period
    ) -> Sequence[SwitchRead]:
        wanted = {
            "window_start": window_start,
            "window_end": window_end,
            "start_utc": period.start_utc,
            "end_utc": period.end_utc,
        }
        async with self._connection.cursor(row_factory=class_row(SwitchRead)) as cursor:
            await cursor.execute(self.SWITCHINGS, wanted)
            return await cursor.fetchall()
