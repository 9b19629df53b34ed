"""Answers to writes, as rows."""

from dataclasses import asdict
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mdms.ports.answers import Answer


class PostgresAnswers:
    """`mdms.ports.AnswerStore` on personal.answer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    BEGIN = """
    INSERT INTO personal.answer (caller, key, fingerprint, asked_at)
    VALUES (%(caller)s, %(key)s, %(fingerprint)s, %(asked_at)s)
    ON CONFLICT (caller, key) DO NOTHING
    """
    KNOWN = """
    SELECT caller, key, fingerprint, asked_at, status, media_type, body
    FROM personal.answer WHERE (caller, key) = (%(caller)s, %(key)s)
    """

    async def begin(self, answer: Answer) -> Answer | None:
        row = asdict(answer)
        if (await self._connection.execute(self.BEGIN, row)).rowcount:
            return None
        async with self._connection.cursor(row_factory=class_row(Answer)) as cursor:
            await cursor.execute(self.KNOWN, row)
            return await cursor.fetchone()

    FINISH = """
    UPDATE personal.answer
    SET status = %(status)s, media_type = %(media_type)s, body = %(body)s
    WHERE (caller, key) = (%(caller)s, %(key)s)
    """

    async def finish(self, answer: Answer) -> None:
        await self._connection.execute(self.FINISH, asdict(answer))

    DROP = "DELETE FROM personal.answer WHERE (caller, key) = (%(caller)s, %(key)s)"

    async def drop(self, caller: str, key: str) -> None:
        await self._connection.execute(self.DROP, {"caller": caller, "key": key})

    FORGET = "DELETE FROM personal.answer WHERE asked_at < %(before)s"

    async def forget(self, before: datetime) -> int:
        return (await self._connection.execute(self.FORGET, {"before": before})).rowcount
