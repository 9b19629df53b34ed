"""Months of plain PostgreSQL: made on demand, by whoever comes first."""

import asyncio

import numpy as np
import pytest
from psycopg import AsyncConnection

from mdms.storage.capabilities import Capabilities
from mdms.storage.time_series import Partitions

pytestmark = pytest.mark.db

PLAIN = Capabilities(timescaledb_version=None)
NOVEMBER, DECEMBER = np.datetime64("2026-11", "M"), np.datetime64("2026-12", "M")


@pytest.fixture
async def plain(database):
    """A database of whichever kind, with a table that is cut by hand."""
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("CREATE TABLE by_month (at timestamptz) PARTITION BY RANGE (at)")
    return database


async def months(dsn: str) -> list[str]:
    async with await AsyncConnection.connect(dsn) as connection:
        found = await connection.execute(
            "SELECT relid::regclass::text, pg_get_expr(relpartbound, relid)"
            " FROM pg_partition_tree('by_month') JOIN pg_class ON pg_class.oid = relid"
            " WHERE isleaf ORDER BY 1"
        )
        return [f"{name} {bound}" for name, bound in await found.fetchall()]


async def test_a_month_is_made_when_it_is_first_needed(plain):
    partitions = Partitions(plain, PLAIN)

    await partitions.ensure("by_month", [DECEMBER])
    await partitions.ensure("by_month", [DECEMBER])

    assert await months(plain) == [
        "by_month_2026_12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"
    ]


async def test_several_processes_may_need_the_same_month_at_once(plain):
    processes = [Partitions(plain, PLAIN) for _ in range(4)]

    await asyncio.gather(*(each.ensure("by_month", [NOVEMBER, DECEMBER]) for each in processes))

    assert [line.split()[0] for line in await months(plain)] == [
        "by_month_2026_11",
        "by_month_2026_12",
    ]


async def test_a_month_is_made_while_others_write_to_the_table(plain):
    partitions = Partitions(plain, PLAIN)
    await partitions.ensure("by_month", [NOVEMBER])

    async with await AsyncConnection.connect(plain) as writer:
        await writer.execute("INSERT INTO by_month VALUES ('2026-11-05')")
        await partitions.ensure("by_month", [DECEMBER])
        await writer.execute("INSERT INTO by_month VALUES ('2026-12-05')")

    assert len(await months(plain)) == 2


async def test_hypertables_are_left_to_timescaledb(plain):
    await Partitions(plain, Capabilities("2.29.2")).ensure("by_month", [NOVEMBER])

    assert await months(plain) == []
