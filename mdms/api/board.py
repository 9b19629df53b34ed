"""The board of a day."""

from typing import Any

from fastapi import APIRouter, Depends

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend

router = APIRouter(prefix="/v1/board", tags=["system"])


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def board(
    services: Backend, *, day: params.Day | None = None, by_hour: bool = True
) -> dict[str, Any]:
    """Give one local day's figures, yesterday's when none is named: counts, no meters."""
    return await services.board.day(day, by_hour=by_hour)
