"""Connections to a server that freezes, or that only reads."""

import asyncio
import os
import signal
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from mdms.domain.errors import UnavailableError
from mdms.storage import pool
from mdms.storage.unit_of_work import open_store

pytestmark = pytest.mark.db

AT = datetime(2026, 12, 1, tzinfo=UTC)


async def pid_of(connections: AsyncConnectionPool) -> int:
    async with connections.connection() as connection:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_connection_that_froze_while_it_was_idle_is_given_up(daemon_database, monkeypatch):
    monkeypatch.setattr(pool, "_CHECK_S_MAX", 0.2)
    monkeypatch.setattr(pool, "_FRESH_S", -1)
    async with pool.open_pool(
        daemon_database, connections_max=2, statement_timeout_s=30
    ) as connections:
        frozen = await pid_of(connections)
        os.kill(frozen, signal.SIGSTOP)
        try:
            other = await asyncio.wait_for(pid_of(connections), 30)
        finally:
            os.kill(frozen, signal.SIGCONT)

    assert other != frozen


LAST_STATEMENT = "SELECT query FROM pg_stat_activity WHERE pid = %s"
END = "SELECT pg_terminate_backend(%s, 5000)"


@pytest.mark.parametrize(("fresh_s", "last"), [(60, "COMMIT"), (-1, "")])
async def test_only_a_connection_that_was_idle_is_asked_whether_it_is_there(
    database, daemon_database, monkeypatch, fresh_s, last
):
    monkeypatch.setattr(pool, "_FRESH_S", fresh_s)
    async with pool.open_pool(
        daemon_database, connections_max=1, statement_timeout_s=30
    ) as connections:
        pid = await pid_of(connections)
        async with connections.connection():
            with psycopg.connect(database) as administrator:
                found = administrator.execute(LAST_STATEMENT, [pid]).fetchone()

    assert found == (last,)


async def test_a_connection_that_ended_just_now_is_given_to_nobody(
    database, daemon_database, monkeypatch
):
    monkeypatch.setattr(pool, "_FRESH_S", 60)
    async with pool.open_pool(
        daemon_database, connections_max=2, statement_timeout_s=30
    ) as connections:
        ended = await pid_of(connections)
        with psycopg.connect(database) as administrator:
            administrator.execute(END, [ended])

        other = await pid_of(connections)

    assert other != ended


async def test_who_waits_longer_than_the_server_would_let_them_hangs_up(
    daemon_database, monkeypatch
):
    monkeypatch.setattr(pool, "_GRACE_S", 0.1)
    async with pool.open_pool(
        daemon_database, connections_max=1, statement_timeout_s=1
    ) as connections:
        frozen = await pid_of(connections)
        async with connections.connection() as connection:
            os.kill(frozen, signal.SIGSTOP)
            try:
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(connection.execute("SELECT 1"), 30)
            finally:
                os.kill(frozen, signal.SIGCONT)


async def test_a_database_that_only_reads_is_away_for_who_writes_until_it_takes_writes_again(
    database, daemon_database
):
    name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
    read_only = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
    with psycopg.connect(database, autocommit=True) as administrator:
        administrator.execute(read_only.format(name, sql.Literal("on")))
        async with open_store(daemon_database, connections_max=1, statement_timeout_s=30) as store:
            async with store() as work:
                assert await work.messages.sequences() == []
            with pytest.raises(UnavailableError, match="read-only"):
                async with store() as work:
                    await work.gaps.lose([1], AT)
            administrator.execute("SET default_transaction_read_only = off")
            administrator.execute(read_only.format(name, sql.Literal("off")))

            async with store() as work:
                await work.gaps.lose([1], AT)


async def test_who_is_cancelled_at_the_start_of_a_pipeline_leaves_nobody_in_it(daemon_database):
    async with pool.open_pool(
        daemon_database, connections_max=1, statement_timeout_s=30
    ) as connections:
        frozen = await pid_of(connections)

        async def begin() -> None:
            async with (
                pool.connection_of(connections) as connection,
                connection.pipeline(),
                connection.transaction(),
            ):
                raise AssertionError("the server is frozen")

        beginning = asyncio.create_task(begin())
        os.kill(frozen, signal.SIGSTOP)
        try:
            await asyncio.wait({beginning}, timeout=0.2)
            beginning.cancel()
            await asyncio.wait({beginning}, timeout=0.1)
        finally:
            os.kill(frozen, signal.SIGCONT)
        await asyncio.wait({beginning})
        async with pool.connection_of(connections) as connection:
            cursor = connection.cursor()
            async with cursor.copy("COPY (SELECT 7) TO STDOUT") as copied:
                rows = [bytes(row) async for row in copied]

    assert beginning.cancelled()
    assert rows == [b"7\n"]
