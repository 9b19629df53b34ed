"""Field orders, by REST: what people must do at meters, and that it was done."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.text import Body
from mdms.domain.people import APPROVES, PROPOSES, Token

router = APIRouter(prefix="/v1/field-orders", tags=["field orders"])

Closer = Annotated[Token, Depends(allow(PROPOSES | APPROVES))]


class Outcome(Body):
    """What was done."""

    outcome: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def field_orders(
    services: Backend,
    *,
    every: bool = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Sequence[dict[str, Any]]]:
    """List open orders, or closed ones too: safety first, then the oldest first."""
    found = await services.field_orders.every(open_only=not every, count_max=limit)
    return {"field_orders": found}


@router.post("/{field_order_id}/close")
async def close(
    body: Outcome, services: Backend, field_order_id: UUID, caller: Closer
) -> dict[str, Any]:
    """Close an order; 409 when it is closed already."""
    return await services.field_orders.close(field_order_id, caller.name, body.outcome)
