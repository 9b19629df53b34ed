"""Commands to meters, by REST: ask, look, take back."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import FileResponse
from pydantic import Field

from commands.requests import Request
from commands.scene import is_immediate
from mdms.api import downloads, params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import JUDGED_ONLY, PARQUET, files
from mdms.api.looks import Purpose, looks_at, looks_at_command
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.controls import Action
from mdms.domain.people import APPROVES, PROPOSES, Role, Token
from mdms.policy.access_facts import Data
from mdms.services.controls import view

router = APIRouter(prefix="/v1/controls", tags=["controls"])
_PAGES = Pages("controls", {"control_id": UUID}, newest_first=True)

Anyone = Annotated[Token, Depends(allow(ANYONE_KNOWN))]
Requester = Annotated[Token, Depends(allow(PROPOSES))]
Approver = Annotated[Token, Depends(allow(APPROVES | {Role.SAFETY}))]
Canceller = Annotated[Token, Depends(allow(PROPOSES | APPROVES))]
"""Who may command; an administrator may not (headend.md 4)."""


class ControlRequest(Body):
    """What is asked of a meter; `meter` is a badge or a usage point."""

    action: Action
    meter: Annotated[str, Field(min_length=1, max_length=64)]
    cause: Annotated[str, Field(min_length=1, max_length=64)]
    order: Annotated[str, Field(max_length=64)] = ""
    reason: Annotated[str, Field(max_length=500)] = ""
    evidence: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=16)] = ""
    not_before: str | None = None
    dry_run: bool = False


class Word(Body):
    """Why a command is approved, or taken back."""

    reason: Annotated[str, Field(max_length=500)] = ""


@router.post("", status_code=HTTPStatus.CREATED, responses=JUDGED_ONLY)
async def request(
    body: ControlRequest, services: Backend, caller: Requester, response: Response
) -> dict[str, Any]:
    """Ask for a command; 409 with every code, clause and cure where the rules forbid it."""
    control = await services.requests.request(
        Request(
            action=body.action,
            meter=body.meter,
            cause=body.cause,
            order=body.order,
            reason=body.reason,
            role=role_of(caller, body.cause),
            evidence=body.evidence,
            item=body.item,
            not_before=None if body.not_before is None else params.instant(body.not_before),
        ),
        caller.name,
        dry_run=body.dry_run,
    )
    if body.dry_run:
        response.status_code = HTTPStatus.OK
    return view(control)


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN)), looks_at(Data.STATUS, "meter")])
async def controls(
    services: Backend,
    *,
    meter: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List commands, the newest first; `meter` is a badge."""
    found = await services.controls.newest(meter=meter, before=page.last, count_max=page.rows_max)
    return page.answer(found)


@router.get(
    "/files/controls.parquet",
    dependencies=[Depends(allow(ANYONE_KNOWN)), looks_at(Data.STATUS)],
    response_class=FileResponse,
    responses=files(PARQUET),
)
async def file(services: Backend) -> FileResponse:
    """Give every command as Parquet."""
    return await downloads.made("controls.parquet", services.controls.write_controls)


@router.get("/{control_id}")
async def control(
    services: Backend, control_id: UUID, caller: Anyone, purpose: Purpose = ""
) -> dict[str, Any]:
    """Give one command with every step of its life; what it rests on, to who may read facts."""
    found = await services.controls.show(control_id)
    return await looks_at_command(services, caller, found, purpose)


@router.post("/{control_id}/approve")
async def approve(
    body: Word, services: Backend, control_id: UUID, caller: Approver
) -> dict[str, Any]:
    """Approve what another has asked for; 409 where one may not, or the rules forbid it by now."""
    return view(
        await services.approvals.approve(control_id, caller.name, caller.roles, body.reason)
    )


@router.post("/{control_id}/cancel")
async def cancel(
    body: Word, services: Backend, control_id: UUID, caller: Canceller
) -> dict[str, Any]:
    """Take back what nobody has sent yet; 409 when it is too late."""
    return view(await services.requests.cancel(control_id, caller.name, body.reason))


def role_of(caller: Token, cause: str) -> Role:
    """Return in which of their roles somebody asks: hazards are for the safety role."""
    if Role.SAFETY in caller.roles and (is_immediate(cause) or Role.CSR not in caller.roles):
        return Role.SAFETY
    return Role.CSR
