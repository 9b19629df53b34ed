"""What only a doctor asks of a database: rights, clocks, what is set up, who is silent."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import AsyncConnection

from mdms.domain.errors import UnavailableError
from mdms.storage import capabilities
from mdms.storage.dsn import limited

_CONNECT_S_MAX = 10
_ON_THIS_MACHINE = ("/", "localhost", "127.", "::1")


@dataclass(frozen=True, slots=True)
class TimescaleFacts:
    """TimescaleDB as the server offers it, and as the tables use it."""

    offered_version: str | None
    """None: not installed on this server."""
    used_version: str | None
    """None: the tables are native partitions, or there are none yet."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """Who is registered, and when each collector was heard last."""

    meter_count: int
    collector_count: int
    never_heard: tuple[int, ...]
    last_heard: tuple[tuple[int, datetime], ...]


class Diagnosis:
    """One connection to the database under examination."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    SERVER_VERSION = "SELECT current_setting('server_version'), current_user"

    async def server_and_user(self) -> tuple[str, str]:
        """Return the server's version and the user that the DSN leads to."""
        row = await (await self._connection.execute(self.SERVER_VERSION)).fetchone()
        assert row is not None, "a SELECT without FROM has one row"
        return row

    # Its clock is what is asked about: the one place where the server may say what time it is.
    CLOCK = "SELECT clock_timestamp()"

    async def server_time(self) -> datetime:
        """Return what the database's machine believes the time to be."""
        row = await (await self._connection.execute(self.CLOCK)).fetchone()
        assert row is not None, "a SELECT without FROM has one row"
        instant: datetime = row[0]
        return instant

    MIGRATION_SEEN = """
    SELECT coalesce(has_table_privilege(to_regclass('migration'), 'SELECT'), true)
    """

    async def sees_migrations(self) -> bool:
        """Tell whether the user may read how far the tables are; true where there are none."""
        row = await (await self._connection.execute(self.MIGRATION_SEEN)).fetchone()
        return row == (True,)

    # Months of plain PostgreSQL are attached by the daemon, which takes the table's owner. It moves
    # the head of the audit but adds none, and only the signer adds seals.
    LACKING = """
    SELECT c.relname, wanted.privilege
    FROM pg_class c
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) wanted (privilege)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND NOT has_table_privilege(c.oid, wanted.privilege)
      AND CASE wanted.privilege
              WHEN 'INSERT' THEN c.relname NOT IN ('audit_head', 'audit_seal')
              WHEN 'UPDATE' THEN c.relname = 'audit_head'
              ELSE true
          END
    UNION ALL
    SELECT c.relname, 'OWNER'
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'p'
      AND NOT pg_has_role(c.relowner, 'USAGE')
    ORDER BY 1, 2
    """

    async def lacking_rights(self) -> list[tuple[str, str]]:
        """Return (table, right) that the user needs and has not."""
        return await (await self._connection.execute(self.LACKING)).fetchall()

    REACHES_SIGNER = """
    SELECT coalesce(has_schema_privilege(to_regnamespace('signer'), 'USAGE'), false)
    """

    async def reaches_signer(self) -> bool:
        """Tell whether the user may look into the signer's schema, which is the signer's alone."""
        row = await (await self._connection.execute(self.REACHES_SIGNER)).fetchone()
        return row == (True,)

    OFFERED = "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"

    async def timescale(self) -> TimescaleFacts:
        """Return what the server has of TimescaleDB."""
        offered = await (await self._connection.execute(self.OFFERED)).fetchone()
        used = await capabilities.remembered(self._connection)
        return TimescaleFacts(
            offered_version=offered[0] if offered else None,
            used_version=used.timescaledb_version if used else None,
        )

    COUNTS = """
    SELECT (SELECT count(*) FROM meter_installation WHERE removed_at IS NULL) AS meter_count,
           count(*) AS collector_count
    FROM collector
    """

    HEARD = """
    SELECT collector_id, received_at
    FROM collector LEFT JOIN collector_sequence USING (collector_id)
    ORDER BY received_at, collector_id
    """

    async def line(self) -> LineFacts:
        """Return what the registry and the collectors' sequences say."""
        counts = await (await self._connection.execute(self.COUNTS)).fetchone()
        heard = await (await self._connection.execute(self.HEARD)).fetchall()
        assert counts is not None, "an aggregate has one row"
        return LineFacts(
            meter_count=counts[0],
            collector_count=counts[1],
            never_heard=tuple(sorted(who for who, at in heard if at is None)),
            last_heard=tuple((who, at) for who, at in heard if at is not None),
        )

    DATA_DIRECTORY = """
    SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
                THEN current_setting('data_directory') END
    """

    async def data_directory(self) -> Path | None:
        """Return where a server on this machine keeps its data; None if that cannot be known."""
        if not self._connection.info.host.startswith(_ON_THIS_MACHINE):
            return None
        row = await (await self._connection.execute(self.DATA_DIRECTORY)).fetchone()
        return Path(row[0]) if row and row[0] else None


@asynccontextmanager
async def examine(dsn: str) -> AsyncIterator[Diagnosis]:
    """
    Connect to a database, migrated or not.

    Raises:
        UnavailableError: It is away, or does not let this user in; in the driver's words.
        UsageError: The DSN cannot be read.
    """
    with _errors_translated():
        async with await AsyncConnection.connect(
            limited(dsn), autocommit=True, connect_timeout=_CONNECT_S_MAX
        ) as connection:
            await connection.execute("SET TimeZone = 'UTC'")
            yield Diagnosis(connection)


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise UnavailableError(" ".join(str(error).split())) from error
