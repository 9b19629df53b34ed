"""
How tables are cut by time: the comment in a migration, and the months of plain PostgreSQL.

A migration writes `CREATE TABLE … (…)` with `/* time series on COLUMN, month, segment by …, order
by … */` behind it, and `render` makes of it a partitioned table or a hypertable. A hypertable cuts
its chunks by itself; native partitions are made here, a month at a time, just before the first row
needs one.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import LiteralString

import numpy as np
import numpy.typing as npt
from psycopg import AsyncConnection, sql
from psycopg.errors import LockNotAvailable

from mdms.storage.capabilities import Capabilities

_COLUMNSTORE_AFTER = "60 days"
"""Radio data may come 45 days late: until then rows arrive one by one and stay as rows."""

_TIME_SERIES = re.compile(
    r"CREATE TABLE (?P<table>\w+) \((?P<columns>(?:(?!CREATE TABLE).)*?)\n\) "
    r"/\* time series on (?P<time>\w+), month, "
    r"segment by (?P<segment_by>[\w, ]+), order by (?P<order_by>[\w, ]+) \*/;",
    re.DOTALL,
)

_PARTITIONED = r"""CREATE TABLE \g<table> (\g<columns>
) PARTITION BY RANGE (\g<time>);"""

_HYPERTABLE = rf"""CREATE TABLE \g<table> (\g<columns>
);
SELECT create_hypertable(
    '\g<table>', by_range('\g<time>', INTERVAL '1 month'), create_default_indexes => false
);
ALTER TABLE \g<table> SET (
    timescaledb.enable_columnstore,
    timescaledb.segmentby = '\g<segment_by>',
    timescaledb.orderby = '\g<order_by>'
);
CALL add_columnstore_policy('\g<table>', after => INTERVAL '{_COLUMNSTORE_AFTER}');"""


def render(migration: str, capabilities: Capabilities) -> str:
    """Return a migration's SQL for this database: hypertables, or tables partitioned by range."""
    return _TIME_SERIES.sub(_HYPERTABLE if capabilities.timescale else _PARTITIONED, migration)


Month = np.datetime64
"""A calendar month in UTC, unit M."""


def months_of(at_s: npt.NDArray[np.int64]) -> list[Month]:
    """Return the months that these instants fall in; most batches lie within one."""
    if len(at_s) == 0:
        return []
    first, last = (np.datetime64(int(s), "s").astype("M8[M]") for s in (at_s.min(), at_s.max()))
    if first == last:
        return [first]
    return list(np.unique(at_s.astype("M8[s]").astype("M8[M]")))


class Partitions:
    """
    The months that exist, table by table; shared by all transactions of a process.

    A new month is made and committed on a connection of its own, because the transaction that
    needs it may be rolled back, and others may want it at the same time.
    """

    def __init__(self, dsn: str, capabilities: Capabilities) -> None:
        self._dsn = dsn
        self._by_hand = not capabilities.timescale
        self._known: set[tuple[str, Month]] = set()

    async def ensure(self, table: str, months: Iterable[Month]) -> None:
        """Make the partitions of these months where they are missing."""
        if not self._by_hand:
            return
        missing = {(table, month) for month in months} - self._known
        if not missing:
            return
        async with await AsyncConnection.connect(self._dsn) as connection:
            for _, month in sorted(missing):
                await _make_partition(connection, table, month)
        self._known |= missing

    async def drop(self, table: str, before: datetime, oldest_needed: LiteralString) -> int:
        """
        Drop months that end at an instant or before it; return how many went.

        Made on a connection of its own. A month that somebody reads for long stays for next time:
        to wait for it would keep all writers waiting too.

        Args:
            table: A time series.
            before: What is younger stays.
            oldest_needed: Asks for the oldest row before that instant that has to stay as well.
        """
        async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            await connection.execute(BE_BRIEF)
            row = await (await connection.execute(oldest_needed, {"before": before})).fetchone()
            before = min(before, row[0]) if row and row[0] else before
            try:
                if self._by_hand:
                    return await self._drop_months(connection, table, before)
                dropped = await connection.execute(DROP_CHUNKS, {"table": table, "before": before})
                return len(await dropped.fetchall())
            except LockNotAvailable:
                return 0

    async def _drop_months(self, connection: AsyncConnection, table: str, before: datetime) -> int:
        found = await connection.execute(PARTITIONS, {"table": table})
        months = [_month_of(name, table) for (name,) in await found.fetchall()]
        first_kept = np.datetime64(before.astimezone(UTC).replace(tzinfo=None), "M")
        gone = sorted(month for month in months if month < first_kept)
        for month in gone:
            partition = sql.Identifier(_partition_name(table, month))
            await connection.execute(DROP_PARTITION.format(partition=partition))
            self._known.discard((table, month))
        return len(gone)


# Held to the end of the transaction: whoever comes second finds the partition made.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('mdms partitions', 0))"

PARTITION_EXISTS = "SELECT to_regclass(%(partition)s) IS NOT NULL"

# Attached, not created in place: CREATE … PARTITION OF would lock out every reader and writer.
CREATE_PARTITION = sql.SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING ALL)")
ATTACH_PARTITION = sql.SQL(
    "ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end})"
)

BE_BRIEF = "SET lock_timeout = '2s'; SET TimeZone = 'UTC'"

# What a chunk ends with is compared, as with partitions: nothing younger goes.
DROP_CHUNKS = "SELECT drop_chunks(%(table)s::regclass, older_than => %(before)s)"

PARTITIONS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %(table)s::regclass
"""

DROP_PARTITION = sql.SQL("DROP TABLE {partition}")


async def _make_partition(connection: AsyncConnection, table: str, month: Month) -> None:
    partition = _partition_name(table, month)
    async with connection.transaction():
        await connection.execute(LOCK)
        found = await connection.execute(PARTITION_EXISTS, {"partition": partition})
        if await found.fetchone() == (True,):
            return
        names = {"table": sql.Identifier(table), "partition": sql.Identifier(partition)}
        await connection.execute(CREATE_PARTITION.format(**names))
        await connection.execute(
            ATTACH_PARTITION.format(
                **names, start=_month_start(month), end=_month_start(month + np.timedelta64(1, "M"))
            )
        )


def _partition_name(table: str, month: Month) -> str:
    return f"{table}_{month}".replace("-", "_")


def _month_of(partition: str, table: str) -> Month:
    return np.datetime64(partition.removeprefix(f"{table}_").replace("_", "-"), "M")


def _month_start(month: Month) -> sql.Literal:
    return sql.Literal(f"{month}-01 00:00:00+00")
