"""Bearer tokens with roles; every route names the roles that may call it, all others may not."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer


class Role(StrEnum):
    """What a person or a program may do; deny by default (headend.md 4)."""

    VIEWER = "viewer"
    VEE = "vee"
    BILLING = "billing"
    CSR = "csr"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


ANYONE_KNOWN = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Token:
    """A caller, known by the SHA-256 of a token that is kept nowhere."""

    name: str
    roles: frozenset[Role]
    sha256: str


class Tokens:
    """The callers that this daemon knows."""

    def __init__(self, tokens: Mapping[str, Token]) -> None:
        self._tokens = tuple(tokens.values())

    def find(self, secret: str) -> Token | None:
        """Return who a secret belongs to; every token is compared, in constant time each."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        matches = [token for token in self._tokens if hmac.compare_digest(token.sha256, digest)]
        return matches[0] if matches else None


_bearer = HTTPBearer(auto_error=False)


def allow(roles: frozenset[Role]) -> Callable[..., Token]:
    """Return a dependency that lets callers with one of these roles pass."""

    def caller(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Token:
        tokens: Tokens = request.app.state.tokens
        token = tokens.find(credentials.credentials) if credentials else None
        if token is None:
            raise HTTPException(
                HTTPStatus.UNAUTHORIZED,
                "a known bearer token is needed; see [client] token and `mdms token create`",
                {"WWW-Authenticate": "Bearer"},
            )
        if not token.roles & roles:
            wanted = " or ".join(sorted(roles))
            raise HTTPException(
                HTTPStatus.FORBIDDEN, f"token {token.name!r} has no role for this: {wanted} may"
            )
        return token

    return caller
