"""Facts of the customer system, by REST: state them, look them up."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.looks import looks_at
from mdms.api.text import Body
from mdms.domain.facts import Subject
from mdms.domain.people import READS_FACTS, Role, Token
from mdms.policy.access_facts import Data
from mdms.services.facts import Statement, kinds

router = APIRouter(prefix="/v1/facts", tags=["facts"])

Stater = Annotated[Token, Depends(allow(frozenset({Role.BILLING})))]
"""The customer system; people state nothing that lets them act."""

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class Fact(Body):
    """One statement; `known_at` left out means now."""

    subject: Subject
    subject_id: _Text
    fact: _Text
    value: _Text
    effective_at: params.Instant
    known_at: params.Instant | None = None
    evidence: Annotated[str, Field(max_length=200)] = ""


class Facts(Body):
    """Statements, taken all or none."""

    facts: Annotated[list[Fact], Field(min_length=1, max_length=1000)]


class FactFile(Body):
    """A CSV file of facts."""

    name: _Text
    text: Annotated[str, Field(max_length=50_000_000)]


@router.post("", status_code=HTTPStatus.CREATED)
async def state(body: Facts, services: Backend, caller: Stater) -> dict[str, int]:
    """Take statements; a queued disconnect that they forbid is void before the answer."""
    statements = [Statement(**dict(fact)) for fact in body.facts]
    return {"new": await services.facts.state(statements, caller.name)}


@router.post("/imports", status_code=HTTPStatus.CREATED)
async def import_file(body: FactFile, services: Backend, caller: Stater) -> dict[str, int]:
    """Take a file, all of its rows or none and a list of every bad one."""
    return {"new": await services.facts.import_file(body.name, body.text, caller.name)}


@router.get("/kinds", dependencies=[Depends(allow(READS_FACTS))])
async def known_kinds() -> dict[str, list[dict[str, str]]]:
    """List every fact that a rule reads: about what, in which form, for which rows."""
    return {"kinds": kinds()}


@router.get("", dependencies=[Depends(allow(READS_FACTS)), looks_at(Data.BILL, "subject_id")])
async def history(services: Backend, subject_id: str) -> dict[str, list[dict[str, Any]]]:
    """List everything stated about an account, premise or meter, oldest first."""
    return {"facts": await services.facts.history(subject_id)}
