"""Batches of commands, by REST: propose, look, approve as one list, pause, resume, undo."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from commands.batches import Manner
from commands.requests import Request
from commands.undoing import Undone
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.controls import Word, role_of
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import APPROVES, PROPOSES, Role, Token
from mdms.services import batch_csv

router = APIRouter(prefix="/v1/batches", tags=["batches"])
_PAGES = Pages("batches", {"batch_id": UUID}, newest_first=True)

Requester = Annotated[Token, Depends(allow(PROPOSES))]
Approver = Annotated[Token, Depends(allow(APPROVES))]
Stopper = Annotated[Token, Depends(allow(PROPOSES | APPROVES))]
"""Whoever may ask or approve may stop, and give power back."""

_TEXT_MAX = 1_000_000
_DAY_S = 86_400


class Proposal(Body):
    """A file of commands (`mdms.services.batch_csv`), and how they are to go."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=_TEXT_MAX)]
    every_s: Annotated[int, Field(ge=0, le=_DAY_S)] = 0
    stop_after: Annotated[int, Field(ge=1, le=1000)] = 3


class Yes(Body):
    """An approval of the list with this hash."""

    sha256: Annotated[str, Field(max_length=64)] = ""
    reason: Annotated[str, Field(max_length=500)] = ""


@router.post("", status_code=HTTPStatus.CREATED)
async def propose(body: Proposal, services: Backend, caller: Requester) -> dict[str, Any]:
    """Judge every row and keep the list; what the rules forbid is refused, the rest waits."""
    rows = [
        Request(
            action=row.action,
            meter=row.meter,
            cause=row.cause.upper(),
            order=row.order,
            evidence=row.evidence,
            item=row.item,
            role=role_of(caller, row.cause.upper()),
        )
        for row in batch_csv.parse(body.name, body.text)
    ]
    manner = Manner(every_s=body.every_s, stop_after=body.stop_after)
    batch = await services.batches.propose(body.name, rows, caller.name, manner)
    return await services.batch_views.show(batch.batch_id)


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def batches(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List batches, the newest first."""
    return page.answer(await services.batch_views.newest(page.rows_max, before=page.last))


@router.get("/{batch_id}", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def batch(services: Backend, batch_id: UUID) -> dict[str, Any]:
    """Give one batch: the list as it was judged, and what became of each row."""
    return await services.batch_views.show(batch_id)


@router.post("/{batch_id}/approve")
async def approve(body: Yes, services: Backend, batch_id: UUID, caller: Approver) -> dict[str, Any]:
    """Approve exactly the list with this hash; 409 for another, or one's own."""
    await services.batches.approve(batch_id, caller.name, body.sha256, body.reason)
    return await services.batch_views.show(batch_id)


@router.post("/{batch_id}/pause")
async def pause(body: Word, services: Backend, batch_id: UUID, caller: Stopper) -> dict[str, Any]:
    """Let nothing more of it go for now."""
    await services.batches.pause(batch_id, caller.name, body.reason)
    return await services.batch_views.show(batch_id)


@router.post("/{batch_id}/resume")
async def resume(body: Word, services: Backend, batch_id: UUID, caller: Approver) -> dict[str, Any]:
    """Let it go on."""
    await services.batches.resume(batch_id, caller.name, body.reason)
    return await services.batch_views.show(batch_id)


@router.post("/{batch_id}/undo")
async def undo(body: Word, services: Backend, batch_id: UUID, caller: Stopper) -> dict[str, Any]:
    """Stop it for good, reconnect what it opened, take back what has not gone."""
    role = Role.SAFETY if Role.SAFETY in caller.roles else Role.CSR
    undone = await services.batch_undo.undo(batch_id, caller.name, role, body.reason)
    return _view(undone)


def _view(undone: Undone) -> dict[str, Any]:
    return {
        "batch_id": str(undone.batch.batch_id),
        "state": undone.batch.state.value,
        "cancelled": [*undone.cancelled],
        "reconnected": {badge: str(control_id) for badge, control_id in undone.reconnected.items()},
        "refused": undone.refused,
    }
