"""The store of what became of files of reads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.reading_imports import ReadingImport, RefusedRow


class ReadingImportStore(Protocol):
    """Imports and their refused rows; added, never changed."""

    async def add(self, taken: ReadingImport, refused: Sequence[RefusedRow]) -> bool:
        """Keep an import; return False where all of the same file has been stored before."""
        ...

    async def stored(self, sha256: bytes, form: str, zone: str, meter: str) -> ReadingImport | None:
        """Return the import by which all of a file was stored, read in the same way."""
        ...

    async def find(self, reading_import_id: UUID) -> ReadingImport | None: ...
    async def made_at(self, at: datetime) -> ReadingImport | None:
        """Return the import whose reads became known at an instant, so that they can be traced."""
        ...

    async def since(
        self,
        at: datetime,
        *,
        before: tuple[datetime, UUID] | None = None,
        count_max: int,
    ) -> Sequence[ReadingImport]:
        """Return imports since an instant, the newest first; those older than one of them."""
        ...

    async def refused(
        self, reading_import_id: UUID, *, after: int, count_max: int
    ) -> Sequence[tuple[int, RefusedRow]]:
        """Return refused rows with their numbers, in the order of the file."""
        ...
