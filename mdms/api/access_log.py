"""Who looked at whose data, by REST; for auditors and the privacy officer."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.domain.people import Role

router = APIRouter(
    prefix="/v1/looks",
    tags=["customers"],
    dependencies=[Depends(allow(frozenset({Role.AUDITOR, Role.PRIVACY})))],
)

_PAGES = Pages("looks", {"number": params.Number}, newest_first=True)


@router.get("")
async def looks(
    services: Backend,
    *,
    account_id: str | None = None,
    by: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List looks, the newest first, a page at a time."""
    found = await services.access_log.looks(
        account_id=account_id, by=by, before=page.last, limit=page.rows_max
    )
    return page.answer(found)
