"""The pilot of remote switching, by REST."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.text import Body
from mdms.domain.people import APPROVES, Role, Token

router = APIRouter(prefix="/v1/pilot", tags=["pilot"])

# Who asks for opens does not choose where they are possible.
Supervisor = Annotated[Token, Depends(allow(APPROVES))]
_READERS = frozenset({Role.CSR, Role.SAFETY, Role.SUPERVISOR, Role.NETWORK, Role.AUDITOR})


class Enrolment(Body):
    """Which meter joins or leaves, by badge or usage point, and why."""

    meter: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("", dependencies=[Depends(allow(_READERS))])
async def meters(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List the meters of the pilot."""
    return {"meters": await services.pilot.meters()}


@router.post("/enrol", status_code=HTTPStatus.CREATED)
async def enrol(body: Enrolment, services: Backend, caller: Supervisor) -> dict[str, Any]:
    """Let a meter join; 409 with every code, clause and cure where the rules forbid it."""
    return await services.pilot.enrol(body.meter, caller.name, body.reason)


@router.post("/leave")
async def leave(body: Enrolment, services: Backend, caller: Supervisor) -> dict[str, Any]:
    """Take a meter out; 409 while its switch may stand open."""
    return await services.pilot.leave(body.meter, caller.name, body.reason)
