"""The whole line to PostgreSQL, beside binary COPY of rows that were made beforehand."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.readings import Int64, IntervalReads
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.read_tables import INTERVALS
from mdms.storage.unit_of_work import open_store
from tests.bench import server
from tests.bench.measure import Figures, Row, interleave
from tests.bench.server import Clocks, Server
from tests.bench.traffic import NOW, SLOT_S, Traffic
from tests.fakes import FakeClock

TRAFFIC = Traffic(meters=6_250, reports=8, intervals=8, frames=125)
"""1,000 reads a message; all of a meter's intervals fit the window of known ones."""
COMMIT_REPORTS = 2
"""A transaction holds two reports of every meter: 100 messages, 100,000 reads."""
COMMITS = TRAFFIC.reports // COMMIT_REPORTS
READS = TRAFFIC.meters * TRAFFIC.slots

UNITS = {
    "limit.ingest.binary_copy": "rows/s",
    "limit.ingest.binary_copy.cpu": "rows/CPU-s",
    "ingest.pipeline": "rows/s",
    "ingest.pipeline.cpu": "rows/CPU-s",
    "baseline.ingest.on_conflict": "rows/s",
    "ingest.replay": "rows/s",
}


def rows(rounds: int) -> list[Row]:
    """Measure storing of new reads and of reads that are stored already."""
    with ExitStack() as stack:
        running = stack.enter_context(server.started())
        runner = stack.enter_context(asyncio.Runner())
        store = stack.enter_context(_within(runner, _open(running.dsn)))
        database = stack.enter_context(psycopg.connect(running.dsn, autocommit=True))
        line = _Line(running, runner, store, database)
        found = interleave([line.pipeline, line.binary_copy], UNITS, rounds)
    copy, copy_cpu = found["limit.ingest.binary_copy"], found["limit.ingest.binary_copy.cpu"]
    on_conflict = found["baseline.ingest.on_conflict"]
    return [
        copy.row(),
        found["ingest.pipeline"].row(copy, goal="ratio >= 0.9"),
        copy_cpu.row(),
        found["ingest.pipeline.cpu"].row(copy_cpu, goal="ratio >= 0.8"),
        on_conflict.row(),
        found["ingest.replay"].row(on_conflict, goal="ratio >= 5"),
    ]


class _Delivery:
    """A broker in memory: all batches, then all of them again, and the clocks in between."""

    def __init__(self, batches: Sequence[Sequence[Envelope]], running: Server) -> None:
        self._batches = batches
        self._running = running
        self.marks: list[Clocks] = []
        self.acked_count = 0

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        for _ in ("first time", "again"):
            self.marks.append(self._running.clocks())
            for batch in self._batches:
                yield batch
        self.marks.append(self._running.clocks())

    async def ack(self, batch: Sequence[Envelope]) -> None:
        self.acked_count += len(batch)


