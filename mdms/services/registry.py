"""Take a registry directory, all of it or nothing; give it back; list the meters."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import structlog

from mdms.domain.errors import NotFoundError
from mdms.domain.registry import STILL_INSTALLED_S, Meter
from mdms.domain.time import from_epoch_s
from mdms.ports.registry import ImportResult
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.registry_checks import check
from mdms.services.registry_csv import read_directory, write_directory
from mdms.services.sheets import FilesRejectedError

_DAY: Final = timedelta(days=1)
"""Local days are not those of UTC."""

log = structlog.get_logger(__name__)


class RegistryService:
    """
    Who is metered where, in files.

    Args:
        unit_of_work: Opens a transaction.
        on_change: Told after an import that changed something: who keeps a copy reads it again.
        within: What each import happens within, such as the pilot's limit.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        on_change: Callable[[], Awaitable[None]] | None = None,
        *,
        within: Callable[[UnitOfWork], AbstractAsyncContextManager[None]] | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._within = within or (lambda _work: nullcontext())
        self._on_change = on_change

    async def import_files(self, texts: Mapping[str, str]) -> ImportResult:
        """
        Merge a registry directory into the registry; what it does not name stays as it is.

        Args:
            texts: The text of each file by file name.

        Raises:
            FilesRejectedError: A file is missing or a row is wrong; nothing is stored.
            PolicyRefusedError: It would bring the pilot more meters than have room; likewise.
        """
        read = await asyncio.to_thread(read_directory, texts)  # seconds, for a whole city
        async with self._unit_of_work() as work:
            stored = await work.registry.load()
            faults = [*read.faults, *await asyncio.to_thread(check, read, stored)]
            if faults:
                raise FilesRejectedError(sorted(faults))
            async with self._within(work):
                result = await work.registry.merge(read.registry)
            await judge_again(work, stored.meters, read.registry.meters)
        added, changed = sum(result.added.values()), sum(result.changed.values())
        log.info("registry.directory.imported", added_count=added, changed_count=changed)
        if self._on_change is not None and added + changed:
            await self._on_change()
        return result

    async def export_files(self) -> dict[str, str]:
        """Return the registry as the texts that `import_files` takes."""
        async with self._unit_of_work() as work:
            return write_directory(await work.registry.load())

    async def channel_ids(self, meter: str) -> list[int]:
        """
        Return the channels of a badge or usage point.

        Raises:
            NotFoundError: Nothing is called that.
        """
        async with self._unit_of_work() as work:
            table = await work.registry.channels_at(meter)
        if not len(table):
            raise NotFoundError(f"no meter or usage point is called {meter!r}")
        return sorted(set(table.channel_id.tolist()))

    async def meters(self) -> list[dict[str, Any]]:
        """Return one row for each channel and installation, sorted by badge."""
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
        rows = [
            {
                "meter": str(table.badge[i]),
                "reading_type": str(table.reading_type[i]),
                "commodity": str(table.commodity[i]),
                "service_class": str(table.service_class[i]),
                "usage_point": str(table.usage_point_id[i]),
                "interval_s": int(table.interval_s[i]),
                "radio_on": bool(table.radio_on[i]),
                "installed_at": from_epoch_s(table.installed_s[i]).isoformat(),
                "removed_at": None
                if table.removed_s[i] == STILL_INSTALLED_S
                else from_epoch_s(table.removed_s[i]).isoformat(),
            }
            for i in range(len(table))
        ]
        return sorted(
            rows, key=lambda row: (row["meter"], row["reading_type"], row["installed_at"])
        )


async def judge_again(work: UnitOfWork, stored: Sequence[Meter], given: Sequence[Meter]) -> None:
    """Send days back to validation on which a meter turns out to have been there, or not."""
    known = {(each.badge, each.installed_at): each.removed_at for each in stored}
    moved: dict[tuple[date, date], list[str]] = {}
    for each in given:
        key = each.badge, each.installed_at
        if key in known and known[key] != each.removed_at:
            ends = [at.date() for at in (known[key], each.removed_at) if at is not None]
            last = max(ends) + _DAY if len(ends) > 1 else date.max
            moved.setdefault((min(ends) - _DAY, last), []).append(each.badge)
    for (first, last), badges in moved.items():
        table = await work.registry.channels_of(badges)
        ids = np.unique(table.channel_id).tolist()
        days = await work.vee.days(first, last, channel_ids=ids)
        await work.vee.touch((day.channel_id, day.local_day) for day in days)
