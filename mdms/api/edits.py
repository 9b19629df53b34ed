"""Edits of reads, by REST: ask, look, approve, refuse."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import JUDGED_ONLY
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.edits import REASONS, EditOperation, EditReason, EditState
from mdms.domain.people import EDITS, Role, Token
from mdms.services.edit_values import EditRequest

router = APIRouter(prefix="/v1/edits", tags=["edits"])
_PAGES = Pages("edits", {"asked_at": AwareDatetime, "edit_id": UUID}, newest_first=True)

Editor = Annotated[Token, Depends(allow(frozenset({Role.VEE})))]
"""Who may ask for an edit; vee.md 5."""

Approver = Annotated[Token, Depends(allow(EDITS))]
"""Who may decide about one: another of them, or a supervisor."""

_Quanta = Annotated[int, Field(ge=-(2**62), le=2**62)]
_Text = Annotated[str, Field(max_length=500)]


class Change(Body):
    """What is done to a range; which members an operation needs, docs/reference/editing.md says."""

    operation: EditOperation
    from_: Annotated[params.Instant, Field(alias="from")]
    to: params.Instant | None = None
    values: Annotated[list[_Quanta], Field(max_length=3000, default_factory=list)]
    total: _Quanta | None = None
    reference: params.Instant | None = None
    shift: Annotated[int, Field(ge=-3000, le=3000)] = 0
    reason: EditReason
    text: _Text = ""
    ticket: Annotated[str, Field(max_length=64)] = ""
    override_sum: _Text = ""
    dry_run: bool = False

    def request(self, meter: str, reading_type: str | None = None) -> EditRequest:
        """Return it as the service takes it."""
        return EditRequest(
            meter=meter,
            reading_type=reading_type,
            operation=self.operation,
            start=self.from_,
            end=self.to,
            values=tuple(self.values),
            total=self.total,
            reference=self.reference,
            shift=self.shift,
            reason=self.reason,
            text=self.text,
            ticket=self.ticket,
            override_sum=self.override_sum,
        )


class MeterChange(Change):
    """A change of a meter's reads; `meter` is a badge or a usage point."""

    meter: Annotated[str, Field(min_length=1, max_length=64)]
    reading_type: Annotated[str, Field(max_length=64)] | None = None


class Decision(Body):
    """Approve or refuse, for good."""

    approve: bool
    text: _Text = ""


def role_of(caller: Token) -> str:
    """Return the role in which somebody edits or decides; an editor's own comes first."""
    return Role.VEE if Role.VEE in caller.roles else Role.SUPERVISOR


@router.post("", status_code=HTTPStatus.CREATED, responses=JUDGED_ONLY)
async def ask(
    body: MeterChange, services: Backend, caller: Editor, response: Response
) -> dict[str, Any]:
    """Ask for an edit; 409 where its bracket would not add up and nobody says why."""
    request = body.request(body.meter, body.reading_type)
    if body.dry_run:
        response.status_code = HTTPStatus.OK
    return await services.edits.ask(request, caller.name, role_of(caller), dry_run=body.dry_run)


@router.get("", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def some(
    services: Backend,
    *,
    state: EditState | None = None,
    meter: str | None = None,
    from_: Annotated[str | None, Query(alias="from")] = None,
    to: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List edits, the newest first; a period means those that share an instant with it."""
    period = params.period(from_, to or from_, services.zone) if from_ else None
    found = await services.edits.some(
        state=state, meter=meter, period=period, before=page.last, count_max=page.rows_max
    )
    return page.answer(found)


@router.get("/reasons", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def reasons() -> dict[str, list[dict[str, str]]]:
    """List the reasons for which something may be edited."""
    return {"reasons": [{"reason": code, "meaning": words} for code, words in REASONS.items()]}


@router.get("/{edit_id}", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def show(services: Backend, edit_id: UUID) -> dict[str, Any]:
    """Give one edit with everything that it changes."""
    return await services.edits.show(edit_id)


@router.post("/{edit_id}/decision")
async def decide(
    body: Decision, services: Backend, edit_id: UUID, caller: Approver
) -> dict[str, Any]:
    """Approve an edit or refuse it; 409 for whoever asked for it, unless it is taken back."""
    return await services.edits.decide(
        edit_id, caller.name, role_of(caller), approve=body.approve, text=body.text
    )
