"""Raw values that differ from the one that is stored, by REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend

router = APIRouter(
    prefix="/v1/conflicts", tags=["conflicts"], dependencies=[Depends(allow(ANYONE_KNOWN))]
)


@router.get("")
async def conflicts(
    services: Backend,
    *,
    from_: Annotated[str, Query(alias="from", description="Local day, or instant with offset.")],
    to: Annotated[str, Query(description="Local day (included), or instant (excluded).")],
    meter: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> dict[str, list[dict[str, Any]]]:
    """List the first conflicts about a period in order of time; `meter` is a badge."""
    period = params.period(from_, to, services.zone)
    return {"conflicts": await services.conflicts.listed(period, meter=meter, count_max=limit)}
