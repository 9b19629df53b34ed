"""Migrations on a real database: applied once, in order, and never changed afterwards."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from mdms.domain.errors import UnavailableError, UsageError
from mdms.storage.migrate import Migration, MigrationError, Phase, migrate, read, status
from mdms.storage.unit_of_work import open_store

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
ZONE = "America/Los_Angeles"
COLUMN = Migration(9001, Phase.PRE, "column", "ALTER TABLE meter ADD COLUMN colour text")
INDEX = Migration(
    9002,
    Phase.POST,
    "index",
    "-- transaction: none\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON meter (colour)",
)


async def test_all_is_applied_once_and_then_nothing_is_pending(empty_database):
    before = await status(empty_database)

    first = await migrate(empty_database, at=AT, zone=ZONE)
    second = await migrate(empty_database, at=AT, zone=ZONE)

    after = await status(empty_database)
    assert first == read()
    assert second == []
    assert [one.applied_at for one in before] == [None] * len(first)
    assert [one.applied_at for one in after] == [AT] * len(first)


async def test_two_runners_take_turns(empty_database):
    applied = await asyncio.gather(
        migrate(empty_database, at=AT, zone=ZONE), migrate(empty_database, at=AT, zone=ZONE)
    )

    assert sorted(map(len, applied)) == [0, len(read())]


async def test_a_phase_runs_only_its_own_files(database):
    files = [*read(), COLUMN, INDEX]

    pre = await migrate(database, at=AT, zone=ZONE, phases=[Phase.PRE], migrations=files)
    post = await migrate(database, at=AT, zone=ZONE, phases=[Phase.POST], migrations=files)

    assert (pre, post) == ([COLUMN], [INDEX])


async def test_what_is_left_for_after_the_roll_out_waits_for_what_comes_before(empty_database):
    with pytest.raises(MigrationError, match="pre migrations first"):
        await migrate(empty_database, at=AT, zone=ZONE, phases=[Phase.POST])


async def test_a_changed_file_is_refused_in_one_sentence(database):
    first, *rest = read()
    changed = replace(first, text=first.text + "\n-- harmless?")

    with pytest.raises(MigrationError, match="0001_pre_registry was changed after it was applied"):
        await migrate(database, at=AT, zone=ZONE, migrations=[changed, *rest])


async def test_a_database_of_a_newer_program_is_refused(database):
    await migrate(database, at=AT, zone=ZONE, migrations=[*read(), COLUMN])

    with pytest.raises(MigrationError, match="9001_pre_column, which this program does not know"):
        await migrate(database, at=AT, zone=ZONE)
    with pytest.raises(MigrationError, match="newer"):
        await status(database)


async def test_a_migration_that_fails_leaves_nothing_behind(database):
    broken = replace(COLUMN, text="CREATE TABLE half (a int); SELECT 1/0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(database, at=AT, zone=ZONE, migrations=[*read(), broken])

    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await connection.execute("SELECT to_regclass('half')")
        assert await found.fetchone() == (None,)
    assert await migrate(database, at=AT, zone=ZONE, migrations=[*read(), COLUMN]) == [COLUMN]


async def test_a_database_that_is_away_is_said_to_be_away(tmp_path):
    nowhere = f"postgresql://mdms@/postgres?host={tmp_path}"

    with pytest.raises(UnavailableError, match="cannot be migrated"):
        await migrate(nowhere, at=AT, zone=ZONE)
    with pytest.raises(UnavailableError):
        await status(nowhere)


async def test_a_database_without_tables_asks_for_a_migration(empty_database):
    with pytest.raises(UsageError, match="mdms db migrate"):
        async with open_store(empty_database, connections_max=1, statement_timeout_s=5):
            pass
