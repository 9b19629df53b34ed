"""The queue of exceptions: who looks into each, and what was answered."""

from collections.abc import Sequence
from datetime import date, datetime

from psycopg import AsyncConnection

from mdms.ports.exceptions import QueuedException


class PostgresExceptions:
    """`mdms.ports.ExceptionStore` on vee_exception."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    SOME = """
    SELECT vee_exception_id, channel_id, local_day, rule, severity, detail, opened_at, closed_at,
           assigned_to, answer, answered_by
    FROM vee_exception
    WHERE (%(exception_id)s::bigint IS NULL OR vee_exception_id = %(exception_id)s)
      AND (%(channel_ids)s::integer[] IS NULL OR channel_id = ANY(%(channel_ids)s::integer[]))
      AND (%(rule)s::text IS NULL OR rule = %(rule)s)
      AND (%(severity)s::text IS NULL OR severity = %(severity)s)
      AND (%(assigned_to)s::text IS NULL OR assigned_to = %(assigned_to)s)
      AND (%(opened_by)s::timestamptz IS NULL OR opened_at <= %(opened_by)s)
      AND (NOT %(open_only)s OR closed_at IS NULL)
      AND (%(after_at)s::timestamptz IS NULL
           OR (opened_at, vee_exception_id) > (%(after_at)s, %(after_number)s))
    ORDER BY opened_at, vee_exception_id LIMIT %(count_max)s
    """

    async def some(
        self,
        *,
        channel_ids: Sequence[int] | None = None,
        rule: str | None = None,
        severity: str | None = None,
        assigned_to: str | None = None,
        opened_by: datetime | None = None,
        open_only: bool = True,
        after: tuple[datetime, int] | None = None,
        count_max: int = 500,
    ) -> Sequence[QueuedException]:
        return await self._some(
            channel_ids=None if channel_ids is None else [int(c) for c in channel_ids],
            rule=rule,
            severity=severity,
            assigned_to=assigned_to,
            opened_by=opened_by,
            open_only=open_only,
            after_at=after and after[0],
            after_number=after and after[1],
            count_max=count_max,
        )

    ANSWERED = """
    SELECT channel_id, rule, detail FROM vee_exception
    WHERE channel_id = ANY (%(channel_ids)s::integer[]) AND local_day = %(local_day)s
      AND answer <> ''
    """

    async def answered(
        self, channel_ids: Sequence[int], local_day: date
    ) -> frozenset[tuple[int, str, str]]:
        parameters = {"channel_ids": [int(c) for c in channel_ids], "local_day": local_day}
        cursor = await self._connection.execute(self.ANSWERED, parameters)
        return frozenset(await cursor.fetchall())

    async def find(self, exception_id: int) -> QueuedException | None:
        found = await self._some(exception_id=exception_id, open_only=False, count_max=1)
        return found[0] if found else None

    async def _some(self, **parameters: object) -> list[QueuedException]:
        names = (
            "exception_id", "channel_ids", "rule", "severity", "assigned_to", "opened_by",
            "after_at", "after_number",
        )  # fmt: skip
        cursor = await self._connection.execute(self.SOME, dict.fromkeys(names) | parameters)
        return [QueuedException(*row) for row in await cursor.fetchall()]

    ASSIGN = """
    UPDATE vee_exception SET assigned_to = %(to)s WHERE vee_exception_id = %(exception_id)s
    """

    async def assign(self, exception_id: int, to: str) -> None:
        await self._connection.execute(self.ASSIGN, {"exception_id": exception_id, "to": to})

    ANSWER = """
    UPDATE vee_exception
    SET answer = %(answer)s, answered_by = %(by)s, closed_at = coalesce(closed_at, %(at)s)
    WHERE vee_exception_id = %(exception_id)s
    """

    async def answer(self, exception_id: int, answer: str, by: str, at: datetime) -> None:
        parameters = {"exception_id": exception_id, "answer": answer, "by": by, "at": at}
        await self._connection.execute(self.ANSWER, parameters)
