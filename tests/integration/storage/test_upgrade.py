"""From the previous release to this one: `pre` migrations only add, the old program writes on."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from mdms.storage.migrate import Phase, migrate, read

pytestmark = pytest.mark.db

PREVIOUS = 20
"""Number of the last migration of the previous release; raise it with each release."""

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
ZONE = "America/Los_Angeles"

STOPS_OLD = {("signer.audit", "content"), ("signer.audit", "hash")}
"""
What an old program cannot fill: an old signer notes no open, so it signs none, until the new one
starts; reconnects and reads, which it does not note, go on. The changelog says so.
"""

COLUMNS = """
SELECT c.table_schema || '.' || c.table_name AS table, c.column_name,
       c.data_type, c.is_nullable, t.table_type,
       c.column_default IS NOT NULL OR c.is_identity = 'YES' OR c.is_generated = 'ALWAYS' AS filled
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema IN ('public', 'report', 'personal', 'signer')
"""

MONTH = """
CREATE TABLE interval_read_2026_11 PARTITION OF interval_read
FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')
"""

# What the previous release sends, word for word.
OLD_READ = """
INSERT INTO interval_read (start_utc, recorded_at, value, flags, channel_id, version, method,
                           source, status)
VALUES (%(at)s, %(at)s, 1, 0, %(number)s, 0, 0, 1, 'R')
"""
OLD_LETTER = """
INSERT INTO dead_letter (received_at, reason, detail, topic, frame_index, payload)
VALUES (%(at)s, 'bad_crc', '', 'ami/v1/cpau/col/1/up/read', NULL, ''::bytea)
"""


@pytest.fixture
def previous(empty_database: str) -> str:
    """A database as the previous release left it."""
    old = [each for each in read() if each.number <= PREVIOUS]
    asyncio.run(migrate(empty_database, at=AT, zone=ZONE, migrations=old))
    return empty_database


def columns(dsn: str) -> dict[tuple[str, str], tuple[str, str, str, bool]]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(COLUMNS).fetchall()
    return {
        (table, column): (kind, null, what, filled)
        for table, column, kind, null, what, filled in found
    }


def test_what_the_old_program_reads_and_writes_is_there_as_it_was(previous):
    before = columns(previous)

    asyncio.run(migrate(previous, at=AT, zone=ZONE, phases=[Phase.PRE]))

    after = columns(previous)
    tables = {table for table, _ in before}
    assert {name for name in before if name not in after} == set(), "gone"
    assert {
        name
        for name in before
        if (before[name][0], before[name][2]) != (after[name][0], after[name][2])
    } == set(), "of another type"
    asked_for_more = {
        name
        for name, (_, null, what, filled) in after.items()
        if what == "BASE TABLE" and name[0] in tables and null == "NO" and not filled
        and (name not in before or before[name][1] == "YES")
    }  # fmt: skip
    assert asked_for_more <= STOPS_OLD, "the old program does not fill it"


class OldProgram(threading.Thread):
    """Writes as the previous release does, a transaction after the other."""

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn = dsn
        self._ended = threading.Event()
        self.written = 0
        self.longest_s = 0.0

    def run(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._ended.is_set():
                began_s = time.monotonic()
                with connection.transaction():
                    row = {"at": AT, "number": self.written}
                    connection.execute(OLD_READ, row)
                    connection.execute(OLD_LETTER, row)
                self.written += 1
                self.longest_s = max(self.longest_s, time.monotonic() - began_s)

    def end(self) -> None:
        self._ended.set()
        self.join()


@pytest.fixture
def old_program(previous: str) -> Iterator[OldProgram]:
    with psycopg.connect(previous) as connection:
        if connection.execute("SELECT timescaledb_version FROM capability").fetchone() == (None,):
            connection.execute(MONTH)
    program = OldProgram(previous)
    program.start()
    yield program
    program.end()


def test_the_old_program_goes_on_writing_while_pre_migrations_run(previous, old_program):
    applied = asyncio.run(migrate(previous, at=AT, zone=ZONE, phases=[Phase.PRE]))
    during = old_program.written
    while old_program.written < during + 5 and old_program.is_alive():
        time.sleep(0.01)
    old_program.end()

    assert len(applied) > 0
    assert old_program.written >= during + 5, "it goes on afterwards"
    with psycopg.connect(previous) as connection:
        assert connection.execute(
            "SELECT (SELECT count(*) FROM interval_read), (SELECT count(*) FROM dead_letter)"
        ).fetchone() == (old_program.written, old_program.written)
    assert old_program.longest_s < 20, "no migration shuts writers out for long"
