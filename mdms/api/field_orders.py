"""Field orders, by REST: what people must do at meters, and that it was done."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import APPROVES, PROPOSES, Token

router = APIRouter(prefix="/v1/field-orders", tags=["field orders"])
_PAGES = Pages("field_orders", {"field_order_id": UUID})

Closer = Annotated[Token, Depends(allow(PROPOSES | APPROVES))]


class Outcome(Body):
    """What was done."""

    outcome: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def field_orders(
    services: Backend,
    *,
    every: bool = False,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List open orders, or closed ones too: safety first, then the oldest first."""
    found = await services.field_orders.every(
        open_only=not every, after=page.last, count_max=page.rows_max
    )
    return page.answer(found)


@router.post("/{field_order_id}/close")
async def close(
    body: Outcome, services: Backend, field_order_id: UUID, caller: Closer
) -> dict[str, Any]:
    """Close an order; 409 when it is closed already."""
    return await services.field_orders.close(field_order_id, caller.name, body.outcome)
