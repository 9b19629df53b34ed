"""
The forward-only migration runner.

Files in `migrations/` are named NNNN_pre_NAME.sql (before the new code runs) or NNNN_post_NAME.sql
(after the old code is gone). Each runs in a transaction of its own and is recorded with a checksum;
a file that starts with `-- transaction: none` holds one statement that PostgreSQL refuses inside a
transaction, and must bear being run twice. Two runners at once take turns.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Self

import psycopg
from psycopg import AsyncConnection

from mdms.domain.errors import OperatorError, UnavailableError
from mdms.storage import capabilities, roles, time_series
from mdms.storage.capabilities import Capabilities
from mdms.storage.dsn import limited

_NO_TRANSACTION = "-- transaction: none"


class MigrationError(OperatorError):
    """The database and the migration files do not belong together."""


class Phase(StrEnum):
    """When a migration runs, seen from the roll-out of the code that comes with it."""

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`."""

    number: int
    phase: Phase
    name: str
    text: str

    @classmethod
    def parse(cls, file_name: str, text: str) -> Self:
        """Return the migration that a file holds; the name says when it runs."""
        number, phase, name = file_name.removesuffix(".sql").split("_", 2)
        return cls(int(number), Phase(phase), name, text)

    @property
    def checksum(self) -> str:
        """SHA-256 of the text as it is in the file, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether the file may run inside a transaction."""
        return not self.text.startswith(_NO_TRANSACTION)

    def __str__(self) -> str:
        return f"{self.number:04}_{self.phase}_{self.name}"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """A migration and when it was applied to a database; None while it is pending."""

    migration: Migration
    applied_at: datetime | None


def read(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations of a folder by number; ours unless another is named."""
    folder = resources.files("mdms.storage") / "migrations" if folder is None else folder
    found = sorted(
        (
            Migration.parse(file.name, file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda migration: migration.number,
    )
    numbers = [migration.number for migration in found]
    assert len(set(numbers)) == len(numbers), "each migration has a number of its own"
    return found


async def migrate(
    dsn: str,
    *,
    at: datetime,
    zone: str,
    phases: Sequence[Phase] = (Phase.PRE, Phase.POST),
    migrations: Sequence[Migration] | None = None,
) -> list[Migration]:
    """
    Apply what is pending, in order, and return it.

    Args:
        dsn: Where the database is; its user may create roles and schemas (an administrator's).
        at: What is recorded as the time of applying.
        zone: The utility's IANA time zone, by which views cut days.
        phases: Which kinds of migrations to apply.
        migrations: Instead of those that come with this program.

    Raises:
        MigrationError: An applied file was changed, the database is newer than the files, the user
            has too few rights, or post migrations are asked for while pre ones are pending.
        UnavailableError: The database is away.
        UsageError: The DSN cannot be read.
    """
    migrations = read() if migrations is None else migrations
    try:
        async with await AsyncConnection.connect(limited(dsn), autocommit=True) as connection:
            await connection.execute("SET TimeZone = 'UTC'")
            await connection.execute(LOCK)
            found = await _bootstrap(connection)
            applied = await _applied(connection)
            _check(migrations, applied)
            missing = [m for m in migrations if m.number not in applied]
            pending = [m for m in missing if m.phase in phases]
            if Phase.PRE not in phases and any(m.phase is Phase.PRE for m in missing):
                raise MigrationError("apply the pre migrations first: the new code needs them")
            for migration in pending:
                await _apply(connection, migration, found, at)
            await connection.execute(SET_ZONE, {"zone": zone})
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"this needs more rights: {error.diag.message_primary}; migrate with an "
            "administrator's DSN (MDMS_DATABASE__DSN), one that may create roles"
        ) from error
    except psycopg.OperationalError as error:
        raise UnavailableError(f"the database cannot be migrated: {error}") from error
    return pending


async def status(dsn: str) -> list[MigrationStatus]:
    """
    Return every migration that comes with this program and when it was applied.

    Raises:
        MigrationError: An applied file was changed, or the database is newer than the files.
        UnavailableError: The database is away.
        UsageError: The DSN cannot be read.
    """
    migrations = read()
    try:
        async with await AsyncConnection.connect(limited(dsn), autocommit=True) as connection:
            await connection.execute("SET TimeZone = 'UTC'")
            is_new = await (await connection.execute(IS_NEW)).fetchone() == (True,)
            applied = {} if is_new else await _applied(connection)
    except psycopg.OperationalError as error:
        raise UnavailableError(f"the database cannot be asked: {error}") from error
    _check(migrations, applied)
    return [
        MigrationStatus(m, applied[m.number].applied_at if m.number in applied else None)
        for m in migrations
    ]


# Held by the session: a migration without a transaction is covered too.
LOCK = "SELECT pg_advisory_lock(hashtextextended('mdms migrations', 0))"

IS_NEW = "SELECT to_regclass('migration') IS NULL"

BOOTSTRAP = """
CREATE TABLE migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL
);
CREATE TABLE capability (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    timescaledb_version text
);
"""


async def _bootstrap(connection: AsyncConnection) -> Capabilities:
    """Make the runner's own tables in a new database; return what its tables are made with."""
    found = await capabilities.remembered(connection)
    if found is None:
        async with connection.transaction():
            found = await capabilities.detect(connection)
            await connection.execute(BOOTSTRAP)
            await capabilities.remember(connection, found)
    return found


@dataclass(frozen=True, slots=True)
class _Applied:
    name: str
    checksum: str
    applied_at: datetime


APPLIED = "SELECT number, name, checksum, applied_at FROM migration"


async def _applied(connection: AsyncConnection) -> Mapping[int, _Applied]:
    cursor = await connection.execute(APPLIED)
    return {number: _Applied(*rest) for number, *rest in await cursor.fetchall()}


def _check(migrations: Sequence[Migration], applied: Mapping[int, _Applied]) -> None:
    by_number = {migration.number: migration for migration in migrations}
    for number, record in sorted(applied.items()):
        if number not in by_number:
            raise MigrationError(
                f"the database has had {record.name}, which this program does not know: "
                "it was migrated by a newer one; run that"
            )
        if by_number[number].checksum != record.checksum:
            raise MigrationError(
                f"{by_number[number]} was changed after it was applied: "
                "restore the file and write a new migration instead"
            )


async def _apply(
    connection: AsyncConnection, migration: Migration, found: Capabilities, at: datetime
) -> None:
    statements = time_series.render(migration.text, found).encode()
    if migration.in_transaction:
        async with connection.transaction():
            await connection.execute(statements)
            await _finish(connection, migration, at)
    else:
        await connection.execute(statements)
        await _finish(connection, migration, at)


RECORD = """
INSERT INTO migration (number, name, checksum, applied_at)
VALUES (%(number)s, %(name)s, %(checksum)s, %(applied_at)s)
"""


async def _finish(connection: AsyncConnection, migration: Migration, at: datetime) -> None:
    """Give what a migration made to its owner, and record the migration."""
    if migration.number >= roles.SINCE_MIGRATION:
        await roles.hand_over(connection)
    record = {
        "number": migration.number,
        "name": str(migration),
        "checksum": migration.checksum,
        "applied_at": at,
    }
    await connection.execute(RECORD, record)


SET_ZONE = """
INSERT INTO utility (zone) VALUES (%(zone)s)
ON CONFLICT (only_row) DO UPDATE SET zone = EXCLUDED.zone
"""
