"""Who looked at whose data, by REST; for auditors and the privacy officer."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.domain.people import Role

router = APIRouter(
    prefix="/v1/looks",
    tags=["customers"],
    dependencies=[Depends(allow(frozenset({Role.AUDITOR, Role.PRIVACY})))],
)


@router.get("")
async def looks(
    services: Backend,
    account_id: str | None = None,
    by: str | None = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="`next` of a page.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List looks, the newest first, a page at a time."""
    found = await services.access_log.looks(
        account_id=account_id, by=by, before=before, limit=limit
    )
    return {"looks": found, "next": found[-1]["number"] if len(found) == limit else None}
