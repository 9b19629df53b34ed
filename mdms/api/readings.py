"""Reads, by REST: one meter as Parquet, everything as files."""

import asyncio
from functools import partial
from io import BytesIO
from typing import Final, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from fastapi import APIRouter, Depends, Response
from fastapi.responses import FileResponse

from mdms.api import downloads, params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.description import ARROW, CMEP, CSV, GREEN_BUTTON, PARQUET, files
from mdms.api.looks import looks_at
from mdms.domain.errors import NotFoundError
from mdms.domain.people import Role
from mdms.policy.access_facts import Data
from mdms.services.outgoing_reads import Wanted
from mdms.services.reading_files import FileForm

router = APIRouter(prefix="/v1/readings", tags=["readings"])
READERS = Depends(allow(frozenset({Role.VEE, Role.BILLING, Role.CSR, Role.SUPERVISOR})))
LOOKS = looks_at(Data.INTERVAL_USAGE, "meter", "usage_point_id")
FILE_FORMS: Final = {
    "readings.cmep": FileForm.CMEP,
    "readings.nem12": FileForm.NEM12,
    "green_button.xml": FileForm.ESPI,
}


@router.get(
    "",
    dependencies=[READERS, LOOKS],
    response_class=Response,
    responses=files(PARQUET, ARROW, CSV),
)
async def readings(
    services: Backend,
    *,
    meter: str,
    from_: params.From,
    to: params.To,
    as_of: str | None = None,
    versions: bool = False,
    form: Literal["parquet", "arrow", "csv"] = "parquet",
) -> Response:
    """Give one meter's interval reads, with status and method of each, as Parquet, Arrow or CSV."""
    table = await services.readings.table(
        meter,
        params.period(from_, to, services.zone),
        as_of=None if as_of is None else params.instant(as_of),
        versions=versions,
    )
    encode, media_type = _FORMS[form]
    return Response(await asyncio.to_thread(encode, table), media_type=media_type)


@router.get(
    "/files/{name}",
    dependencies=[READERS, LOOKS],
    response_class=FileResponse,
    responses=files(PARQUET, CSV, CMEP, GREEN_BUTTON),
)
async def file(
    services: Backend, name: str, from_: params.From, to: params.To, meter: str | None = None
) -> FileResponse:
    """
    Give a file of reads of all meters, or of one.

    readings.parquet and registers.parquet have every version, the others current values:
    readings.csv, registers.csv, readings.cmep, readings.nem12, green_button.xml.
    """
    csv_and_parquet = {
        "readings.parquet": services.readings.write_intervals,
        "registers.parquet": services.readings.write_registers,
        "readings.csv": services.readings.write_csv,
        "registers.csv": services.readings.write_registers_csv,
    }
    period = params.period(from_, to, services.zone)
    if write := csv_and_parquet.get(name):
        return await downloads.made(name, partial(write, period, meter=meter))
    if form := FILE_FORMS.get(name):
        wanted = Wanted(period, meter)
        return await downloads.made(name, partial(services.reading_files.write, form, wanted))
    names = ", ".join((*csv_and_parquet, *FILE_FORMS))
    raise NotFoundError(f"there is no file {name!r}; there are {names}")


@router.get(
    "/green-button/{usage_point_id}",
    dependencies=[READERS, LOOKS],
    response_class=FileResponse,
    responses=files(GREEN_BUTTON),
)
async def green_button(
    services: Backend, usage_point_id: str, from_: params.From, to: params.To
) -> FileResponse:
    """Give the usage at a usage point as a Green Button feed, as customers download theirs."""
    wanted = Wanted(params.period(from_, to, services.zone), usage_point_id)
    write = partial(services.reading_files.write, FileForm.ESPI, wanted)
    return await downloads.made("green_button.xml", write)


def _parquet(table: pa.Table) -> bytes:
    file = BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _arrow(table: pa.Table) -> bytes:
    file = BytesIO()
    with pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return file.getvalue()


def _csv(table: pa.Table) -> bytes:
    file = BytesIO()
    pa.csv.write_csv(table, file)
    return file.getvalue()


_FORMS: Final = {
    "parquet": (_parquet, PARQUET),
    "arrow": (_arrow, ARROW),
    "csv": (_csv, CSV),
}
