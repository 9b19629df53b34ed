"""A PostgreSQL to measure on, its own or a given one, and what it costs in CPU seconds."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mdms.embedded.database import EmbeddedDatabase
from mdms.storage.migrate import migrate
from tests.bench.traffic import NOW


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds that have passed, on the wall and of CPU by us and the servers together."""

    wall_s: float
    cpu_s: float

    def __sub__(self, earlier: "Clocks") -> "Clocks":
        return Clocks(self.wall_s - earlier.wall_s, self.cpu_s - earlier.cpu_s)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with our tables in it."""

    dsn: str
    pid: int

    def clocks(self, *others: int) -> Clocks:
        """Return the clocks as they stand now; `others` are processes that count as well."""
        begun_s = time.process_time()
        spent_s = sum(_cpu_s(pid) for pid in (self.pid, *others))
        looking_s = _looked_s[0] = _looked_s[0] + time.process_time() - begun_s
        return Clocks(time.perf_counter(), time.process_time() - looking_s + spent_s)


_looked_s = [0.0]
"""What looking at other processes has cost so far: nobody else's expense."""


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children, the ended ones included."""
    parent = psutil.Process(pid)
    own = parent.cpu_times()
    spent_s: float = own.user + own.system + own.children_user + own.children_system
    for child in parent.children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            times = child.cpu_times()
            spent_s += times.user + times.system
    return spent_s


@contextmanager
def started() -> Iterator[Server]:
    """Start a server in a folder of its own, and leave nothing of it behind."""
    folder = Path(tempfile.mkdtemp(prefix="mdms-bench-"))
    try:
        with EmbeddedDatabase(folder) as database:
            asyncio.run(migrate(database.dsn, at=NOW, zone="America/Los_Angeles"))
            yield Server(database.dsn, database.pid)
    finally:
        shutil.rmtree(folder)


@contextmanager
def given(dsn: str) -> Iterator[Server]:
    """Make a database of our own on a server of this machine, and leave nothing of it behind."""
    name = f"mdms_bench_{uuid4().hex[:12]}"
    database = sql.Identifier(name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None, "a connection has a process"
        postmaster = psutil.Process(row[0]).ppid()
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        try:
            ours = make_conninfo(dsn, dbname=name)
            asyncio.run(migrate(ours, at=NOW, zone="America/Los_Angeles"))
            yield Server(ours, postmaster)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
