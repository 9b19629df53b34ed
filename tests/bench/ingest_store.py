"""The whole line, MQTT to PostgreSQL, beside binary COPY of rows that were made beforehand."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import psutil
import psycopg
from psycopg import sql

from ingest.hearing import Hearing
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.readings import Int64, IntervalReads
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.read_tables import INTERVALS
from mdms.storage.unit_of_work import open_store
from tests.bench import queue, server
from tests.bench.measure import Figures, Row, Series, interleave
from tests.bench.queue import BenchClock, Broker, Queue
from tests.bench.server import Server
from tests.bench.traffic import NOW, SLOT_S, Traffic

LARGE = Traffic(meters=6_000, reports=8, intervals=8, frames=125)
"""1,000 reads a message; all of a meter's intervals fit the window of known ones."""
SMALL = Traffic(meters=6_000, reports=8, intervals=8, frames=12)
"""The same reads, 96 a message."""
COMMIT_REPORTS: Final = 2
"""A transaction holds two reports of every meter: 96,000 reads."""
COMMITS: Final = LARGE.reports // COMMIT_REPORTS
READS: Final = LARGE.meters * LARGE.slots
MILLION: Final = 1_000_000
MIB: Final = 1 << 20

UNITS = {
    "limit.ingest.binary_copy": "rows/s",
    "limit.ingest.binary_copy.cpu": "rows/CPU-s",
    "limit.ingest.all_rows.cpu": "rows/CPU-s",
    "ingest.pipeline": "rows/s",
    "ingest.pipeline.cpu": "rows/CPU-s",
    "ingest.pipeline.96": "rows/s",
    "ingest.pipeline.96.cpu": "rows/CPU-s",
    "ingest.cost": "CPU-s/million",
    "ingest.bytes": "B/read",
    "ingest.memory": "MiB",
    "baseline.ingest.on_conflict": "rows/s",
    "ingest.replay": "rows/s",
}


def rows(rounds: int) -> list[Row]:
    """Measure storing of new reads and of reads that are stored already."""
    with ExitStack() as stack:
        running = stack.enter_context(server.started())
        line = Line.open(stack, running)
        line.prime()
        contenders = [line.pipeline, line.small_messages, line.binary_copy, line.copy_of_all_rows]
        return compared(interleave(contenders, UNITS, rounds))


def compared(found: dict[str, Series]) -> list[Row]:
    """Return the rows with what each is compared with, and the goals."""
    copy, copy_cpu = found["limit.ingest.binary_copy"], found["limit.ingest.binary_copy.cpu"]
    on_conflict = found["baseline.ingest.on_conflict"]
    return [
        copy.row(),
        found["ingest.pipeline"].row(copy, goal="ratio >= 0.9"),
        copy_cpu.row(),
        found["limit.ingest.all_rows.cpu"].row(copy_cpu),
        found["ingest.pipeline.cpu"].row(copy_cpu, goal="ratio >= 0.8"),
        found["ingest.pipeline.96"].row(copy),
        found["ingest.pipeline.96.cpu"].row(copy_cpu, goal="ratio >= 0.7"),
        found["ingest.cost"].row(goal="value <= 0.6"),
        found["ingest.bytes"].row(),
        found["ingest.memory"].row(),
        on_conflict.row(),
        found["ingest.replay"].row(on_conflict, goal="ratio >= 5"),
    ]


