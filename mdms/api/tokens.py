"""Tokens, by REST: make, list, revoke; for administrators."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.text import Body
from mdms.domain.people import Role, Token

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])

Administrator = Annotated[Token, Depends(allow(frozenset({Role.ADMIN})))]


class NewToken(Body):
    """Who will use it, what for and how long; `days` null: until it is revoked."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    nouns: Annotated[frozenset[str], Field(max_length=20)] = frozenset()
    days: Annotated[int, Field(ge=1, le=3650)] | None = 90


@router.post("", status_code=HTTPStatus.CREATED)
async def create(body: NewToken, services: Backend, caller: Administrator) -> dict[str, Any]:
    """Make a token; the answer shows it, and nothing ever shows it again."""
    valid = None if body.days is None else timedelta(days=body.days)
    secret, token = await services.tokens.create(
        body.name, body.roles, caller.name, nouns=body.nouns, valid=valid
    )
    return _view(token) | {"token": secret}


@router.get("", dependencies=[Depends(allow(frozenset({Role.ADMIN, Role.AUDITOR})))])
async def every(services: Backend) -> dict[str, list[dict[str, Any]]]:
    """List tokens; those of the settings have no maker."""
    return {"tokens": [_view(token) for token in await services.tokens.every()]}


@router.delete("/{name}")
async def revoke(name: str, services: Backend, caller: Administrator) -> dict[str, str]:
    """Make a token nobody's, from the next call on."""
    await services.tokens.revoke(name, caller.name)
    return {"revoked": name}


def _view(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "roles": sorted(token.roles),
        "nouns": sorted(token.nouns),
        "created_by": token.created_by or None,
        "created_at": token.created_at and token.created_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
    }
