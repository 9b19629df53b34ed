"""Bearer tokens with roles; every route names the roles that may call it, all others may not."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from mdms.api.queries import refuse_unknown
from mdms.domain.people import STAFF, Role, Token
from mdms.services.tokens import TokenService

ANYONE_KNOWN = STAFF

UNKNOWN_CALLER: Final = (
    "a token that is known and in force is needed; see [client] token and `mdms token create`"
)
WITH_A_TOKEN: Final = {"WWW-Authenticate": "Bearer"}

_bearer = HTTPBearer(auto_error=False)


def allow(roles: frozenset[Role]) -> Callable[..., Awaitable[Token]]:
    """Return a dependency that lets callers with one of these roles pass."""

    async def caller(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Token:
        tokens = request.app.state.tokens
        assert isinstance(tokens, TokenService), "the application is made with its services"
        token = await tokens.find(credentials.credentials) if credentials else None
        if token is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, UNKNOWN_CALLER, WITH_A_TOKEN)
        if not token.roles & roles:
            wanted = " or ".join(sorted(roles))
            raise HTTPException(
                HTTPStatus.FORBIDDEN, f"token {token.name!r} has no role for this: {wanted} may"
            )
        noun = _noun(request)
        if not token.reaches(noun):
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                f"token {token.name!r} was made for {', '.join(sorted(token.nouns))}, not {noun}",
            )
        refuse_unknown(request)
        request.state.caller = token
        return token

    return caller


def secret_of(headers: Headers) -> str:
    """Return the token that a request brings; empty where it brings none."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret if scheme.lower() == "bearer" else ""


def _noun(request: Request) -> str:
    """Return the part of the interface that is called: the word after /v1."""
    return request.url.path.removeprefix("/v1/").partition("/")[0]
