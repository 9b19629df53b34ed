"""What text requests may bring: no character that cannot be kept, none that a terminal obeys."""

from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.types import ASGIApp, Receive, Scope, Send

from mdms.api.errors import problem
from mdms.domain.plain import control_in

_NUL = "\x00"


class Body(BaseModel):
    """What a request states: nothing that is not asked for, and no control characters."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _is_plain(self) -> Self:
        for name, value in self:
            if found := _control_in(value):
                raise ValueError(f"{name} has a control character, U+{ord(found):04X}")
        return self


class Urls:
    """Refuses addresses with a NUL in them: nothing is called so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with 422 where its address has a NUL."""
        if scope["type"] == "http" and (name := _with_nul(scope)) is not None:
            answer = problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} has a NUL character")
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _with_nul(scope: Scope) -> str | None:
    """Return which part of an address has a NUL, if any."""
    if _NUL in scope["path"]:
        return "the path"
    query = scope["query_string"]
    if b"%00" not in query and b"\x00" not in query:
        return None
    return next((n for n, v in parse_qsl(query.decode("latin-1")) if _NUL in n + v), None)


def _control_in(value: object) -> str | None:
    if isinstance(value, str):
        return control_in(value)
    if isinstance(value, dict):
        return _control_in([each for pair in value.items() for each in pair])
    if isinstance(value, list | frozenset):
        return next(filter(None, map(_control_in, value)), None)
    return None
