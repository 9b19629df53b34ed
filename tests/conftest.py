"""What every test shares: how hard Hypothesis tries, and the servers that tests may ask for."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mdms.embedded import processes
from mdms.embedded.database import EmbeddedDatabase
from mdms.storage import roles
from mdms.storage.migrate import migrate
from mdms.storage.unit_of_work import Store, open_store

# How long something takes is no finding on a machine that does something else besides.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("dev", _patient, max_examples=50)
# Always the same examples: who submits a change answers for it, and not for their luck.
settings.register_profile("ci", _patient, max_examples=200, derandomize=True, database=None)
settings.register_profile("deep", _patient, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_configure() -> None:
    """Let each worker draw ports of its own, or one takes what another is about to listen on."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    processes._SERVER_PORTS = processes._SERVER_PORTS[number::count]


MIGRATED_AT = datetime(2026, 11, 1, tzinfo=UTC)
ZONE = "America/Los_Angeles"


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """A PostgreSQL server: MDMS_TEST_DSN if that is set, else an embedded one per worker."""
    if dsn := os.environ.get("MDMS_TEST_DSN"):
        yield dsn
        return
    # Not under pytest's own folders: as root, the server's user may not enter them.
    state_dir = Path(tempfile.mkdtemp(prefix="mdms-test-"))
    with EmbeddedDatabase(state_dir) as server:
        yield server.dsn
    shutil.rmtree(state_dir)


@contextmanager
def new_database(server: str, *, template: str = "template0") -> Iterator[str]:
    """Make a database like another one, which nobody may be connected to; drop it afterwards."""
    name = f"mdms_test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s
"""


@pytest.fixture(scope="session")
def migrated_template(database_server: str) -> Iterator[str]:
    """Name a database with today's tables and no rows, to be copied."""
    with new_database(database_server) as dsn:
        asyncio.run(migrate(dsn, at=MIGRATED_AT, zone=ZONE))
        name = str(conninfo_to_dict(dsn)["dbname"])
        with psycopg.connect(database_server, autocommit=True) as connection:
            # A database in use cannot be copied, and TimescaleDB's scheduler uses every one.
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
            )
            connection.execute(END_SESSIONS, [name])
        yield name


@pytest.fixture
def empty_database(database_server: str) -> Iterator[str]:
    """A database without tables; its DSN."""
    with new_database(database_server) as dsn:
        yield dsn


@pytest.fixture
def database(database_server: str, migrated_template: str) -> Iterator[str]:
    """A database of this test's own, migrated and empty; an administrator's DSN."""
    with new_database(database_server, template=migrated_template) as dsn:
        yield dsn


@pytest.fixture
def daemon_database(database: str) -> str:
    """The same, with the daemon's rights."""
    return make_conninfo(database, options=f"-c role={roles.DAEMON}")


@pytest.fixture
async def store(daemon_database: str) -> AsyncIterator[Store]:
    """Transactions on a database of this test's own, with the daemon's rights."""
    async with open_store(daemon_database, connections_max=4, statement_timeout_s=30) as opened:
        yield opened
