"""Data that went astray, by REST; the privacy officer opens the incident."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.text import Body
from mdms.domain.people import Role, Token

router = APIRouter(prefix="/v1/breaches", tags=["customers"])

Officer = Annotated[Token, Depends(allow(frozenset({Role.PRIVACY})))]
_AccountId = Annotated[str, Field(min_length=1, max_length=64)]


class Breach(Body):
    """Whose data went astray; `what` happened is for the record, customers get no word of it."""

    account_ids: Annotated[list[_AccountId], Field(min_length=1, max_length=100_000)]
    what: Annotated[str, Field(min_length=1, max_length=2000)]


@router.post("", status_code=HTTPStatus.CREATED)
async def report(body: Breach, services: Backend, caller: Officer) -> dict[str, Any]:
    """Open an incident of improper disclosure, and tell every account by an alert."""
    return await services.breaches.report(body.account_ids, body.what, caller.name)
