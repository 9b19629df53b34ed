"""What only TimescaleDB can do; skipped elsewhere (MDMS_TEST_DSN names a server that has it)."""

import psycopg
import pytest
from psycopg import AsyncConnection

from tests.integration.storage.test_readings import NOVEMBER, raw, registers

pytestmark = pytest.mark.db


@pytest.fixture
async def timescale(database):
    """A connection to a database whose time series are hypertables."""
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        found = await connection.execute("SELECT timescaledb_version FROM capability")
        if await found.fetchone() == (None,):
            pytest.skip("plain PostgreSQL")
        yield connection


async def test_every_time_series_is_a_hypertable_with_a_columnstore(timescale):
    found = await timescale.execute(
        "SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables"
        " ORDER BY 1"
    )

    assert await found.fetchall() == [
        ("interval_read", True),
        ("register_read", True),
        ("uplink_message", True),
    ]


@pytest.mark.parametrize("sure", [True, False])
async def test_late_rows_join_a_compressed_month_and_known_ones_are_refused(store, timescale, sure):
    async with store() as work:
        await work.readings.append_raw(
            raw([1, 1, 2], [0, 1, 0], [10, 11, 20]), registers([1], [1], [500]), sure=True
        )
    await timescale.execute("SELECT compress_chunk(c) FROM show_chunks('interval_read') c")
    await timescale.execute("SELECT compress_chunk(c) FROM show_chunks('register_read') c")

    async with store() as work:
        intervals, taken = await work.readings.append_raw(
            raw([1, 1, 2], [1, 2, 0], [99, 12, 20]), registers([1, 2], [1, 1], [555, 7]), sure=sure
        )

    async with store() as work:
        stored = await work.readings.intervals(NOVEMBER)
    found = await timescale.execute(
        "SELECT kind, value, stored_value FROM read_conflict ORDER BY kind"
    )
    assert intervals.value.tolist() == [99, 20]
    assert taken.value.tolist() == [555]
    assert stored.value.tolist() == [10, 11, 12, 20]
    assert await found.fetchall() == [("interval", 99, 11), ("register", 555, 500)]


async def test_the_columnstore_keeps_no_filter_of_each_start(store, timescale):
    async with store() as work:
        await work.readings.append_raw(raw([1], [0], [10]), registers([1], [1], [500]), sure=True)
    for table in ("interval_read", "register_read"):
        await timescale.execute(f"SELECT compress_chunk(c) FROM show_chunks('{table}') c")

    found = await timescale.execute(
        "SELECT attname FROM pg_attribute WHERE attname LIKE '\\_ts\\_meta%bloom%'"
    )

    assert await found.fetchall() == []


async def test_a_key_is_unique_in_a_compressed_month_too(store, timescale):
    async with store() as work:
        await work.readings.append_raw(raw([1], [0], [10]), registers([], [], []), sure=True)
    await timescale.execute("SELECT compress_chunk(c) FROM show_chunks('interval_read') c")

    with pytest.raises(psycopg.errors.UniqueViolation):
        await timescale.execute("INSERT INTO interval_read SELECT * FROM interval_read LIMIT 1")
