"""Events of meters and collectors, by REST."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from pydantic import AwareDatetime

from mdms.api import downloads, params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import PARQUET, files
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.policy.access_facts import Data

router = APIRouter(
    prefix="/v1/events", tags=["events"], dependencies=[Depends(allow(ANYONE_KNOWN))]
)

# Switches that were thrown and radios that fell silent are among them (policy.md 5.1).
LOOKS = looks_at(Data.STATUS, "meter")
_PAGES = Pages("events", {"at": AwareDatetime, "number": params.Number})


@router.get("", dependencies=[LOOKS])
async def events(
    services: Backend,
    *,
    from_: params.From,
    to: params.To,
    meter: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List the events of a period in order of time; `meter` is a badge."""
    found = await services.events.listed(
        params.period(from_, to, services.zone),
        meter=meter,
        after=page.last,
        count_max=page.rows_max,
    )
    return page.answer(found)


@router.get(
    "/files/events.parquet",
    dependencies=[LOOKS],
    response_class=FileResponse,
    responses=files(PARQUET),
)
async def file(services: Backend, from_: params.From, to: params.To) -> FileResponse:
    """Give every event of a period as Parquet."""
    period = params.period(from_, to, services.zone)
    write = partial(services.events.write_events, period)
    return await downloads.made("events.parquet", write)
