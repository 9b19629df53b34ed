"""
Connections: a bounded number, in UTC, whose statements end in time.

The server ends what takes too long. A server that is frozen ends nothing, and its kernel goes on
acknowledging: who waits for longer than any statement may take hangs up.
"""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import RV, PQGen
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from psycopg.pq import PipelineStatus
from psycopg_pool import AsyncConnectionPool

from mdms.storage.dsn import limited

_WAIT_S_MAX = 10.0
"""How long a transaction waits for a connection before the database counts as away."""
_MS_PER_S = 1000

_FRESH_S: Final = 0.25
"""A connection that was used just now is not asked whether it is there; its socket tells enough."""
_CHECK_S_MAX: Final = 3.0
"""So long may a connection that was idle take to say that it is there."""
_GRACE_S: Final = 10.0
"""Beyond the time after which the server itself ends a statement."""
_INTERVAL_S: Final = 0.1

AWAY: Final = (
    psycopg.OperationalError,
    ReadOnlySqlTransaction,
    IdleInTransactionSessionTimeout,
    TransactionTimeout,
)
"""What time, a restart or another server may cure; a standby before its promotion only reads."""

SET_UP = """
SELECT set_config('TimeZone', 'UTC', false),
       set_config('statement_timeout', %(statement_timeout_ms)s, false),
       set_config('max_parallel_workers_per_gather', '0', false),
       set_config('work_mem', '32MB', false),
       set_config('synchronize_seqscans', 'off', false)
"""
"""
A statement has one processor of the server: a run that loads a day of reads leaves the others to
what comes in, and grouped reads need not be passed between processes. The memory is what such a
load is grouped in; a scan that starts where another one is would spoil the order of its rows.
"""


class _Connection(AsyncConnection):
    """
    A connection that is hung up where the server says nothing for `patience_s`.

    Attributes:
        patience_s: How long a statement is waited for.
        answered_s: When the server answered last, by the event loop's clock.
    """

    patience_s = _WAIT_S_MAX
    answered_s = -_FRESH_S

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = _INTERVAL_S,
        timeout: float | None = None,  # noqa: ASYNC109 - the method that is refined has it
    ) -> RV:
        loop = asyncio.get_running_loop()
        patience = loop.call_later(self.patience_s, self._hang_up)
        try:
            answer = await super().wait(gen, interval, timeout)
        finally:
            patience.cancel()
        self.answered_s = loop.time()
        return answer

    def _hang_up(self) -> None:
        """End the line under whoever waits: they see a connection that is lost."""
        with socket.socket(fileno=os.dup(self.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def is_fresh(self) -> bool:
        """Return whether the server answered just now and has said nothing since, as by ending."""
        if asyncio.get_running_loop().time() - self.answered_s > _FRESH_S:
            return False
        line = select.poll()
        line.register(self.fileno(), select.POLLIN)
        return not line.poll(0)


async def connect_apart(dsn: str, *, patience_s: float) -> AsyncConnection:
    """
    Open a connection beside the pool, in autocommit.

    Args:
        dsn: Where the database is.
        patience_s: Hung up when the server says nothing for so long.
    """
    connection = await _Connection.connect(limited(dsn), autocommit=True)
    connection.patience_s = patience_s
    return connection


async def _answers(connection: AsyncConnection) -> None:
    assert isinstance(connection, _Connection), "the pool makes no others"
    if connection.is_fresh():
        return
    patience_s, connection.patience_s = connection.patience_s, _CHECK_S_MAX
    try:
        await AsyncConnectionPool.check_connection(connection)
    finally:
        connection.patience_s = patience_s


@asynccontextmanager
async def open_pool(
    dsn: str, *, connections_max: int, statement_timeout_s: float
) -> AsyncIterator[AsyncConnectionPool]:
    """
    Yield a pool of connections; each is checked when it is taken, so a restart goes unnoticed.

    Who was answered a moment ago is not asked again: a server that ended since has closed the line.

    Args:
        dsn: Where the database is.
        connections_max: Connections at one time.
        statement_timeout_s: A statement that runs longer is cancelled.

    Raises:
        UsageError: The DSN cannot be read.
    """

    async def set_up(connection: AsyncConnection) -> None:
        assert isinstance(connection, _Connection), "the pool makes no others"
        timeout_ms = str(round(statement_timeout_s * _MS_PER_S))
        await connection.execute(SET_UP, {"statement_timeout_ms": timeout_ms})
        await connection.commit()
        connection.patience_s = statement_timeout_s + _GRACE_S

    connections: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
        limited(dsn),
        connection_class=_Connection,
        min_size=1,
        max_size=connections_max,
        timeout=_WAIT_S_MAX,
        configure=set_up,
        check=_answers,
        open=False,
    )
    async with connections:
        yield connections


@asynccontextmanager
async def connection_of(connections: AsyncConnectionPool) -> AsyncIterator[AsyncConnection]:
    """
    Yield a connection, and keep it for others where it is of use to them.

    One that turns out to read only goes: the next one may find a writer. So does one that is still
    in its pipeline because whoever used it was cancelled: nobody else could copy with it.
    """
    async with connections.connection() as connection:
        try:
            yield connection
        except ReadOnlySqlTransaction:
            await connection.close()
            raise
        finally:
            if connection.info.pipeline_status is not PipelineStatus.OFF:
                await connection.close()
