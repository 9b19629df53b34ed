"""
The line on TimescaleDB, as shipped and without a key, and how small reads become there.

Without the unique key, COPY may compress as it goes (design D17). That is measured here, beside
COPY into a bare heap, and not on offer: ADR 11 says why. The columnstore is ordered by channel and
not cut by it, for a transaction has a few reads of each of thousands of channels: cut by channel,
a read takes six times the space and twice the time.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from mdms.domain.readings import IntervalReads, Source
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.storage.read_tables import INTERVALS
from tests.bench import server
from tests.bench.ingest_store import READS, Line, stream
from tests.bench.load import electric_wh
from tests.bench.measure import Figures, Row, interleave
from tests.bench.traffic import NOW, SLOT_S

MONTH_CHANNELS: Final = 500
MONTH_SLOTS: Final = 30 * 96

UNITS = {
    "limit.timescale.heap": "rows/s",
    "timescale.keyless": "rows/s",
    "limit.timescale.heap.cpu": "rows/CPU-s",
    "timescale.keyless.cpu": "rows/CPU-s",
    "limit.timescale.binary_copy": "rows/s",
    "timescale.pipeline": "rows/s",
    "limit.timescale.binary_copy.cpu": "rows/CPU-s",
    "timescale.pipeline.cpu": "rows/CPU-s",
    "timescale.keyless.cost": "CPU-s/million",
    "timescale.keyless.bytes": "B/read",
    "timescale.bytes.rows": "B/read",
    "timescale.bytes.columnstore": "B/read",
}


def rows(rounds: int, dsn: str) -> list[Row]:
    """Measure on a TimescaleDB of this machine; its user may create databases."""
    with ExitStack() as stack:
        keyed = Line.open(stack, stack.enter_context(server.given(dsn)))
        running = stack.enter_context(server.given(dsn))
        _do_without_key(running.dsn)
        keyless = Line.open(stack, running)
        heap = _Heap(running, keyless)
        keyed.run_once()
        contenders = [
            _renamed(keyed.pipeline, {
                "ingest.pipeline": "timescale.pipeline",
                "ingest.pipeline.cpu": "timescale.pipeline.cpu",
            }),
            _renamed(keyed.binary_copy, {
                "limit.ingest.binary_copy": "limit.timescale.binary_copy",
                "limit.ingest.binary_copy.cpu": "limit.timescale.binary_copy.cpu",
            }),
            _renamed(keyless.pipeline, {
                "ingest.pipeline": "timescale.keyless",
                "ingest.pipeline.cpu": "timescale.keyless.cpu",
                "ingest.cost": "timescale.keyless.cost",
            }),
            lambda: {"timescale.keyless.bytes": _size(keyless.database) / READS},
            heap.copy,
            _Month(keyed).bytes_a_read,
        ]  # fmt: skip
        found = interleave(contenders, UNITS, rounds)
    bare, bare_cpu = found["limit.timescale.heap"], found["limit.timescale.heap.cpu"]
    copy = found["limit.timescale.binary_copy"]
    copy_cpu, row_bytes = found["limit.timescale.binary_copy.cpu"], found["timescale.bytes.rows"]
    return [
        bare.row(),
        found["timescale.keyless"].row(bare, goal="ratio >= 1"),
        bare_cpu.row(),
        found["timescale.keyless.cpu"].row(bare_cpu),
        copy.row(),
        found["timescale.pipeline"].row(copy, goal="ratio >= 0.9"),
        copy_cpu.row(),
        found["timescale.pipeline.cpu"].row(copy_cpu, goal="ratio >= 0.8"),
        found["timescale.keyless.cost"].row(goal="value <= 0.6"),
        found["timescale.keyless.bytes"].row(),
        row_bytes.row(),
        found["timescale.bytes.columnstore"].row(row_bytes, goal="ratio <= 0.025"),
    ]


def _renamed(contender: Callable[[], Figures], names: dict[str, str]) -> Callable[[], Figures]:
    """Return a contender that gives some of its figures, under other names."""

    def run() -> Figures:
        figures = contender()
        return {new: figures[old] for old, new in names.items()}

    return run


def _do_without_key(dsn: str) -> None:
    name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(dsn, autocommit=True) as database:
        for table, time in (("interval_read", "start_utc"), ("register_read", "at_utc")):
            parts = {
                "table": sql.Identifier(table),
                "key": sql.Identifier(f"{table}_pkey"),
                "order": sql.Literal(f"channel_id, {time}, version"),
                "summary": sql.Literal(f"minmax(channel_id), minmax({time})"),
            }
            for statement in KEYLESS:
                database.execute(sql.SQL(statement).format(**parts))
        for setting in DIRECT:
            database.execute(sql.SQL(setting).format(name=name))


KEYLESS: Final[tuple[LiteralString, ...]] = (
    "ALTER TABLE {table} DROP CONSTRAINT {key}",
    """
    ALTER TABLE {table} SET (
        timescaledb.segmentby = '', timescaledb.orderby = {order},
        timescaledb.sparse_index = {summary}
    )
    """,
)

# What one COPY brings is sorted by key: `ingest.known.Sieved` says so.
DIRECT: Final[tuple[LiteralString, ...]] = (
    "ALTER DATABASE {name} SET timescaledb.enable_direct_compress_copy = on",
    "ALTER DATABASE {name} SET timescaledb.enable_direct_compress_copy_client_sorted = on",
)


class _Heap:
    """COPY of the same rows into a table without any index."""

    def __init__(self, running: server.Server, line: Line) -> None:
        self._running, self._line = running, line
        line.database.execute("CREATE TABLE bare_read (LIKE interval_read)")

    def copy(self) -> Figures:
        database = self._line.database
        database.execute("TRUNCATE bare_read")
        database.execute("CHECKPOINT")
        append = INTERVALS.statements.append.replace(b"interval_read", b"bare_read")
        begun = self._running.clocks()
        for each in self._line.streams:
            with database.transaction(), database.cursor() as cursor, cursor.copy(append) as copy:
                copy.write(each)
        spent = self._running.clocks() - begun
        assert database.execute("SELECT count(*) FROM bare_read").fetchone() == (READS,)
        return {
            "limit.timescale.heap": READS / spent.wall_s,
            "limit.timescale.heap.cpu": READS / spent.cpu_s,
        }


class _Month:
    """A month of some channels, in rows as it came and then in the columnstore."""

    def __init__(self, line: Line) -> None:
        self._line = line
        value = electric_wh(MONTH_CHANNELS, MONTH_SLOTS, seed=5)
        first_s = to_epoch_s(NOW) // (30 * 86_400) * (30 * 86_400)
        start_s = first_s + SLOT_S * (1 + np.arange(MONTH_SLOTS))
        self._reads = IntervalReads.raw(
            np.repeat(np.arange(MONTH_CHANNELS), MONTH_SLOTS),
            np.tile(start_s, MONTH_CHANNELS),
            value.ravel(),
            recorded_us=to_epoch_us(NOW),
            source=Source.UPLINK,
        )

    def bytes_a_read(self) -> Figures:
        self._line.empty()
        database = self._line.database
        # As it comes: two hours of all channels to a transaction.
        for first in range(0, MONTH_SLOTS, 8):
            some = self._reads.take(self._reads_from(first))
            with database.cursor() as cursor, cursor.copy(INTERVALS.statements.append) as copy:
                copy.write(stream(some))
        in_rows = _size(database)
        database.execute("SELECT compress_chunk(c) FROM show_chunks('interval_read') c")
        in_columns = _size(database)
        count, total = database.execute(SUM).fetchone() or (0, 0)
        assert (count, total) == (len(self._reads), int(self._reads.value.sum())), "all of it"
        return {
            "timescale.bytes.rows": in_rows / len(self._reads),
            "timescale.bytes.columnstore": in_columns / len(self._reads),
        }

    def _reads_from(self, first: int) -> npt.NDArray[np.intp]:
        channel = np.arange(MONTH_CHANNELS)[:, None] * MONTH_SLOTS
        return (channel + np.arange(first, first + 8)).ravel()


def _size(database: psycopg.Connection) -> int:
    row = database.execute("SELECT hypertable_size('interval_read')").fetchone()
    assert row is not None, "a hypertable has a size"
    return int(row[0])


SUM = "SELECT count(*), sum(value)::bigint FROM interval_read"
