"""The turn to take reads, as two processes see it."""

import asyncio
from datetime import datetime

import psycopg
import pytest

from mdms.domain.errors import UnavailableError
from mdms.domain.turns import Process, Taker
from mdms.storage import turn as turns
from mdms.storage.turn import Turn
from tests.fakes import FakeClock
from tests.messages import NOON

pytestmark = pytest.mark.db

ONE, OTHER = Process("a", 1, "space"), Process("b", 2, "")


@pytest.fixture
def clock():
    return FakeClock(NOON)


async def test_one_has_it_until_it_leaves_or_its_session_ends(daemon_database, database, clock):
    one = Turn(daemon_database, "mdms-ingest", ONE, clock)
    other = Turn(daemon_database, "mdms-ingest", OTHER, clock)
    of_another_name = Turn(daemon_database, "second", OTHER, clock)

    assert await one.take()
    assert await one.last() is None
    await one.sign()
    assert await of_another_name.take()
    assert not await other.take()
    assert await other.last() == ONE
    await other.leave()  # who never had it says nothing for the one who has
    assert not await other.take()
    assert await other.last() == ONE
    await one.leave()
    assert await other.take()
    assert await other.last() is None
    await other.sign()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    await other.lost()
    assert await one.take()
    assert await one.last() == OTHER

    for each in (one, other, of_another_name):
        await each.drop()


async def test_it_is_known_who_takes_reads_since_when_and_whether_they_are_there(
    daemon_database, database, store, clock
):
    turn = Turn(daemon_database, "mdms-ingest", ONE, clock)
    before = server_time(database)
    await turn.take()
    await turn.sign()
    after = server_time(database)

    async with store() as work:
        taking = await work.takers.takers()
    await turn.drop()
    gone = taking
    while gone[0].present:  # the server lets go a moment after the session has ended here
        async with store() as work:
            gone = await work.takers.takers()

    since = taking[0].since
    assert before <= since <= after
    assert taking == [Taker("mdms-ingest", ONE, since, present=True)]
    assert gone == [Taker("mdms-ingest", ONE, since, present=False)]


def server_time(database: str) -> datetime:
    with psycopg.connect(database) as connection:
        ((now,),) = connection.execute("SELECT now()")
    assert isinstance(now, datetime)
    return now


async def test_a_turn_that_was_lost_cannot_be_signed(daemon_database, clock):
    turn = Turn(daemon_database, "mdms-ingest", ONE, clock)

    with pytest.raises(UnavailableError):
        await turn.sign()


async def test_a_server_that_says_nothing_has_perhaps_given_it_away(
    daemon_database, clock, monkeypatch
):
    monkeypatch.setattr(turns, "PATIENCE_S", 1.0)
    turn = Turn(daemon_database, "mdms-ingest", ONE, clock)
    await turn.take()
    assert turn._session is not None
    slow = "SELECT pg_sleep(20)"
    with monkeypatch.context() as patched:
        execute = turn._session.execute
        patched.setattr(turn._session, "execute", lambda _: execute(slow))

        async with asyncio.timeout(15):
            await turn.lost()

    with pytest.raises(UnavailableError):
        await turn.sign()


async def test_a_database_that_is_away_is_unavailable(clock):
    turn = Turn("host=127.0.0.1 port=1", "mdms-ingest", ONE, clock)

    with pytest.raises(UnavailableError):
        await turn.take()
