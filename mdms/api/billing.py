"""Bill windows and sums to bill, by REST: freeze, look, pull."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.domain.errors import NotFoundError
from mdms.domain.people import Role

router = APIRouter(prefix="/v1/billing", tags=["billing"])
BILLING = Depends(allow(frozenset({Role.BILLING})))


@router.get("/windows", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def windows(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List frozen windows and what blocked the rest of their meters."""
    return {"windows": await services.billing.status()}


@router.post("/windows/{start}/{end}/freeze", dependencies=[BILLING])
async def freeze(services: Backend, start: str, end: str) -> dict[str, Any]:
    """Freeze what is ready; what is frozen stays as it is."""
    result = await services.billing.freeze(params.day(start), params.day(end))
    return {
        "window_start": start,
        "window_end": end,
        "frozen": result.frozen,
        "already_frozen": result.already_frozen,
        "blocked": sum(result.blocked.values()),
        "blocked_by": dict(result.blocked),
        "flagged_by": dict(result.flagged),
    }


@router.get("/windows/{start}/{end}/files", dependencies=[BILLING])
async def files(services: Backend, start: str, end: str) -> dict[str, list[str]]:
    """Name a frozen window's files; the manifest is the last."""
    made = await services.billing.files(params.day(start), params.day(end))
    return {"files": list(made)}


@router.get("/windows/{start}/{end}/files/{name}", dependencies=[BILLING])
async def file(services: Backend, start: str, end: str, name: str) -> Response:
    """Give one of a frozen window's files."""
    made = await services.billing.files(params.day(start), params.day(end))
    if name not in made:
        raise NotFoundError(f"this window has no file {name!r}; it has {', '.join(made)}")
    media_type = "application/json" if name.endswith(".json") else "text/csv; charset=utf-8"
    return Response(made[name], media_type=media_type)


@router.get("/events", dependencies=[BILLING])
async def events(
    services: Backend, from_: Annotated[str, Query(alias="from")], to: str
) -> dict[str, list[dict[str, Any]]]:
    """List the sums that are due on the local days from..to, both included, oldest first."""
    due = await services.optouts.events(params.day(from_), params.day(to))
    return {"events": due}
