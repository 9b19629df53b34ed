"""How much room is left: on the disks that this machine sees, and for the database."""

import shutil
import tempfile
from pathlib import Path

import structlog

from ingest.followed import FollowedClock
from mdms.app.core import Core
from mdms.app.tasks import Tasks
from mdms.domain.errors import UnavailableError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.settings import DatabaseSettings
from mdms.telemetry import metrics

log = structlog.get_logger()

_GIB = 1 << 30
_PERIOD_S = 300.0


class Disks:
    """
    Tells the metrics how full the disks are.

    `files` is the disk that exports are written to on their way; `database` the volume that the
    settings name; `quota` what the database may grow to, as if that were a disk.

    Args:
        unit_of_work: Opens a transaction.
        settings: Volume and quota.
        folder: Where exports are written to on their way.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, settings: DatabaseSettings, folder: Path
    ) -> None:
        self._unit_of_work = unit_of_work
        self._settings = settings
        self._folder = folder

    async def measure(self) -> None:
        """
        Measure once.

        Raises:
            UnavailableError: The database is away.
        """
        _tell_of_disk("files", self._folder)
        if self._settings.volume:
            _tell_of_disk("database", Path(self._settings.volume))
        async with self._unit_of_work() as work:
            size = await work.board.database_bytes()
        metrics.DATABASE_SIZE.set(size)
        if quota := self._settings.size_gib_max * _GIB:
            _tell("quota", size=quota, free=max(quota - size, 0))

    async def forever(self, clock: Clock) -> None:
        """Measure every few minutes."""
        while True:
            try:
                await self.measure()
            except UnavailableError as error:  # minutes later is early enough
                log.warning("disks.look.delayed", error=str(error))
            await clock.sleep(_PERIOD_S)


def _tell_of_disk(disk: str, folder: Path) -> None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:  # a disk that is away counts as full, and the alarm leads to it
        log.warning("disks.folder.unreadable", disk=disk, error=str(error))
        _tell(disk, size=1, free=0)
        return
    _tell(disk, size=usage.total, free=usage.free)


def _tell(disk: str, *, size: float, free: float) -> None:
    metrics.DISK_SIZE.labels(disk=disk).set(size)
    metrics.DISK_FREE.labels(disk=disk).set(free)


async def watch_disks(core: Core, tasks: Tasks) -> None:
    """Measure once, and go on with it where time is real."""
    disks = Disks(core.unit_of_work, core.settings.database, Path(tempfile.gettempdir()))
    if isinstance(core.clock, FollowedClock):
        await disks.measure()
    else:
        tasks.start(disks.forever(core.clock))
