"""Dead letters that wait for the registry, and what becomes of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from psycopg import AsyncConnection

from mdms.domain.errors import RejectReason
from mdms.ports.messages import Rejected
from mdms.ports.quarantine import CURABLE, Letter, QuarantineGroup

_CURABLE = sorted(CURABLE)


class PostgresQuarantine:
    """`mdms.ports.QuarantineStore` on dead_letter."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # A frame of either kind begins with its radio's id, little-endian.
    GROUPS = """
    WITH waiting AS (
        SELECT reason, received_at, substring(topic FROM '/col/([0-9]+)/')::bigint AS collector_id,
               CASE WHEN frame_index IS NOT NULL AND length(payload) >= 4 THEN
                   get_byte(payload, 0) + 256 * get_byte(payload, 1)
                   + 65536 * get_byte(payload, 2) + 16777216 * get_byte(payload, 3)::bigint
               END AS radio_id
        FROM dead_letter
        WHERE replayed_at IS NULL AND reason = ANY(%(curable)s)
    )
    SELECT reason, radio_id, min(collector_id), count(*), min(received_at), max(received_at)
    FROM waiting
    GROUP BY reason, radio_id, CASE WHEN radio_id IS NULL THEN collector_id END
    ORDER BY max(received_at) DESC, radio_id
    """

    async def groups(self) -> Sequence[QuarantineGroup]:
        cursor = await self._connection.execute(self.GROUPS, {"curable": _CURABLE})
        return [
            QuarantineGroup(RejectReason(reason), *others)
            for reason, *others in await cursor.fetchall()
        ]

    WAITING_COUNT = """
    SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL AND reason = ANY(%(curable)s)
    """

    async def waiting_count(self) -> int:
        cursor = await self._connection.execute(self.WAITING_COUNT, {"curable": _CURABLE})
        row = await cursor.fetchone()
        assert row is not None, "count(*) always answers"
        return int(row[0])

    # Neighbours' meters wait for ever: what is not registered is not even looked at. The letters of
    # a frame whose kind nobody noted stay where they are.
    KNOWN = """
    SELECT dead_letter_id, reason, detail, topic, payload, frame_index, received_at, schema_id
    FROM dead_letter
    WHERE replayed_at IS NULL AND reason = ANY(%(curable)s) AND dead_letter_id > %(after_id)s
      AND CASE WHEN frame_index IS NULL THEN EXISTS (
              SELECT FROM collector
              WHERE collector_id = substring(topic FROM '/col/([0-9]+)/')::bigint)
          ELSE schema_id IS NOT NULL AND length(payload) >= 4 AND (
              get_byte(payload, 0) + 256 * get_byte(payload, 1)
              + 65536 * get_byte(payload, 2) + 16777216 * get_byte(payload, 3)::bigint
          ) IN (SELECT radio_id FROM meter_installation)
          END
    ORDER BY dead_letter_id
    LIMIT %(count_max)s
    FOR UPDATE SKIP LOCKED
    """

    async def curable(self, after_id: int, count_max: int) -> Sequence[Letter]:
        cursor = await self._connection.execute(
            self.KNOWN, {"curable": _CURABLE, "after_id": after_id, "count_max": count_max}
        )
        return [
            Letter(letter_id, Rejected(RejectReason(reason), *others))
            for letter_id, reason, *others in await cursor.fetchall()
        ]

    CURED = "UPDATE dead_letter SET replayed_at = %(at)s WHERE dead_letter_id = ANY(%(ids)s)"

    async def cured(self, letter_ids: Sequence[int], at: datetime) -> None:
        await self._connection.execute(self.CURED, {"ids": list(letter_ids), "at": at})

    FORGET = """
    DELETE FROM dead_letter
    WHERE received_at < %(first_kept)s
      AND (replayed_at IS NOT NULL OR reason <> ALL(%(curable)s))
    """

    async def forget(self, first_kept: date) -> int:
        cursor = await self._connection.execute(
            self.FORGET, {"first_kept": first_kept, "curable": _CURABLE}
        )
        return cursor.rowcount

    # The digest stays: it tells what came, and that may come again.
    STILL_REFUSED = """
    UPDATE dead_letter SET reason = %(reason)s, detail = %(detail)s, payload = %(payload)b
    WHERE dead_letter_id = %(letter_id)s
    """

    async def still_refused(self, refused: Mapping[int, Rejected]) -> None:
        rows = [
            {
                "letter_id": letter_id,
                "reason": each.reason.value,
                "detail": each.detail,
                "payload": each.payload,
            }
            for letter_id, each in refused.items()
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self.STILL_REFUSED, rows)