class Line:
    """The same reads as messages in a broker for the pipeline, and as streams for COPY."""

    def __init__(
        self,
        running: Server,
        broker: Broker,
        runner: asyncio.Runner,
        store: UnitOfWorkFactory,
        database: psycopg.Connection,
    ) -> None:
        self._running, self._broker, self._runner = running, broker, runner
        self._store, self.database = store, database
        self._messages, self._small_messages = LARGE.messages(), SMALL.messages()
        self._company: list[Sequence[tuple[str, bytes]]] = []
        self._channel_id = runner.run(_register(store))
        slots = LARGE.slots // COMMITS
        self.streams = [
            stream(LARGE.interval_reads(self._channel_id, slice(first, first + slots)))
            for first in range(0, LARGE.slots, slots)
        ]

    @classmethod
    def open(cls, stack: ExitStack, running: Server) -> "Line":
        """Return a line on a server, with a broker of its own, until the stack unwinds."""
        broker = stack.enter_context(queue.broker())
        runner = stack.enter_context(asyncio.Runner())
        opening = open_store(running.dsn, connections_max=4, statement_timeout_s=60)
        store = stack.enter_context(within(runner, opening))
        database = stack.enter_context(psycopg.connect(running.dsn, autocommit=True))
        return cls(running, broker, runner, store, database)

    def prime(self) -> None:
        """Run once: partitions are made, and what else is stored beside reads is known."""
        self.run_once()
        size = len(self._messages) // COMMITS
        hours = timedelta(hours=LARGE.slots // COMMITS * SLOT_S // 3600)
        for commit in range(COMMITS):
            first, until = NOW - (COMMITS - commit) * hours, NOW - (COMMITS - 1 - commit) * hours
            self._company.append(
                (
                    self._copied_out("register_read", REGISTERS_WITHIN, first, until),
                    self._copied_out(
                        "uplink_message", MESSAGES_WITHIN, commit * size, commit * size + size
                    ),
                )
            )

    def run_once(self) -> None:
        """Make what the first run has to make."""
        self._run(self._messages)

    def pipeline(self) -> Figures:
        new, again = self._run(self._messages)
        return {
            "ingest.pipeline": READS / new.wall_s,
            "ingest.pipeline.cpu": READS / new.cpu_s,
            "ingest.cost": new.cpu_s / READS * MILLION,
            "ingest.replay": READS / again.wall_s,
            "ingest.bytes": self._size() / READS,
            "ingest.memory": psutil.Process().memory_info().rss / MIB,
        }

    def small_messages(self) -> Figures:
        new, _ = self._run(self._small_messages)
        return {
            "ingest.pipeline.96": READS / new.wall_s,
            "ingest.pipeline.96.cpu": READS / new.cpu_s,
        }

    def binary_copy(self) -> Figures:
        append = INTERVALS.statements.append
        self.empty()
        begun = self._running.clocks()
        for stream in self.streams:
            with self.database.transaction():
                self._copy(append, stream)
        stored = self._running.clocks()
        for stream in self.streams:
            with self.database.transaction():
                self.database.execute(STAGE)
                self._copy(append.replace(b"interval_read", b"stage"), stream)
                self.database.execute(STORE_STAGED)
        replayed = self._running.clocks()
        self._check()
        new, again = stored - begun, replayed - stored
        return {
            "limit.ingest.binary_copy": READS / new.wall_s,
            "limit.ingest.binary_copy.cpu": READS / new.cpu_s,
            "baseline.ingest.on_conflict": READS / again.wall_s,
        }

    def copy_of_all_rows(self) -> Figures:
        """Copy registers and raw messages too, as the pipeline left them."""
        self.empty()
        begun = self._running.clocks()
        for stream, company in zip(self.streams, self._company, strict=True):
            with self.database.transaction():
                self._copy(INTERVALS.statements.append, stream)
                for table, rows in company:
                    self._copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode(), rows)
        spent = self._running.clocks() - begun
        self._check()
        self._check_company(len(self._messages))
        return {"limit.ingest.all_rows.cpu": READS / spent.cpu_s}

    def _copied_out(self, table: str, where: str, *bounds: object) -> tuple[str, bytes]:
        query = sql.SQL("COPY (SELECT * FROM {} WHERE {}) TO STDOUT (FORMAT binary)").format(
            sql.Identifier(table), sql.SQL(where).format(*map(sql.Literal, bounds))
        )
        with self.database.cursor() as cursor, cursor.copy(query) as copy:
            return table, b"".join(bytes(part) for part in copy)

    def _run(self, messages: Sequence[Envelope]) -> tuple[server.Clocks, server.Clocks]:
        """Have everything stored that the broker holds, and then once more."""
        self.empty()
        delivery = Queue(
            self._broker.url, messages, partial(self._running.clocks, self._broker.pid)
        )
        config = IngestConfig(messages_max=len(messages) // COMMITS, age_s_max=30)
        horizon = VeeHorizon(ZoneInfo("America/Los_Angeles"))
        self._runner.run(
            Pipeline(
                delivery, self._store, BenchClock(), config, horizon, on_stored=Hearing().note
            ).run()
        )
        self._check()
        self._check_company(len(messages))
        assert delivery.batch_counts == [COMMITS, COMMITS], "as many commits as COPY makes"
        new, again = delivery.spent
        return new, again

    def empty(self) -> None:
        """Begin with empty tables, nothing to write behind, and no garbage."""
        self.database.execute(EMPTY)
        self.database.execute("CHECKPOINT")
        gc.collect()

    def _copy(self, statement: bytes, stream: bytes) -> None:
        with self.database.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(stream)

    def _size(self) -> int:
        row = self.database.execute(SIZE).fetchone()
        assert row is not None, "a sum has one row"
        return int(row[0])

    def _check(self) -> None:
        """Assert that every interval is stored once, with its own value."""
        reads = LARGE.interval_reads(self._channel_id, slice(None))
        weight = reads.start_s // SLOT_S % 997 * (reads.channel_id % 991 + 1)
        expected = len(reads), int(reads.value.sum()), int((reads.value * weight).sum())
        assert self.database.execute(CHECKSUM).fetchone() == expected, "all rows, each once"

    def _check_company(self, message_count: int) -> None:
        """Assert that the registers and messages that go with the intervals are stored too."""
        registers = LARGE.register_reads(self._channel_id, slice(None))
        expected = len(registers), int(registers.value.sum()), message_count, 0, 0
        assert self.database.execute(COMPANY).fetchone() == expected, "and all that goes with them"


EMPTY = """
TRUNCATE interval_read, register_read, uplink_message, collector_sequence, dead_letter,
         read_conflict, batch_count, sequence_hole
"""

REGISTERS_WITHIN = "at_utc > {} AND at_utc <= {} ORDER BY channel_id, at_utc"

MESSAGES_WITHIN = "batch_seq > {} AND batch_seq <= {}"

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

SIZE = """
SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0) FROM pg_inherits
WHERE inhparent = 'interval_read'::regclass
"""

T = TypeVar("T")


def stream(reads: IntervalReads) -> bytes:
    """Return everything that COPY is sent for these rows."""
    return b"".join(bytes(part) for part in INTERVALS.pack(reads))


@contextmanager
def within(runner: asyncio.Runner, resource: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold an asynchronous resource open between runs of a loop."""
    opened = runner.run(resource.__aenter__())
    try:
        yield opened
    finally:
        runner.run(resource.__aexit__(None, None, None))


async def _register(store: UnitOfWorkFactory) -> Int64:
    """Import the registry and return the channel of each meter."""
    async with store() as work:
        await work.registry.merge(LARGE.registry())
    async with store() as work:
        table = await work.registry.channels()
    return table.channel_id[np.argsort(table.badge)].astype(np.int64)
