"""What stands in the way of a billing cycle."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend

router = APIRouter(prefix="/v1/billing/cycles", tags=["billing"])

Cycle = Annotated[int, Path(ge=0, le=2**31 - 1)]


@router.get("/{cycle}", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def cycle(services: Backend, cycle: Cycle) -> dict[str, list[dict[str, Any]]]:
    """Show the windows of a cycle that have begun, and which meters hold them up, and why."""
    return await services.cycles.blocking(cycle)
