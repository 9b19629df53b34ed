"""What the rules say, by REST: of a command that nobody asks for, and of those on file."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from commands.checks import Check
from commands.requests import Request
from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.controls import role_of
from mdms.api.text import Body
from mdms.domain.controls import Action
from mdms.domain.people import Token

router = APIRouter(prefix="/v1/policy", tags=["policy"])

Anyone = Annotated[Token, Depends(allow(ANYONE_KNOWN))]
"""Who may see how a switch stands, may see why (policy.md 5.1)."""


class Question(Body):
    """What would be asked of a meter, and when; `meter` is a badge or a usage point."""

    action: Action
    meter: Annotated[str, Field(min_length=1, max_length=64)]
    cause: Annotated[str, Field(min_length=1, max_length=64)]
    evidence: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=16)] = ""
    at: str | None = None


@router.post("/checks")
async def check(body: Question, services: Backend, caller: Anyone) -> dict[str, Any]:
    """Judge, and store nothing; 200 whatever the rules say."""
    request = Request(
        action=body.action,
        meter=body.meter,
        cause=body.cause,
        role=role_of(caller, body.cause),
        evidence=body.evidence,
        item=body.item,
        not_before=None if body.at is None else params.instant(body.at),
    )
    return _view(await services.checks.check(request, caller.name))


@router.get("/decisions/{control_id}", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def decision(services: Backend, control_id: UUID) -> dict[str, Any]:
    """Give every judgement of a command as the audit has it; `control_id` is the command's."""
    return await services.decisions.explain(control_id)


def _view(check: Check) -> dict[str, Any]:
    draft, decision = check.draft, check.judgement.decision
    act, deadline = decision.action or draft.action, decision.deadline
    return {
        "meter": draft.badge,
        "cause": draft.cause,
        "at": check.at.isoformat(),
        "outlook": check.outlook.value,
        "action": act.value,
        "deadline": None if deadline is None else deadline.isoformat(),
        "follow_ups": [*decision.follow_ups],
        **check.judgement.entry(draft, check.at, actor=draft.requested_by).detail,
    }
