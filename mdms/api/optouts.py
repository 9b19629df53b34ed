"""Opt-outs, by REST."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.domain.people import Role, Token

router = APIRouter(prefix="/v1/optouts", tags=["opt-outs"])

_CLERKS = frozenset({Role.CSR, Role.SUPERVISOR})
Clerk = Annotated[Token, Depends(allow(_CLERKS))]


class OptoutRequest(BaseModel):
    """Which meter, from when on (now when left out), and why."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    meter: Annotated[str, Field(min_length=1, max_length=64)]
    from_: Annotated[str | None, Field(alias="from")] = None
    reason: Annotated[str, Field(max_length=500)] = ""


class OptoutEnd(BaseModel):
    """The order by which the radio was switched on at the meter, where one was needed."""

    model_config = ConfigDict(extra="forbid")

    field_order: Annotated[str, Field(max_length=64)] = ""


@router.post("", status_code=HTTPStatus.CREATED)
async def enrol(body: OptoutRequest, services: Backend, caller: Clerk) -> dict[str, Any]:
    """Put an opt-out on file; a radio_off command may follow."""
    from_at = None if body.from_ is None else params.instant(body.from_)
    return await services.optouts.enrol(
        body.meter, caller.name, from_at=from_at, reason=body.reason
    )


@router.get("", dependencies=[Depends(allow(_CLERKS))])
async def optouts(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List them all, oldest first."""
    return {"optouts": await services.optouts.every()}


@router.post("/{optout_id}/end")
async def end(
    services: Backend, optout_id: UUID, caller: Clerk, body: OptoutEnd | None = None
) -> dict[str, Any]:
    """End one: the customer opted in, or the account closed."""
    field_order = "" if body is None else body.field_order
    return await services.optouts.end(optout_id, caller.name, field_order=field_order)
