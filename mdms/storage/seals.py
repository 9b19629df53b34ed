"""The second place of the audit's seals: a file that is only ever added to."""

import os
from pathlib import Path

from mdms.domain.audit import SealedHead, parse_seals, seal_line
from mdms.domain.errors import UnavailableError


class SealFile:
    """`mdms.ports.SealPlace`: a JSON object a line, synced before anything else is done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> SealedHead | None:
        if not self._path.exists():
            return None
        seals = parse_seals(self._path.read_text(encoding="utf-8"))
        return seals[-1] if seals else None

    def append(self, sealed: SealedHead) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(seal_line(sealed))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UnavailableError(f"{self._path} takes no seals: {error.strerror}") from error
