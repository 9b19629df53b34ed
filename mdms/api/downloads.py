"""Files that are made to be downloaded: written aside, named with their digest, then forgotten."""

import asyncio
import hashlib
import tempfile
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from mdms.api.description import CMEP, CSV, GREEN_BUTTON, PARQUET

MEDIA_TYPES: Final = {
    ".xml": GREEN_BUTTON,
    ".csv": CSV,
    ".parquet": PARQUET,
    ".cmep": CMEP,
    ".nem12": CSV,
}


async def made(name: str, write: Callable[[Path], Awaitable[None]]) -> FileResponse:
    """
    Return a file that `write` makes.

    Its SHA-256 stands in Repr-Digest (RFC 9530), so that whoever loads it knows that it is whole.
    """
    with tempfile.NamedTemporaryFile(prefix="mdms-", suffix=name, delete=False) as file:
        path = Path(file.name)
    try:
        await write(path)
        digest = await asyncio.to_thread(_digest, path)
    except BaseException:
        await asyncio.to_thread(path.unlink)
        raise
    return FileResponse(
        path,
        filename=name,
        media_type=MEDIA_TYPES[path.suffix],
        headers={"Repr-Digest": f"sha-256=:{b64encode(digest).decode()}:"},
        background=BackgroundTask(path.unlink),
    )


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
