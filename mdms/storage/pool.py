"""Connections: a bounded number, in UTC, whose statements end in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

_WAIT_S_MAX = 10.0
"""How long a transaction waits for a connection before the database counts as away."""
_MS_PER_S = 1000

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


@asynccontextmanager
async def open_pool(
    dsn: str, *, connections_max: int, statement_timeout_s: float
) -> AsyncIterator[AsyncConnectionPool]:
    """
    Yield a pool of connections; each is checked when it is taken, so a restart goes unnoticed.

    Args:
        dsn: Where the database is.
        connections_max: Connections at one time.
        statement_timeout_s: A statement that runs longer is cancelled.
    """

    async def set_up(connection: AsyncConnection) -> None:
        timeout_ms = str(round(statement_timeout_s * _MS_PER_S))
        await connection.execute(SET_UP, {"statement_timeout_ms": timeout_ms})
        await connection.commit()

    async with AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=connections_max,
        timeout=_WAIT_S_MAX,
        configure=set_up,
        check=AsyncConnectionPool.check_connection,
        open=False,
    ) as pool:
        yield pool
