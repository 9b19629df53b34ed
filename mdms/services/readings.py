"""Hand out reads: one meter or all, as a DataFrame, as Parquet, as CSV."""

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mdms.domain.errors import NotFoundError
from mdms.domain.readings import IntervalReads, UInt8
from mdms.domain.time import Period, local_day
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.reading_tables import (
    CSV_COLUMNS,
    ENCODED_INTERVALS,
    ENCODED_REGISTERS,
    INTERVAL_SCHEMA,
    REGISTER_CSV_COLUMNS,
    NamedChannels,
    csv_rows,
    dial_csv_rows,
    displayed_status,
    interval_table,
    register_csv_rows,
    register_table,
)

CHANNELS_PER_BLOCK: Final = 256
"""About 900,000 rows for five weeks of 15 minutes: 100 MB, and one row group of a file."""

_LAST_INSTANT: Final = timedelta(microseconds=1)


class ReadingService:
    """
    Stored reads, as people and programs see them.

    Args:
        unit_of_work: Opens a transaction.
        zone: Where the utility's days begin.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, zone: ZoneInfo) -> None:
        self._unit_of_work = unit_of_work
        self._zone = zone

    async def frame(
        self,
        meter: str | None,
        period: Period,
        *,
        as_of: datetime | None = None,
        versions: bool = False,
    ) -> pd.DataFrame:
        """Return the same as `table`, for people who calculate."""
        found = await self.table(meter, period, as_of=as_of, versions=versions)
        frame: pd.DataFrame = found.to_pandas()
        return frame

    async def table(
        self,
        meter: str | None,
        period: Period,
        *,
        as_of: datetime | None = None,
        versions: bool = False,
    ) -> pa.Table:
        """
        Return interval reads with the columns of `INTERVAL_SCHEMA`.

        Args:
            meter: Badge or usage point; None for all, in memory as large as that is.
            period: Intervals that start in it.
            as_of: What was known then; None for now.
            versions: Every version instead of the current one.

        Raises:
            NotFoundError: There is no such meter.
        """
        async with self._unit_of_work() as work:
            channels = await _channels(work, meter)
            tables = [INTERVAL_SCHEMA.empty_table()]
            async for block, reads, status in self._intervals(
                work, channels, period, as_of=as_of, versions=versions
            ):
                tables.append(interval_table(reads, status, block))
        return pa.concat_tables(tables)

    async def write_intervals(
        self, period: Period, path: Path, *, meter: str | None = None
    ) -> None:
        """Write `readings.parquet`: every version of every interval that starts in the period."""
        with _writer(path, ENCODED_INTERVALS) as file:
            async with self._unit_of_work() as work:
                channels = await _channels(work, meter)
                async for block, reads, status in self._intervals(
                    work, channels, period, as_of=None, versions=True
                ):
                    table = await asyncio.to_thread(
                        interval_table, reads, status, block, ENCODED_INTERVALS
                    )
                    await asyncio.to_thread(file.write_table, table)

    async def write_registers(
        self, period: Period, path: Path, *, meter: str | None = None
    ) -> None:
        """Write `registers.parquet`: every register read of the period, both ends included."""
        with _writer(path, ENCODED_REGISTERS) as file:
            async with self._unit_of_work() as work:
                channels = await _channels(work, meter)
                for block in channels.blocks(CHANNELS_PER_BLOCK):
                    reads = await work.readings.registers(period, channel_ids=block.channel_id)
                    table = await asyncio.to_thread(register_table, reads, block, ENCODED_REGISTERS)
                    await asyncio.to_thread(file.write_table, table)

    async def write_csv(self, period: Period, path: Path, *, meter: str | None = None) -> None:
        """Write `readings.csv`: the current version of every interval, for people."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(CSV_COLUMNS)
            async with self._unit_of_work() as work:
                channels = await _channels(work, meter)
                async for block, reads, status in self._intervals(
                    work, channels, period, as_of=None, versions=False
                ):
                    rows = csv_rows(reads, status, block, self._zone)
                    await asyncio.to_thread(writer.writerows, rows)

    async def write_registers_csv(
        self, period: Period, path: Path, *, meter: str | None = None
    ) -> None:
        """Write `registers.csv`: the current version of every register read, for people."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(REGISTER_CSV_COLUMNS)
            async with self._unit_of_work() as work:
                channels = await _channels(work, meter)
                for block in channels.blocks(CHANNELS_PER_BLOCK):
                    reads = await work.readings.registers(period, channel_ids=block.channel_id)
                    rows = register_csv_rows(reads.current(), block, self._zone)
                    await asyncio.to_thread(writer.writerows, rows)
                    dials = await work.dials.of(block.channel_id, period)
                    writer.writerows(dial_csv_rows(dials, block, self._zone))

    async def _intervals(
        self,
        work: UnitOfWork,
        channels: NamedChannels,
        period: Period,
        *,
        as_of: datetime | None,
        versions: bool,
    ) -> AsyncIterator[tuple[NamedChannels, IntervalReads, UInt8]]:
        """Yield block by block: channels, their rows, and each row's displayed status."""
        first = local_day(period.start_utc, self._zone)
        last = local_day(period.end_utc - _LAST_INSTANT, self._zone)
        for block in channels.blocks(CHANNELS_PER_BLOCK):
            reads = await work.readings.intervals(period, channel_ids=block.channel_id, as_of=as_of)
            days = await work.vee.days(first, last, channel_ids=block.channel_id, as_of=as_of)
            shown = reads if versions else reads.current()
            yield block, shown, displayed_status(shown, days, self._zone)


async def _channels(work: UnitOfWork, meter: str | None) -> NamedChannels:
    if meter is None:
        return NamedChannels.of(await work.registry.channels())
    channels = NamedChannels.of(await work.registry.channels_at(meter))
    if not len(channels):
        raise NotFoundError(f"no meter or usage point is called {meter!r}")
    return channels


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file whose readers find plain texts: its own schema says nothing of dictionaries."""
    return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)
