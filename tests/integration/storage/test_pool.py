"""Connections to a server that freezes."""

import asyncio
import os
import signal

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from mdms.storage import pool

pytestmark = pytest.mark.db


async def pid_of(connections: AsyncConnectionPool) -> int:
    async with connections.connection() as connection:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_connection_that_froze_while_it_was_idle_is_given_up(daemon_database, monkeypatch):
    monkeypatch.setattr(pool, "_CHECK_S_MAX", 0.2)
    async with pool.open_pool(
        daemon_database, connections_max=2, statement_timeout_s=30
    ) as connections:
        frozen = await pid_of(connections)
        os.kill(frozen, signal.SIGSTOP)
        try:
            other = await asyncio.wait_for(pid_of(connections), 10)
        finally:
            os.kill(frozen, signal.SIGCONT)

    assert other != frozen


async def test_who_waits_longer_than_the_server_would_let_them_hangs_up(
    daemon_database, monkeypatch
):
    monkeypatch.setattr(pool, "_GRACE_S", 0.1)
    async with pool.open_pool(
        daemon_database, connections_max=1, statement_timeout_s=0.5
    ) as connections:
        frozen = await pid_of(connections)
        async with connections.connection() as connection:
            os.kill(frozen, signal.SIGSTOP)
            try:
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(connection.execute("SELECT 1"), 10)
            finally:
                os.kill(frozen, signal.SIGCONT)
