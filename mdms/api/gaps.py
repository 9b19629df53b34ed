"""Batches that never arrived, by REST: list them, ask for them again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.errors import UsageError
from mdms.domain.people import Role

router = APIRouter(prefix="/v1/gaps", tags=["gaps"])
_PAGES = Pages("gaps", {"collector_id": int, "first_seq": int})


class BackfillRequest(Body):
    """What to ask for again: known holes, or with a period everything that was closed in it."""

    collector_id: Annotated[int | None, Field(ge=1)] = None
    from_: Annotated[str | None, Field(alias="from")] = None
    to: str | None = None


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def gaps(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List missing batches; those that were given up have a `lost_at`."""
    return page.cut(await services.gaps.gaps())


@router.post(
    "/backfill", dependencies=[Depends(allow(frozenset({Role.VEE, Role.NETWORK, Role.ADMIN})))]
)
async def backfill(body: BackfillRequest, services: Backend) -> dict[str, int]:
    """Ask collectors now."""
    if body.from_ is None and body.to is None:
        return await services.gaps.backfill(body.collector_id)
    if body.from_ is None or body.to is None:
        raise UsageError("a period has both ends: give from and to, or neither")
    period = params.period(body.from_, body.to, services.zone)
    return await services.gaps.backfill(body.collector_id, period)
