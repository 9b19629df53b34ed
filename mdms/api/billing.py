"""Bill windows and sums to bill, by REST: freeze, look, pull."""

import asyncio
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from pydantic import Field

from mdms.api import downloads, params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import ARROW, CMEP, CSV, GREEN_BUTTON, PARQUET
from mdms.api.description import files as files_of
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.api.readings import FILE_FORMS
from mdms.api.text import Body
from mdms.billing.formats.parquet_v1 import arrow, parquet
from mdms.domain.errors import NotFoundError
from mdms.domain.people import Role, Token
from mdms.policy.access_facts import Data
from mdms.policy.reading import EstimateReason

router = APIRouter(prefix="/v1/billing", tags=["billing"])
_EVENTS = Pages("events", {"number": int})
_SERVICES = Pages("services", {"usage_point": str, "period": int})
BILLING = Depends(allow(frozenset({Role.BILLING})))
Biller = Annotated[Token, BILLING]

_TEXT_MAX = 20_000_000
_TYPED: Final = {"parquet": (parquet, PARQUET), "arrow": (arrow, ARROW)}


class Receipt(Body):
    """What billing has taken: `services_sha256` of the manifest, and its own name for it."""

    services_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    reference: Annotated[str, Field(max_length=200)] = ""


class Unread(Body):
    """A meter that could not be read at the end of a window, and why."""

    meter: Annotated[str, Field(min_length=1, max_length=200)]
    window_start: str
    window_end: str
    reason: EstimateReason


class TextFile(Body):
    """A CSV file."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=_TEXT_MAX)]


@router.get("/windows", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def windows(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List frozen windows and what blocked the rest of their meters."""
    return {"windows": await services.billing.status()}


