"""Outages, transformers and signs of tampering, by REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.domain.people import Role

router = APIRouter(prefix="/v1", tags=["grid"])

_OPERATES = frozenset(
    {Role.CSR, Role.SUPERVISOR, Role.SAFETY, Role.NETWORK, Role.VEE, Role.AUDITOR}
)
"""A transformer may feed one home: what is at home there is for nobody who only looks."""

_INVESTIGATES = frozenset({Role.SUPERVISOR, Role.SAFETY, Role.VEE, Role.AUDITOR})

_OUTAGES = Pages("outages", {"from": AwareDatetime, "device": str, "name": str})
_SUSPICIONS = Pages("suspicions", {"points": int, "meter": str}, newest_first=True)


@router.get("/outages", dependencies=[Depends(allow(_OPERATES))])
async def outages(
    services: Backend, from_: params.From, to: params.To, page: Annotated[Page, Depends(_OUTAGES)]
) -> dict[str, Any]:
    """List what failed in a period, with SAIDI, SAIFI, CAIDI and MAIFI of all of it."""
    found = await services.grid.outages(params.period(from_, to, services.zone))
    return page.cut(found["outages"]) | {"indices": found["indices"]}


@router.get("/transformers/load", dependencies=[Depends(allow(_OPERATES))])
async def load(
    services: Backend, from_: params.FirstDay, to: params.LastDay, transformer: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """List the load of transformers, the most loaded first."""
    first, last = params.days(from_, to)
    rows = await services.transformers.load(first, last, transformer=transformer)
    return {"transformers": rows}


@router.get("/transformers/voltage", dependencies=[Depends(allow(_OPERATES))])
async def voltage(
    services: Backend, from_: params.FirstDay, to: params.LastDay, transformer: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """List the voltage of transformers whose meters measure it, the worst first."""
    first, last = params.days(from_, to)
    rows = await services.transformers.voltage(first, last, transformer=transformer)
    return {"transformers": rows}


@router.get("/theft", dependencies=[Depends(allow(_INVESTIGATES))])
async def theft(
    services: Backend,
    from_: params.FirstDay,
    to: params.LastDay,
    page: Annotated[Page, Depends(_SUSPICIONS)],
) -> dict[str, Any]:
    """List meters with direct signs of tampering; evidence for a person, never an action."""
    first, last = params.days(from_, to)
    return page.cut(await services.grid.suspicions(first, last))
