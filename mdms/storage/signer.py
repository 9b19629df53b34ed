"""
What the signer remembers, in its own schema and its own transactions.

A counter is drawn and the envelope kept in one commit, before anyone may send it: whatever is
killed afterwards, the same command is never given a second counter.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mdms.domain.errors import UnavailableError
from mdms.storage import pool

_CONNECTIONS_MAX = 2


class PostgresSignerStore:
    """`mdms.ports.SignerStore` on the schema `signer`."""

    def __init__(self, connections: AsyncConnectionPool[AsyncConnection]) -> None:
        self._connections = connections

    START = """
    INSERT INTO signer.counter (radio_id, key_id, counter)
    VALUES (%(radio_id)s, %(key_id)s, 0)
    ON CONFLICT DO NOTHING
    """

    LOCK = """
    SELECT counter FROM signer.counter
    WHERE radio_id = %(radio_id)s AND key_id = %(key_id)s FOR UPDATE
    """

    ISSUED = "SELECT counter, envelope FROM signer.issued WHERE command_id = %(command_id)s"

    RAISE = """
    UPDATE signer.counter SET counter = %(counter)s
    WHERE radio_id = %(radio_id)s AND key_id = %(key_id)s
    """

    ISSUE = """
    INSERT INTO signer.issued (command_id, radio_id, key_id, counter, envelope)
    VALUES (%(command_id)s, %(radio_id)s, %(key_id)s, %(counter)s, %(envelope)b)
    """

    async def issue(
        self, command_id: UUID, radio_id: int, key_id: int, make: Callable[[int], bytes]
    ) -> tuple[int, bytes]:
        key: dict[str, object] = {"radio_id": radio_id, "key_id": key_id, "command_id": command_id}
        try:
            async with self._connections.connection() as connection, connection.transaction():
                await connection.execute(self.START, key)
                row = await (await connection.execute(self.LOCK, key)).fetchone()
                assert row is not None, "the counter was started above"
                issued = await (await connection.execute(self.ISSUED, key)).fetchone()
                if issued is not None:
                    return issued[0], bytes(issued[1])
                counter: int = row[0] + 1
                envelope = make(counter)
                await connection.execute(self.RAISE, key | {"counter": counter})
                await connection.execute(
                    self.ISSUE, key | {"counter": counter, "envelope": envelope}
                )
        except psycopg.OperationalError as error:
            raise UnavailableError(f"the signer's database is away: {error}") from error
        return counter, envelope


@asynccontextmanager
async def open_signer_store(
    dsn: str, *, statement_timeout_s: float
) -> AsyncIterator[PostgresSignerStore]:
    """Connect to a migrated database; yield the signer's memory (UnavailableError if away)."""
    async with pool.open_pool(
        dsn, connections_max=_CONNECTIONS_MAX, statement_timeout_s=statement_timeout_s
    ) as connections:
        yield PostgresSignerStore(connections)
