"""Days on which so many meters were silent that it is one incident, by REST."""

from typing import Any

from fastapi import APIRouter, Depends

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend

router = APIRouter(prefix="/v1/vee", tags=["vee"])


@router.get("/incidents", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def incidents(
    services: Backend, from_: params.FirstDay, to: params.LastDay
) -> dict[str, Any]:
    """List days on which so many meters were silent that estimates wait: one incident each."""
    first, last = params.days(from_, to)
    return {"incidents": await services.vee.incidents(first, last)}
