"""The queue of exceptions, by REST: look, assign, accept, reject, edit."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import JUDGED_ONLY
from mdms.api.edits import Approver, Change, Editor, role_of
from mdms.api.looks import Purpose
from mdms.api.pages import Page, Pages
from mdms.api.readings import READERS
from mdms.api.text import Body
from mdms.domain.edits import EditOperation, EditReason
from mdms.domain.people import Token
from mdms.policy.access_facts import Data

router = APIRouter(prefix="/v1/exceptions", tags=["exceptions"])
_PAGES = Pages("exceptions", {"opened_at": AwareDatetime, "exception_id": params.Number})


Reader = Annotated[Token, READERS]


class Answer(StrEnum):
    """What is said of an exception's values."""

    ACCEPT = "accept"
    REJECT = "reject"


class Assignment(Body):
    """Who looks into it; `-` gives it back to everybody."""

    to: Annotated[str, Field(min_length=1, max_length=64)]


class Verdict(Body):
    """An answer with its reason."""

    answer: Answer
    reason: EditReason
    text: Annotated[str, Field(max_length=500)] = ""
    ticket: Annotated[str, Field(max_length=64)] = ""


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def some(
    services: Backend,
    *,
    meter: str | None = None,
    rule: str | None = None,
    severity: str | None = None,
    assigned_to: str | None = None,
    older_than_days: Annotated[int, Query(ge=0, le=10_000)] = 0,
    answered: bool = False,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List exceptions, the oldest first; `assigned_to=-` lists those that nobody looks into."""
    found = await services.exceptions.some(
        meter=meter,
        rule=rule,
        severity=severity,
        assigned_to=assigned_to,
        older_than_days=older_than_days,
        answered=answered,
        after=page.last,
        count_max=page.rows_max,
    )
    return page.answer(found)


@router.get("/{exception_id}")
async def show(
    services: Backend, exception_id: params.Number, caller: Reader, purpose: Purpose = ""
) -> dict[str, Any]:
    """Give an exception with its day: values, like days, registers, sums, edits."""
    found = await services.exceptions.show(exception_id)
    about, day = found["exception"], params.day(found["exception"]["day"])
    await services.access_log.look(
        caller, Data.INTERVAL_USAGE, about["meter"], (day, day), purpose=purpose
    )
    return found


@router.post("/{exception_id}/assign")
async def assign(
    body: Assignment, services: Backend, exception_id: params.Number, caller: Approver
) -> dict[str, Any]:
    """Give an exception to a person; 409 when it is closed."""
    return await services.exceptions.assign(exception_id, body.to, caller.name)


@router.post("/{exception_id}/answer")
async def answer(
    body: Verdict, services: Backend, exception_id: params.Number, caller: Editor
) -> dict[str, Any]:
    """Accept the suspect values of its day, or reject the valid ones; 409 when it is closed."""
    return await services.exceptions.answer(
        exception_id,
        EditOperation(body.answer),
        caller.name,
        role_of(caller),
        reason=body.reason,
        text=body.text,
        ticket=body.ticket,
    )


@router.post("/{exception_id}/edit", status_code=HTTPStatus.CREATED, responses=JUDGED_ONLY)
async def edit(
    *,
    body: Change,
    services: Backend,
    exception_id: params.Number,
    caller: Editor,
    response: Response,
) -> dict[str, Any]:
    """Answer an exception with an edit of its meter's reads."""
    request = await services.exceptions.request(exception_id, body.request(""))
    if body.dry_run:
        response.status_code = HTTPStatus.OK
    return await services.edits.ask(request, caller.name, role_of(caller), dry_run=body.dry_run)
