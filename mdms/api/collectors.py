"""Collectors as they say they are, by REST."""

from typing import Any

from fastapi import APIRouter, Depends

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend

router = APIRouter(
    prefix="/v1/collectors", tags=["collectors"], dependencies=[Depends(allow(ANYONE_KNOWN))]
)


@router.get("")
async def collectors(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """
    List every registered collector: its condition, clock and what waits in it.

    `condition` is online, stale (nothing heard for 180 s), offline (its own word, or its last
    will) or unheard.
    """
    return {"collectors": await services.collectors.listed()}
