"""The opt-out programme, by REST."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.looks import Purpose, looks_at
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role, Token
from mdms.policy.access_facts import Data
from mdms.policy.optout_facts import Requester
from mdms.services.optout_asking import OptoutAsked

router = APIRouter(prefix="/v1/optouts", tags=["opt-outs"])
_PAGES = Pages("optouts", {"received_at": AwareDatetime, "optout_id": str})
_TASKS = Pages("tasks", {"number": int})

# Requests and their reasons are for clerks; whether a radio is on, all staff see (customers.md).
_CLERKS = frozenset({Role.CSR, Role.SUPERVISOR})
Clerk = Annotated[Token, Depends(allow(_CLERKS))]
Supervisor = Annotated[Token, Depends(allow(frozenset({Role.SUPERVISOR})))]
_MAY_READ = allow(_CLERKS | {Role.BILLING, Role.AUDITOR})
READERS = [Depends(_MAY_READ)]
Reader = Annotated[Token, Depends(_MAY_READ)]


class OptoutRequest(Body):
    """Whose opt-out is asked for, by whom, for which services; all but water if none are named."""

    who: Annotated[str, Field(min_length=1, max_length=64)]
    usage_points: Annotated[list[str], Field(max_length=100, default_factory=list)]
    requester: Requester = Requester.HOLDER
    crew_today: bool = False
    form_on: params.Day | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class Form(Body):
    """When the signed form came back."""

    received_on: params.Day


class Reason(Body):
    """Why, for the record."""

    reason: Annotated[str, Field(max_length=500)] = ""


class OptoutEnd(Body):
    """The order by which the radio was switched on at the meter, where one was needed."""

    field_order: Annotated[str, Field(max_length=64)] = ""


@router.post("", status_code=HTTPStatus.CREATED)
async def enrol(body: OptoutRequest, services: Backend, caller: Clerk) -> dict[str, Any]:
    """File a request and decide it; 409 with every code, clause and cure where it is denied."""
    asked = OptoutAsked(
        who=body.who,
        usage_points=tuple(body.usage_points),
        requester=body.requester,
        crew_today=body.crew_today,
        form_on=body.form_on,
        reason=body.reason,
    )
    return await services.optouts.enrol(asked, caller.name)


@router.get("", dependencies=[*READERS, looks_at(Data.STATUS)])
async def optouts(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List all requests, oldest first."""
    return page.cut(await services.optouts.every())


@router.get("/tasks", dependencies=[*READERS, looks_at(Data.STATUS)])
async def tasks(
    services: Backend, *, open_only: bool = True, page: Annotated[Page, Depends(_TASKS)]
) -> dict[str, Any]:
    """List what people decide or do for the programme, oldest first."""
    return page.cut(await services.optouts.tasks(open_only=open_only))


@router.post("/tasks/{number}/done")
async def done(services: Backend, number: params.Number, caller: Supervisor) -> dict[str, Any]:
    """Close a task: somebody decided, or did it."""
    return await services.optouts.finish(number, caller.name)


@router.get("/{optout_id}")
async def optout(
    services: Backend, optout_id: UUID, caller: Reader, purpose: Purpose = ""
) -> dict[str, Any]:
    """Show one request with every reason, and which of its radios are silent."""
    found = await services.optouts.show(optout_id)
    whose = (found["account"],)
    await services.access_log.look(caller, Data.STATUS, "", purpose=purpose, account_ids=whose)
    return found


@router.post("/{optout_id}/form")
async def form(body: Form, services: Backend, optout_id: UUID, caller: Clerk) -> dict[str, Any]:
    """Note that the signed form came back, and decide again."""
    return await services.optouts.form(optout_id, body.received_on, caller.name)


@router.post("/{optout_id}/judge")
async def judge(services: Backend, optout_id: UUID, caller: Clerk) -> dict[str, Any]:
    """Decide again, by what has been stated since."""
    return await services.optouts.judge(optout_id, caller.name)


@router.post("/{optout_id}/approve")
async def approve(
    body: Reason, services: Backend, optout_id: UUID, caller: Supervisor
) -> dict[str, Any]:
    """Decide in the customer's favour what is referred to a person; denials stay."""
    return await services.optouts.approve(optout_id, caller.name, body.reason)


@router.post("/{optout_id}/revoke")
async def revoke(
    body: Reason, services: Backend, optout_id: UUID, caller: Supervisor
) -> dict[str, Any]:
    """End one against the customer's will."""
    return await services.optouts.revoke(optout_id, caller.name, body.reason)


@router.post("/{optout_id}/end")
async def end(
    services: Backend, optout_id: UUID, caller: Clerk, body: OptoutEnd | None = None
) -> dict[str, Any]:
    """End one: the customer opted back in, free of charge."""
    field_order = "" if body is None else body.field_order
    return await services.optouts.end(optout_id, caller.name, field_order=field_order)
