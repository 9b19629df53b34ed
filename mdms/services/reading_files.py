"""Reads as files for other people's software: CMEP, NEM12, Green Button."""

import asyncio
from collections.abc import Iterator
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from mdms.billing.formats import cmep_write, espi_write, nem_write
from mdms.billing.formats.outgoing import Outgoing
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
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
        made = self._format(form, wanted)
        with path.open("wb") as file:
            file.write(made.begin())
            async with self._unit_of_work() as work:
                async for block in blocks(work, wanted, self._zone):
                    await asyncio.to_thread(file.writelines, made.write(block))
            file.write(made.end())

    def _format(self, form: FileForm, wanted: Wanted) -> Format:
        sender, at = self._utility.upper(), self._clock.now().astimezone(UTC)
        match form:
            case FileForm.CMEP:
                return cmep_write.Writer(sender, RECEIVER, at)
            case FileForm.NEM12:
                start = wanted.period.start_utc.astimezone(self._zone)
                return nem_write.Writer(sender, RECEIVER, at, nem_write.standard_offset(start))
            case FileForm.ESPI:
                return espi_write.Feed(self._zone, at)
