"""Registers that customers read on their own meters, by REST."""

from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role, Token
from mdms.policy.access_facts import Data
from mdms.services.self_reads import ReadSent

router = APIRouter(prefix="/v1/self-reads", tags=["self reads"])
_PAGES = Pages("self_reads", {"received_at": AwareDatetime, "self_read_id": str})
_DUE = Pages("due", {"due_on": date, "meter": str})

_CLERKS = frozenset({Role.CSR, Role.SUPERVISOR})
Clerk = Annotated[Token, Depends(allow(_CLERKS | {Role.BILLING}))]
Supervisor = Annotated[Token, Depends(allow(frozenset({Role.SUPERVISOR})))]
# Whose meter is not read by radio is opt-out status (policy.md 5.1).
READERS = [Depends(allow(_CLERKS | {Role.BILLING, Role.AUDITOR})), looks_at(Data.STATUS)]


class SelfRead(Body):
    """What a display shows, in billing units; `at` left out means now."""

    meter: Annotated[str, Field(min_length=1, max_length=64)]
    register_: Annotated[Decimal, Field(alias="register", ge=0, max_digits=15, allow_inf_nan=False)]
    at: params.Instant | None = None
    evidence: Annotated[str, Field(max_length=200)] = ""
    verifies: bool = False


class SelfReadFile(Body):
    """A CSV file of self reads."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(max_length=50_000_000)]


class Reason(Body):
    """Why, for the record."""

    reason: Annotated[str, Field(max_length=500)] = ""


@router.post("", status_code=HTTPStatus.CREATED)
async def add(body: SelfRead, services: Backend, caller: Clerk) -> dict[str, Any]:
    """Take a reading; one that is not accepted is kept, and answered with what to ask for."""
    sent = ReadSent(
        meter=body.meter,
        register=body.register_,
        at=body.at,
        evidence=body.evidence,
        verifies=body.verifies,
    )
    return await services.self_reads.add(sent, caller.name)


@router.post("/imports", status_code=HTTPStatus.CREATED)
async def import_file(
    body: SelfReadFile, services: Backend, caller: Clerk
) -> dict[str, list[dict[str, Any]]]:
    """Take a file, all of its rows or none and a list of every bad one."""
    taken = await services.self_reads.import_file(body.name, body.text, caller.name)
    return {"self_reads": taken}


@router.post("/{self_read_id}/accept")
async def accept(
    body: Reason, services: Backend, self_read_id: UUID, caller: Supervisor
) -> dict[str, Any]:
    """Bill a reading that was not accepted: somebody made sure of it."""
    return await services.self_reads.accept(self_read_id, caller.name, body.reason)


@router.get("", dependencies=READERS)
async def since(
    services: Backend,
    *,
    from_: params.From,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List what was received since a day or instant, oldest first."""
    return page.cut(await services.self_reads.since(params.since(from_, services.zone)))


@router.get("/due", dependencies=READERS)
async def due(services: Backend, page: Annotated[Page, Depends(_DUE)]) -> dict[str, Any]:
    """List every meter that its customer reads: what is due when, what is missing in a row."""
    return page.cut(await services.self_read_months.due())
