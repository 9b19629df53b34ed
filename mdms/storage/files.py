"""The ExportSink: a file appears under its name only when all of it is on the disk."""

import os
from collections.abc import Iterable
from pathlib import Path


class DirectorySink:
    """
    Writes files into one directory, which is made if it is not there.

    A file is written beside its name as `.part`, synced and renamed, then the directory is
    synced: after a crash a name holds the old content or the new, never a part of either.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: bytes) -> None:
        self.write_parts(name, (content,))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> Path:
        """Write a file that need not fit into memory; nothing stays when a part cannot be had."""
        assert Path(name).name == name, "an export names files, never folders"
        target = self._directory / name
        part = target.with_name(f"{name}.part")
        try:
            with part.open("wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            part.unlink()
            raise
        part.replace(target)
        self._sync_directory()
        return target

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
