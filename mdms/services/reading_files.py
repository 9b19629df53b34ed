"""Reads as files for other people's software: CMEP, NEM12, Green Button."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from mdms.billing.formats import cmep_write, espi_write, nem_write
from mdms.billing.formats.outgoing import Outgoing
from mdms.domain.time import Period
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billed_reads import billed_blocks
from mdms.services.billing_reckoning import bill_window
from mdms.services.outgoing_reads import Wanted, blocks

RECEIVER: Final = "BILLING"
"""Whom files are for, where a format wants to know."""


class FileForm(StrEnum):
    """A format in which we hand out reads, besides CSV and Parquet."""

    CMEP = "cmep"
    NEM12 = "nem12"
    ESPI = "espi"


class Format(Protocol):
    """Writes one file, piece by piece."""

    def begin(self) -> bytes: ...
    def write(self, block: Outgoing) -> Iterator[bytes]: ...
    def end(self) -> bytes: ...


class ReadingFileService:
    """
    Writes current reads to files.

    Args:
        unit_of_work: Opens a transaction.
        clock: Stamps files.
        zone: Where the utility's days begin.
        utility: Code of the utility: the sender.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, zone: ZoneInfo, utility: str
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._utility = utility

    async def write(self, form: FileForm, wanted: Wanted, path: Path) -> None:
        """
        Write a file, block by block, so that no more than a block is in memory.

        Raises:
            NotFoundError: There is no such meter.
            UsageError: The format has no words for the zone's clock changes.
        """
        made = self._format(form, wanted.period)
        async with self._unit_of_work() as work:
            await _write(made, blocks(work, wanted, self._zone), path)

    async def write_billed(self, form: FileForm, start: date, end: date, path: Path) -> None:
        """
        Write a file of what a frozen window was billed by: those versions and no others.

        Raises:
            UsageError: The window ends before it starts.
            NotFoundError: It was never frozen.
            OperatorError: The registry has changed so that times of intervals cannot be told.
        """
        window = bill_window(start, end)
        made = self._format(form, window.period(self._zone), billed=True)
        async with self._unit_of_work() as work:
            await _write(made, billed_blocks(work, window, self._zone), path)

    def _format(self, form: FileForm, period: Period, *, billed: bool = False) -> Format:
        sender, at = self._utility.upper(), self._clock.now().astimezone(UTC)
        match form:
            case FileForm.CMEP:
                return cmep_write.Writer(sender, RECEIVER, at)
            case FileForm.NEM12:
                start = period.start_utc.astimezone(self._zone)
                return nem_write.Writer(sender, RECEIVER, at, nem_write.standard_offset(start))
            case FileForm.ESPI:
                return espi_write.Feed(self._zone, at, billed=billed)


async def _write(made: Format, blocks_of_reads: AsyncIterator[Outgoing], path: Path) -> None:
    with path.open("wb") as file:
        file.write(made.begin())
        async for block in blocks_of_reads:
            await asyncio.to_thread(file.writelines, made.write(block))
        file.write(made.end())
