"""A PostgreSQL of the benchmark's own, and what it costs in CPU seconds."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mdms.embedded.database import EmbeddedDatabase
from mdms.storage.migrate import migrate
from tests.bench.traffic import NOW


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds that have passed, on the wall and of CPU by us and the server together."""

    wall_s: float
    cpu_s: float

    def __sub__(self, earlier: "Clocks") -> "Clocks":
        return Clocks(self.wall_s - earlier.wall_s, self.cpu_s - earlier.cpu_s)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with our tables in it."""

    dsn: str
    pid: int

    def clocks(self) -> Clocks:
        """Return the clocks as they stand now."""
        return Clocks(time.perf_counter(), time.process_time() + self._cpu_s())

    def _cpu_s(self) -> float:
        """Return the CPU seconds of the postmaster and its children, the ended ones included."""
        postmaster = psutil.Process(self.pid)
        own = postmaster.cpu_times()
        spent_s: float = own.user + own.system + own.children_user + own.children_system
        for child in postmaster.children():
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
