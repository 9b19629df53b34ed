"""Reads, by REST: one meter as Parquet, everything as files."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.domain.errors import NotFoundError
from mdms.domain.people import Role

router = APIRouter(prefix="/v1/readings", tags=["readings"])
READERS = Depends(allow(frozenset({Role.VEE, Role.BILLING, Role.CSR, Role.SUPERVISOR})))
PARQUET = "application/vnd.apache.parquet"

From = Annotated[str, Query(alias="from", description="Local day, or instant with offset.")]
To = Annotated[str, Query(description="Local day (included), or instant (excluded).")]


@router.get("", dependencies=[READERS], response_class=Response)
async def readings(
    services: Backend,
    *,
    meter: str,
    from_: From,
    to: To,
    as_of: str | None = None,
    versions: bool = False,
) -> Response:
    """Give one meter's interval reads as Parquet."""
    frame = await services.readings.frame(
        meter,
        params.period(from_, to, services.zone),
        as_of=None if as_of is None else params.instant(as_of),
        versions=versions,
    )
    return Response(await asyncio.to_thread(frame.to_parquet, index=False), media_type=PARQUET)


@router.get("/files/{name}", dependencies=[READERS], response_class=FileResponse)
async def file(services: Backend, name: str, from_: From, to: To) -> FileResponse:
    """Give readings.parquet, registers.parquet (every version) or readings.csv (current)."""
    writers = {
        "readings.parquet": services.readings.write_intervals,
        "registers.parquet": services.readings.write_registers,
        "readings.csv": services.readings.write_csv,
    }
    if name not in writers:
        raise NotFoundError(f"there is no file {name!r}; there are {', '.join(writers)}")
    period = params.period(from_, to, services.zone)
    with tempfile.NamedTemporaryFile(suffix=name, delete=False) as made:
        path = Path(made.name)
    await writers[name](period, path)
    return FileResponse(path, filename=name, background=BackgroundTask(path.unlink))
