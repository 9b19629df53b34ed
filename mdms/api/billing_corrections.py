"""What frozen bills differ by from the reads of today, by REST: look, correct, tell."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role, Token

router = APIRouter(prefix="/v1/billing", tags=["billing"])
_PAGES = Pages("corrections", {"notice_by": date, "number": int})
Biller = Annotated[Token, Depends(allow(frozenset({Role.BILLING})))]

_CORRECTIONS_MAX = 100


class Incident(Body):
    """Corrections of one account with one cause, and by how much each bill was wrong."""

    amounts_usd: Annotated[
        dict[params.Number, Annotated[Decimal, Field(ge=0, le=1_000_000_000)]],
        Field(min_length=1, max_length=_CORRECTIONS_MAX),
    ]
    established: bool | None = None
    approved: bool | None = None


@router.get("/windows/{start}/{end}/diff", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def diff(
    services: Backend, start: str, end: str, as_of: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Add a frozen window up again, by the reads known now or at an instant; change nothing."""
    rows = await services.corrections.diff(
        params.day(start),
        params.day(end),
        as_of=None if as_of is None else params.instant(as_of),
    )
    return {"differences": rows}


@router.post("/windows/{start}/{end}/corrections")
async def correct(
    services: Backend, caller: Biller, start: str, end: str
) -> dict[str, list[dict[str, Any]]]:
    """Keep every difference of whole units as a correction, and replace what may be replaced."""
    made = await services.corrections.correct(params.day(start), params.day(end), caller.name)
    return {"corrections": made}


@router.get("/corrections", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def corrections(
    services: Backend,
    *,
    untold: Annotated[bool, Query()] = False,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List corrections, those first whose customers must be told soonest."""
    return page.cut(await services.corrections.every(untold_only=untold))


@router.post("/corrections/{number}/told")
async def told(services: Backend, caller: Biller, number: params.Number) -> dict[str, Any]:
    """Keep that the customer was told of a correction."""
    return await services.corrections.told(number, caller.name)


@router.post("/corrections/limits", dependencies=[Depends(allow(frozenset({Role.BILLING})))])
async def limits(services: Backend, body: Incident) -> dict[str, Any]:
    """Say what of the money Rule 11.I lets be billed, or returns."""
    return await services.corrections.limits(
        body.amounts_usd, established=body.established, approved=body.approved
    )
