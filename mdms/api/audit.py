"""The audit, by REST: what happened to one thing, and whether anything was changed since."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.domain.people import Role

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(allow(frozenset({Role.AUDITOR, Role.SUPERVISOR})))],
)


@router.get("")
async def records(
    services: Backend,
    subject: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, list[dict[str, Any]]]:
    """List the newest of what happened to a command, a fact's subject or a token; or of all."""
    audit = services.audit
    found = await (audit.newest(limit) if subject is None else audit.about(subject))
    return {"records": found[-limit:]}
