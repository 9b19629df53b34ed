"""What a request brings is read only from who is known, and only so much of it."""

import re
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mdms.api.auth import UNKNOWN_CALLER, WITH_A_TOKEN, secret_of
from mdms.api.errors import problem
from mdms.domain.errors import UnavailableError
from mdms.domain.people import PROPOSES, Role

_MIB: Final = 1 << 20
BYTES_MAX: Final = _MIB
"""Of a body; those of files have limits of their own, for roles that hand in such files."""

_FILES: Final = (
    (r"/v1/registry/imports", 512 * _MIB, {Role.ADMIN}),
    (r"/v1/readings/imports", 1 << 33, {Role.VEE}),  # the route counts what it stores
    (r"/v1/facts", 8 * _MIB, {Role.BILLING}),
    (r"/v1/facts/imports", 128 * _MIB, {Role.BILLING}),
    (r"/v1/self-reads/imports", 128 * _MIB, {Role.BILLING, Role.CSR, Role.SUPERVISOR}),
    (r"/v1/batches", 8 * _MIB, PROPOSES),
    (r"/v1/billing/.+", 64 * _MIB, {Role.BILLING}),
)

RolesOf = Callable[[str], Awaitable[AbstractSet[Role] | None]]
"""Tells which roles a token has; none for a customer's grant, None where it opens nothing."""


class Bodies:
    """
    Refuses bodies of strangers with 401 and such as are too large with 413, before they are read.

    Args:
        app: What answers.
        roles_of: Tells who calls.
    """

    def __init__(self, app: ASGIApp, roles_of: RolesOf) -> None:
        self._app = app
        self._roles_of = roles_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        try:
            roles = await self._roles_of(secret_of(headers))
        except UnavailableError as error:
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))(scope, receive, send)
            return
        if roles is None:
            answer = problem(HTTPStatus.UNAUTHORIZED, UNKNOWN_CALLER, WITH_A_TOKEN)
            await answer(scope, receive, send)
            return
        bounded = _Bounded(receive, bytes_max(scope["path"], roles))
        try:
            bounded.check(int(headers.get("content-length", "0")))
            await self._app(scope, bounded.receive, send)
        except HTTPException as error:  # within the application it has been answered already
            await problem(error.status_code, str(error.detail))(scope, receive, send)


def bytes_max(path: str, roles: AbstractSet[Role]) -> int:
    """Return how many bytes of a body a caller with these roles may bring to a path."""
    return max(
        (limit for pattern, limit, may in _FILES if roles & may and re.fullmatch(pattern, path)),
        default=BYTES_MAX,
    )


class _Bounded:
    """A body that ends with an error where it has more bytes than it may."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self.check(self._bytes)
        return message

    def check(self, size: int) -> None:
        if size > self._bytes_max:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"such a request may have {self._bytes_max:,} bytes: send less, or in parts",
            )


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
