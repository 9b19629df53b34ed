"""Files of reads from others, by REST: hand one in, see what became of it."""

import asyncio
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.billing.formats.readers import ReadFormat
from mdms.domain.errors import UsageError
from mdms.domain.people import Role, Token
from mdms.services.reading_import import HowToRead

FILE_BYTES_MAX: Final = 4 << 30
"""A day of a million meters as CMEP is half of that."""

router = APIRouter(prefix="/v1/readings/imports", tags=["readings"])
READERS = Depends(allow(frozenset({Role.VEE, Role.BILLING, Role.SUPERVISOR})))
Importer = Annotated[Token, Depends(allow(frozenset({Role.VEE})))]

Name = Annotated[str, Query(min_length=1, max_length=200, description="Name of the file.")]
Form = Annotated[
    ReadFormat | None, Query(alias="format", description="Left out: told by the file's beginning.")
]
Zone = Annotated[
    str, Query(max_length=64, description="Of its times; left out: as its format rules.")
]
Whose = Annotated[
    str,
    Query(max_length=64, description="Badge or usage point of all of it."),
]

_IMPORTS = Pages(
    "imports", {"imported_at": AwareDatetime, "reading_import_id": UUID}, newest_first=True
)
_REFUSED = Pages("refused", {"number": params.Number})

_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=_BODY)
async def take(
    request: Request,
    services: Backend,
    caller: Importer,
    *,
    name: Name,
    form: Form = None,
    zone: Zone = "",
    meter: Whose = "",
    skip_refused: bool = False,
) -> dict[str, Any]:
    """
    Take a file of reads: all of it, or nothing and a report of every refused row.

    `state` says which: `stored`, `refused`, or `partial` when the other rows were wished for. A
    file that was stored before changes nothing; `already` says so.
    """
    how = HowToRead(form=form, zone=zone, meter=meter, skip_refused=skip_refused)
    with tempfile.NamedTemporaryFile(prefix="mdms-import-") as spool:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > FILE_BYTES_MAX:
                raise UsageError(
                    f"a file has at most {FILE_BYTES_MAX:,} bytes; hand it in in parts"
                )
            await asyncio.to_thread(spool.write, chunk)
        await asyncio.to_thread(spool.flush)
        return await services.reading_imports.take(Path(spool.name), name, how, caller.name)


@router.get("", dependencies=[READERS])
async def since(
    services: Backend,
    *,
    from_: params.From,
    page: Annotated[Page, Depends(_IMPORTS)],
) -> dict[str, Any]:
    """List what was handed in since a day or instant, the newest first."""
    found = await services.reading_imports.since(
        params.since(from_, services.zone), before=page.last, count_max=page.rows_max
    )
    return page.answer(found)


@router.get("/{reading_import_id}/refused", dependencies=[READERS])
async def refused(
    services: Backend, reading_import_id: UUID, page: Annotated[Page, Depends(_REFUSED)]
) -> dict[str, Any]:
    """List refused rows in the order of the file."""
    found = await services.reading_imports.refused(
        reading_import_id, after=page.last or 0, count_max=page.rows_max
    )
    return page.answer(found)
