"""The audit, by REST: what happened to one thing, and whether anything was changed since."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.domain.people import Role

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(allow(frozenset({Role.AUDITOR, Role.SUPERVISOR})))],
)

_PAGES = Pages("records", {"number": params.Number}, newest_first=True)


@router.get("")
async def records(
    services: Backend,
    *,
    subject: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List what happened to a command, a fact's subject or a token, or to all; the newest first."""
    found = await services.audit.newest(page.rows_max, subject=subject, before=page.last)
    return page.answer(found)
