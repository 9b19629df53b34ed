"""Checks of the disks that this machine sees: the database's, and the one for files on the way."""

import shutil
import tempfile
from pathlib import Path

from mdms.doctor.findings import Finding, ok, problem, warning
from mdms.domain.errors import UnavailableError, UsageError
from mdms.settings import Settings
from mdms.storage.diagnosis import examine

_GIB = 1 << 30
_FREE_BYTES_MIN = _GIB
_FREE_BYTES_PLENTY = 50 * _GIB
_FREE_SHARE_MIN = 0.10


async def check_disks(settings: Settings) -> list[Finding]:
    """Return which of our folders lie on a disk that is nearly full."""
    findings = [_disk("temporary files (exports on their way)", Path(tempfile.gettempdir()))]
    folder = await _data_directory(settings)
    if folder is not None:
        findings.append(_disk("the database's data", folder))
    return findings


async def _data_directory(settings: Settings) -> Path | None:
    """Return the database's folder, or the nearest one above it that we may enter; None if away."""
    try:
        async with examine(settings.database.dsn.get_secret_value()) as diagnosis:
            folder = await diagnosis.data_directory()
    except (UnavailableError, UsageError):  # the database's own check says so
        return None
    return None if folder is None else next(filter(_reachable, (folder, *folder.parents)))


def _reachable(folder: Path) -> bool:
    try:
        shutil.disk_usage(folder)
    except OSError:
        return False
    return True


def _disk(what: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB are free for {what}"
    cure = f"make room on the disk of {folder}, or move it"
    if usage.free < _FREE_BYTES_MIN:
        return problem("disk", f"only {free}: {cure}")
    if usage.free < min(_FREE_BYTES_PLENTY, usage.total * _FREE_SHARE_MIN):
        return warning("disk", f"only {free}: {cure}")
    return ok("disk", free)
