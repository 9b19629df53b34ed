"""
Take files of reads: all of a file, or nothing and every row that was refused.

What a file says is version 0 of a read like any other, of source `file`: what is known already
changes nothing, what is known with another value becomes a conflict (V06), and days that were
judged go back to validation. Estimates and edits of others are no readings: they are counted, and
ours are made instead.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import structlog

from mdms.billing.formats.espi import NAMESPACE
from mdms.billing.formats.flaws import UnusableError
from mdms.billing.formats.readers import OWN_ZONE, ReadFormat, form_of, read
from mdms.billing.formats.wall_clock import zone_of
from mdms.domain.controls import new_id
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.reading_imports import ImportState, ReadingImport
from mdms.domain.time import local_day, to_epoch_s, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.acting import Act
from mdms.services.import_channels import ImportChannels
from mdms.services.import_intake import Batch, Intake
from mdms.services.import_store import ImportedReads

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToRead:
    """
    What somebody says of a file that it does not say itself.

    Attributes:
        form: Its format; None: look at it.
        zone: Of its times; empty: as its format rules.
        meter: Badge or usage point of all of it; empty: the file says.
        skip_refused: Take the other rows when some are refused.
    """

    form: ReadFormat | None = None
    zone: str = ""
    meter: str = ""
    skip_refused: bool = False


class _NotTakenError(Exception):
    """Undoes what was stored of a file so far."""


class ReadingImportService:
    """
    Takes files of reads, and says what became of them.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times imports.
        zone: Where the utility's days begin.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone

    async def take(self, path: Path, name: str, how: HowToRead, by: str) -> dict[str, Any]:
        """
        Take a file that lies on this machine's disk.

        Raises:
            UsageError: There is no such zone.
        """
        form, digest = await asyncio.to_thread(_look_at, path)
        form = how.form or form
        zone = how.zone or OWN_ZONE[form]
        try:
            times_of = zone_of(zone)
        except UnusableError as error:
            raise UsageError(str(error)) from error
        now = self._clock.now()
        async with self._unit_of_work() as work:
            earlier = await work.reading_imports.stored(digest, form, zone, how.meter)
            if earlier is not None:
                return view(earlier) | {"already": True}
            intake = await self._intake(work, form, how.meter, now)
        taken = _Taken(path, name, form, zone, times_of, how, digest, by, now)
        try:
            made = await self._store(taken, intake)
        except _NotTakenError:
            made = taken.import_of(intake, ImportState.REFUSED)
            async with self._unit_of_work() as work:
                await work.reading_imports.add(made, intake.refused_rows())
        log.info(
            "reading.file.taken",
            state=made.state,
            format=made.format,
            interval_count=made.interval_count,
            register_count=made.register_count,
            new_count=made.new_count,
            refused_count=made.refused_count,
        )
        return view(made) | {"already": False}

    async def since(
        self, at: datetime, *, before: tuple[datetime, UUID] | None = None, count_max: int
    ) -> list[dict[str, Any]]:
        """Return what was handed in since an instant, the newest first; see the store's."""
        async with self._unit_of_work() as work:
            found = await work.reading_imports.since(at, before=before, count_max=count_max)
        return [view(each) for each in found]

    async def refused(
        self, reading_import_id: UUID, *, after: int, count_max: int
    ) -> list[dict[str, Any]]:
        """
        Return refused rows in the order of the file, those after a number.

        Raises:
            NotFoundError: There was no such import.
        """
        async with self._unit_of_work() as work:
            if await work.reading_imports.find(reading_import_id) is None:
                raise NotFoundError(f"there is no import {reading_import_id}")
            rows = await work.reading_imports.refused(
                reading_import_id, after=after, count_max=count_max
            )
        return [{"number": number, **asdict(row)} for number, row in rows]

    async def _intake(
        self, work: UnitOfWork, form: ReadFormat, meter: str, now: datetime
    ) -> Intake:
        table = await work.registry.channels()
        aliases = (
            {str(uuid5(NAMESPACE, name)): name for name in set(table.usage_point_id)}
            if form is ReadFormat.ESPI
            else {}
        )
        return Intake(
            channels=ImportChannels.of(table, meter=meter, aliases=aliases),
            now_s=to_epoch_s(now),
            recorded_us=to_epoch_us(now),
        )

    async def _store(self, taken: "_Taken", intake: Intake) -> ReadingImport:
        """Store what is sound, in one transaction; undo it where that is not enough."""
        async with self._unit_of_work() as work:
            reads = ImportedReads(work, self._zone, taken.at)
            batches = _batches(taken, intake)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                if not intake.refused or taken.how.skip_refused:
                    await reads.store(batch)
            if intake.is_damaged or (intake.refused and not taken.how.skip_refused):
                raise _NotTakenError
            intake.counts.update(reads.counts)
            await reads.touch(await work.vee.horizon())
            state = ImportState.PARTIAL if intake.refused else ImportState.STORED
            made = taken.import_of(intake, state)
            if await work.reading_imports.add(made, intake.refused_rows()):
                Act(work, taken.by, taken.at, local_day(taken.at, self._zone)).note(
                    "reading.imported",
                    str(made.reading_import_id),
                    name=made.name,
                    sha256=made.sha256.hex(),
                    new=made.new_count,
                )
            return made


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file in hand."""

    path: Path
    name: str
    form: ReadFormat
    zone: str
    times_of: tzinfo
    how: HowToRead
    digest: bytes
    by: str
    at: datetime

    def import_of(self, intake: Intake, state: ImportState) -> ReadingImport:
        counts = intake.counts
        is_refused = state is ImportState.REFUSED
        return ReadingImport(
            reading_import_id=new_id(self.at),
            name=self.name,
            format=self.form,
            zone=self.zone,
            meter=self.how.meter,
            sha256=self.digest,
            size=self.path.stat().st_size,
            imported_by=self.by,
            imported_at=self.at,
            state=state,
            interval_count=counts["interval_count"],
            register_count=counts["register_count"],
            new_count=0 if is_refused else counts["new_count"],
            disputed_count=0 if is_refused else counts["disputed_count"],
            no_value_count=counts["no_value_count"],
            not_read_count=counts["not_read_count"],
            rounded_count=counts["rounded_count"],
            passed_over=dict(intake.passed_over),
            totals=dict(intake.totals),
            refused_count=counts["refused_count"],
        )


def _look_at(path: Path) -> tuple[ReadFormat, bytes]:
    with path.open("rb") as file:
        return form_of(file), hashlib.file_digest(file, "sha256").digest()


def _batches(taken: _Taken, intake: Intake) -> Iterator[Batch]:
    """Read a file, batch by batch; called in a thread, so that the event loop stays free."""
    with taken.path.open("rb") as file:
        yield from intake.batches(read(file, taken.form, taken.times_of))


def view(made: ReadingImport) -> dict[str, Any]:
    """Return an import as plain values."""
    return asdict(made) | {
        "reading_import_id": str(made.reading_import_id),
        "sha256": made.sha256.hex(),
        "imported_at": made.imported_at.isoformat(),
        "passed_over": dict(made.passed_over),
        "totals": dict(made.totals),
    }
