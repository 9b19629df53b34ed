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
from mdms.api.looks import Purpose, looks_at_command
from mdms.api.text import Body
from mdms.domain.controls import Action
from mdms.domain.people import READS_FACTS, Token
from mdms.policy.access_facts import Data

router = APIRouter(prefix="/v1/policy", tags=["policy"])

Anyone = Annotated[Token, Depends(allow(ANYONE_KNOWN))]
Reader = Annotated[Token, Depends(allow(READS_FACTS))]
"""
Who reads what was stated of customers: even without the statements, the codes of a question that
nobody else asked tell of arrears and certificates.
"""


class Question(Body):
    """What would be asked of a meter, and when; `meter` is a badge or a usage point."""

    action: Action
    meter: Annotated[str, Field(min_length=1, max_length=64)]
    cause: Annotated[str, Field(min_length=1, max_length=64)]
    evidence: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=16)] = ""
    at: str | None = None


@router.post("/checks")
async def check(
    body: Question, services: Backend, caller: Reader, purpose: Purpose = ""
) -> dict[str, Any]:
    """Judge, and store nothing but that somebody looked; 200 whatever the rules say."""
    await services.access_log.look(caller, Data.BILL, body.meter, purpose=purpose)
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


@router.get("/decisions/{control_id}")
async def decision(
    services: Backend, control_id: UUID, caller: Anyone, purpose: Purpose = ""
) -> dict[str, Any]:
    """
    Give every judgement of a command as the audit has it; `control_id` is the command's.

    Statements of the customer system are for who may read facts.
    """
    told = await services.decisions.explain(control_id)
    found = await services.controls.show(control_id)
    seen = await looks_at_command(services, caller, found, purpose)
    return told | {"judgements": seen["judgements"]}


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
