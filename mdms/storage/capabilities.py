"""What this database can do, decided once, when its tables are made (design D4)."""

from dataclasses import dataclass

from psycopg import AsyncConnection


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the tables were made with; a later change of the server does not change them."""

    timescaledb_version: str | None
    """None: plain PostgreSQL, native range partitions."""

    @property
    def timescale(self) -> bool:
        """Whether time series are hypertables."""
        return self.timescaledb_version is not None


# The setting exists only where the library is preloaded; without that, CREATE EXTENSION fails.
IS_TIMESCALE_READY = """
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL
"""

CREATE_EXTENSION = "CREATE EXTENSION IF NOT EXISTS timescaledb"

INSTALLED_VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"


async def detect(connection: AsyncConnection) -> Capabilities:
    """Ask the server, and switch TimescaleDB on in this database where it is ready for use."""
    ready = await (await connection.execute(IS_TIMESCALE_READY)).fetchone()
    if ready == (True,):
        await connection.execute(CREATE_EXTENSION)
    installed = await (await connection.execute(INSTALLED_VERSION)).fetchone()
    return Capabilities(None if installed is None else str(installed[0]))


REMEMBER = """
INSERT INTO capability (timescaledb_version) VALUES (%(timescaledb_version)s)
"""


async def remember(connection: AsyncConnection, found: Capabilities) -> None:
    """Keep what the tables are about to be made with."""
    await connection.execute(REMEMBER, {"timescaledb_version": found.timescaledb_version})


IS_NEW = "SELECT to_regclass('capability') IS NULL"

REMEMBERED = "SELECT timescaledb_version FROM capability"


async def remembered(connection: AsyncConnection) -> Capabilities | None:
    """Return what the tables were made with; None before the first migration."""
    if await (await connection.execute(IS_NEW)).fetchone() == (True,):
        return None
    row = await (await connection.execute(REMEMBERED)).fetchone()
    assert row is not None, "written with the table"
    return Capabilities(row[0])
