"""Sums over customers, by REST; the privacy officer lets them go."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.aggregates import Cut
from mdms.domain.people import Role, Token
from mdms.domain.registry import Commodity

router = APIRouter(prefix="/v1/aggregates", tags=["customers"])
_PAGES = Pages("releases", {"number": params.Number}, newest_first=True)

Officer = Annotated[Token, Depends(allow(frozenset({Role.PRIVACY})))]


class Wanted(Body):
    """Billed usage of a month that is over, by groups of customers."""

    commodity: Commodity
    month: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
    cut: Cut = Cut.NONE


@router.post("")
async def publish(
    body: Wanted, services: Backend, caller: Officer
) -> dict[str, list[dict[str, Any]]]:
    """Tell sums, or that they are suppressed; each goes into the ledger first."""
    month = date.fromisoformat(f"{body.month}-01")
    told = await services.aggregates.publish(body.commodity, month, body.cut, caller.name)
    return {"groups": told}


@router.get("", dependencies=[Depends(allow(frozenset({Role.PRIVACY, Role.AUDITOR})))])
async def ledger(
    services: Backend,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List what was asked for and what came of it, the newest first, a page at a time."""
    found = await services.aggregates.ledger(before=page.last, limit=page.rows_max)
    return page.answer(found)