@router.post("/windows/{start}/{end}/freeze", dependencies=[BILLING])
async def freeze(
    services: Backend,
    start: str,
    end: str,
    *,
    cycle: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    any_length: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """Freeze what is ready; what is frozen stays as it is."""
    result = await services.billing.freeze(
        params.day(start), params.day(end), cycle=cycle, any_length=any_length
    )
    return {
        "window_start": start,
        "window_end": end,
        "frozen": result.frozen,
        "services": result.services,
        "already_frozen": result.already_frozen,
        "blocked": sum(result.blocked.values()),
        "blocked_by": dict(result.blocked),
        "flagged_by": dict(result.flagged),
    }


@router.get("/windows/{start}/{end}/files", dependencies=[BILLING])
async def files(services: Backend, start: str, end: str) -> dict[str, list[str]]:
    """
    Name a frozen window's files; the manifest is the last.

    A `.csv` may be had as `.parquet`, or as `.arrow`, a stream.
    """
    made = await services.billing.files(params.day(start), params.day(end))
    return {"files": list(made)}


@router.get(
    "/windows/{start}/{end}/files/{name}",
    dependencies=[BILLING, looks_at(Data.DAILY_USAGE)],
    response_class=Response,
    responses=files_of(CSV, PARQUET, ARROW, "application/json"),
)
async def file(services: Backend, start: str, end: str, name: str) -> Response:
    """Give one of a frozen window's files."""
    made = await services.billing.files(params.day(start), params.day(end))
    stem, _, form = name.rpartition(".")
    table = f"{stem}.csv" if form in _TYPED else name
    if table not in made:
        raise NotFoundError(f"this window has no file {name!r}; it has {', '.join(made)}")
    if form in _TYPED:
        encode, media_type = _TYPED[form]
        content = await asyncio.to_thread(encode, made[table])
        return Response(content, media_type=media_type)
    media_type = "application/json" if name.endswith(".json") else CSV
    return Response(made[name], media_type=media_type)


@router.get(
    "/windows/{start}/{end}/reads/{name}",
    dependencies=[BILLING, looks_at(Data.INTERVAL_USAGE)],
    response_class=FileResponse,
    responses=files_of(CSV, CMEP, GREEN_BUTTON),
)
async def reads(services: Backend, start: str, end: str, name: str) -> FileResponse:
    """
    Give the intervals and registers that a frozen window was billed by, those versions exactly.

    readings.cmep, readings.nem12 or green_button.xml.
    """
    form = FILE_FORMS.get(name)
    if form is None:
        raise NotFoundError(f"there is no file {name!r}; there are {', '.join(FILE_FORMS)}")
    days = params.day(start), params.day(end)
    write = partial(services.reading_files.write_billed, form, *days)
    return await downloads.made(name, write)


@router.get("/windows/{start}/{end}/services", dependencies=[BILLING, looks_at(Data.DAILY_USAGE)])
async def billed(
    services: Backend,
    *,
    start: str,
    end: str,
    as_of: str | None = None,
    page: Annotated[Page, Depends(_SERVICES)],
) -> dict[str, Any]:
    """Show what each service comes to, or came to at an instant, and the digest of all."""
    found = await services.billed.of_window(
        params.day(start),
        params.day(end),
        as_of=None if as_of is None else params.instant(as_of),
    )
    return {"services_sha256": found["services_sha256"]} | page.cut(found["services"])


@router.post("/windows/{start}/{end}/ack")
async def acknowledge(
    body: Receipt, services: Backend, caller: Biller, start: str, end: str
) -> dict[str, Any]:
    """Keep that billing has what the window says; refused where it says something else by now."""
    return await services.billed.acknowledge(
        params.day(start),
        params.day(end),
        digest=body.services_sha256,
        by=caller.name,
        reference=body.reference,
    )


@router.post("/windows/{start}/{end}/compare", dependencies=[BILLING])
async def compare(body: TextFile, services: Backend, start: str, end: str) -> dict[str, Any]:
    """Set another system's reads and bills beside a frozen window's."""
    return await services.parallel.compare(
        params.day(start), params.day(end), name=body.name, text=body.text
    )


@router.get("/meters/{meter}", dependencies=[BILLING, looks_at(Data.DAILY_USAGE, "meter")])
async def of_meter(
    services: Backend, meter: str, as_of: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Show every bill of a meter's place, each revision, as it was frozen."""
    found = await services.billed.of_meter(
        meter, as_of=None if as_of is None else params.instant(as_of)
    )
    return {"bills": found}


@router.get("/meters/{meter}/test", dependencies=[BILLING])
async def meter_test(
    services: Backend,
    meter: str,
    error: Annotated[Decimal | None, Query(gt=-1, lt=1)] = None,
    tested_on: str | None = None,
) -> dict[str, Any]:
    """Say which bills a meter's error made wrong, and by how many units; no error: it is dead."""
    return await services.meter_tests.figures(
        meter, error=error, tested_on=None if tested_on is None else params.day(tested_on)
    )


@router.get("/cycles", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def cycles(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List the windows of every billing cycle: frozen, due or to come."""
    return {"windows": await services.cycles.windows()}


@router.post("/cycles")
async def schedule(body: TextFile, services: Backend, caller: Biller) -> dict[str, int]:
    """Take the read days of billing cycles, from the first one of each cycle on."""
    return {"read_days": await services.cycles.import_file(body.name, body.text, caller.name)}


@router.post("/estimates")
async def estimate(
    body: Unread, services: Backend, caller: Biller
) -> dict[str, list[dict[str, Any]]]:
    """Estimate what could not be read, by Rule 10.A and with a reason; the next freeze bills it."""
    made = await services.estimates.estimate(
        body.meter,
        params.day(body.window_start),
        params.day(body.window_end),
        body.reason,
        caller.name,
    )
    return {"estimates": made}


@router.get("/events", dependencies=[BILLING])
async def events(
    services: Backend,
    *,
    from_: Annotated[str, Query(alias="from")],
    to: str,
    page: Annotated[Page, Depends(_EVENTS)],
) -> dict[str, Any]:
    """List the sums that are due on the local days from..to, both included, oldest first."""
    return page.cut(await services.optouts.events(params.day(from_), params.day(to)))
