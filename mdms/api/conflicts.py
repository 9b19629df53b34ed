"""Raw values that differ from the one that is stored, by REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages

router = APIRouter(
    prefix="/v1/conflicts", tags=["conflicts"], dependencies=[Depends(allow(ANYONE_KNOWN))]
)

_PAGES = Pages("conflicts", {"at": AwareDatetime, "number": params.Number})


@router.get("")
async def conflicts(
    services: Backend,
    *,
    from_: params.From,
    to: params.To,
    meter: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List the conflicts about a period in order of time; `meter` is a badge."""
    found = await services.conflicts.listed(
        params.period(from_, to, services.zone),
        meter=meter,
        after=page.last,
        count_max=page.rows_max,
    )
    return page.answer(found)