class _Line:
    """The same reads as messages for the pipeline, and as streams for COPY."""

    def __init__(
        self,
        running: Server,
        runner: asyncio.Runner,
        store: UnitOfWorkFactory,
        database: psycopg.Connection,
    ) -> None:
        self._running, self._runner = running, runner
        self._store, self._database = store, database
        messages = TRAFFIC.messages()
        size = len(messages) // COMMITS
        self._batches = [messages[first : first + size] for first in range(0, len(messages), size)]
        self._channel_id = runner.run(_register(store))
        slots = TRAFFIC.slots // COMMITS
        self._streams = [
            _stream(TRAFFIC.interval_reads(self._channel_id, slice(first, first + slots)))
            for first in range(0, TRAFFIC.slots, slots)
        ]

    def pipeline(self) -> Figures:
        self._empty()
        delivery = _Delivery(self._batches, self._running)
        zone = ZoneInfo("America/Los_Angeles")
        self._runner.run(
            Pipeline(delivery, self._store, FakeClock(NOW), IngestConfig(), VeeHorizon(zone)).run()
        )
        begun, stored, replayed = delivery.marks
        self._check()
        self._check_company()
        assert delivery.acked_count == 2 * sum(map(len, self._batches)), "all is acknowledged"
        new, again = stored - begun, replayed - stored
        return {
            "ingest.pipeline": READS / new.wall_s,
            "ingest.pipeline.cpu": READS / new.cpu_s,
            "ingest.replay": READS / again.wall_s,
        }

    def binary_copy(self) -> Figures:
        append = INTERVALS.statements.append
        self._empty()
        begun = self._running.clocks()
        for stream in self._streams:
            with self._database.transaction():
                self._copy(append, stream)
        stored = self._running.clocks()
        for stream in self._streams:
            with self._database.transaction():
                self._database.execute(STAGE)
                self._copy(append.replace(b"interval_read", b"stage"), stream)
                self._database.execute(STORE_STAGED)
        replayed = self._running.clocks()
        self._check()
        new, again = stored - begun, replayed - stored
        return {
            "limit.ingest.binary_copy": READS / new.wall_s,
            "limit.ingest.binary_copy.cpu": READS / new.cpu_s,
            "baseline.ingest.on_conflict": READS / again.wall_s,
        }

    def _empty(self) -> None:
        """Begin with empty tables, nothing to write behind, and no garbage."""
        self._database.execute(EMPTY)
        self._database.execute("CHECKPOINT")
        gc.collect()

    def _copy(self, statement: bytes, stream: bytes) -> None:
        with self._database.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(stream)

    def _check(self) -> None:
        """Assert that every interval is stored once, with its own value."""
        reads = TRAFFIC.interval_reads(self._channel_id, slice(None))
        weight = reads.start_s // SLOT_S % 997 * (reads.channel_id % 991 + 1)
        expected = len(reads), int(reads.value.sum()), int((reads.value * weight).sum())
        assert self._database.execute(CHECKSUM).fetchone() == expected, "all rows, each once"

    def _check_company(self) -> None:
        """Assert that the registers and messages that go with the intervals are stored too."""
        registers = TRAFFIC.register_reads(self._channel_id, slice(None))
        expected = len(registers), int(registers.value.sum()), sum(map(len, self._batches)), 0, 0
        assert self._database.execute(COMPANY).fetchone() == expected, "and all that goes with them"


EMPTY = """
TRUNCATE interval_read, register_read, uplink_message, collector_sequence, dead_letter,
         read_conflict
"""

STAGE = "CREATE TEMPORARY TABLE stage (LIKE interval_read) ON COMMIT DROP"

STORE_STAGED = "INSERT INTO interval_read SELECT * FROM stage ON CONFLICT DO NOTHING"

CHECKSUM = f"""
SELECT count(*), sum(value)::bigint,
       sum(value * (extract(epoch FROM start_utc)::bigint / {SLOT_S} % 997)
           * (channel_id % 991 + 1))::bigint
FROM interval_read
"""

COMPANY = """
SELECT count(*), sum(value)::bigint, (SELECT count(*) FROM uplink_message),
       (SELECT count(*) FROM dead_letter), (SELECT count(*) FROM read_conflict)
FROM register_read
"""

T = TypeVar("T")


def _stream(reads: IntervalReads) -> bytes:
    """Return everything that COPY is sent for these rows."""
    return b"".join(bytes(part) for part in INTERVALS.pack(reads))


def _open(dsn: str) -> AbstractAsyncContextManager[UnitOfWorkFactory]:
    return open_store(dsn, connections_max=4, statement_timeout_s=60)


@contextmanager
def _within(runner: asyncio.Runner, resource: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold an asynchronous resource open between runs of a loop."""
    opened = runner.run(resource.__aenter__())
    try:
        yield opened
    finally:
        runner.run(resource.__aexit__(None, None, None))


async def _register(store: UnitOfWorkFactory) -> Int64:
    """Import the registry and return the channel of each meter."""
    async with store() as work:
        await work.registry.merge(TRAFFIC.registry())
    async with store() as work:
        table = await work.registry.channels()
    return table.channel_id[np.argsort(table.badge)].astype(np.int64)
