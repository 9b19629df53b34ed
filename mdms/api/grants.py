"""Grants to customers' own data, by REST: portals issue and end them, the privacy officer too."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.customers import Holder
from mdms.domain.people import Role, Token
from mdms.policy.access_facts import Data
from mdms.services.grants import Asked, grant_view

router = APIRouter(prefix="/v1/grants", tags=["customers"])
_PAGES = Pages("grants", {"given_at": AwareDatetime, "grant_id": str}, newest_first=True)

Portal = Annotated[Token, Depends(allow(frozenset({Role.PORTAL})))]
Ender = Annotated[Token, Depends(allow(frozenset({Role.PORTAL, Role.PRIVACY})))]

_AccountId = Annotated[str, Field(min_length=1, max_length=64)]
_HOURS_MAX = 400 * 24
"""Thirteen months, the longest that a consent is taken for."""


class NewGrant(Body):
    """
    Whom a portal lets see what.

    Owners and guests see their accounts' own days; property managers and third parties what the
    owner consented to: `data` of the days first_on..last_on, on the strength of `evidence`.
    """

    holder: Holder
    account_ids: Annotated[frozenset[_AccountId], Field(min_length=1, max_length=1000)]
    data: frozenset[Data] = frozenset()
    first_on: params.Day | None = None
    last_on: params.Day | None = None
    evidence: Annotated[str, Field(max_length=200)] = ""
    hours: Annotated[int, Field(ge=1, le=_HOURS_MAX)] = 1


@router.post("", status_code=HTTPStatus.CREATED)
async def issue(body: NewGrant, services: Backend, caller: Portal) -> dict[str, Any]:
    """Make a grant; the answer shows its token, and nothing ever shows it again."""
    asked = Asked(
        holder=body.holder,
        account_ids=body.account_ids,
        data=body.data,
        first_on=body.first_on,
        last_on=body.last_on,
        evidence=body.evidence,
        valid=timedelta(hours=body.hours),
    )
    secret, grant = await services.grants.issue(asked, caller.name)
    return grant_view(grant) | {"token": secret}


@router.get("")
async def every(
    services: Backend,
    caller: Ender,
    *,
    account_id: str | None = None,
    page: Annotated[Page, Depends(_PAGES)],
) -> dict[str, Any]:
    """List grants, the newest first; a portal sees those that it made."""
    found = await services.grants.every(issued_by=_own(caller), account_id=account_id)
    return page.cut(found)


@router.delete("/{grant_id}")
async def revoke(grant_id: UUID, services: Backend, caller: Ender) -> dict[str, str]:
    """End a grant, from the next call on; a portal ends those that it made."""
    await services.grants.revoke(grant_id, caller.name, issued_by=_own(caller))
    return {"revoked": str(grant_id)}


def _own(caller: Token) -> str | None:
    return caller.name if Role.PORTAL in caller.roles else None
