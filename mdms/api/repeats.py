"""Idempotency keys: a write that is sent again is done once, and answered the same."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mdms.api.auth import secret_of
from mdms.api.errors import problem
from mdms.domain.errors import OperatorError, UnavailableError, UsageError
from mdms.services.answers import AnswerService

_WRITES: Final = frozenset({"POST", "PUT", "DELETE"})
_WITH_SECRETS: Final = ("/v1/tokens", "/v1/grants")
_KEY_MAX: Final = 200


class IdempotencyKeys:
    """
    Answers a repeated write from memory, where its caller named it by an Idempotency-Key.

    Uploads that are no JSON pass by: a file of reads that comes twice changes nothing anyway.

    Args:
        app: What answers.
        answers: What remembers.
        is_known: Tells whether a token opens anything; who has none is not remembered.
    """

    def __init__(
        self, app: ASGIApp, answers: AnswerService, is_known: Callable[[str], Awaitable[bool]]
    ) -> None:
        self._app = app
        self._is_known = is_known
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        key, secret = headers.get("idempotency-key"), secret_of(headers)
        is_json = headers.get("content-type", "application/json").startswith("application/json")
        if key is None or not secret or not is_json or scope["method"] not in _WRITES:
            await self._app(scope, receive, send)
            return
        try:
            if not await self._is_known(secret):
                await self._app(scope, receive, send)
                return
            await self._once(key, secret, scope, receive, send)
        except UsageError as error:
            await problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))(scope, receive, send)
        except UnavailableError as error:
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))(scope, receive, send)
        except OperatorError as error:
            await problem(HTTPStatus.CONFLICT, str(error))(scope, receive, send)

    async def _once(
        self, key: str, secret: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["path"].startswith(_WITH_SECRETS):
            raise UsageError("this route answers with secrets, which are kept nowhere: no key")
        if not 0 < len(key) <= _KEY_MAX:
            raise UsageError(f"an Idempotency-Key has 1 to {_KEY_MAX} characters")
        body = await _whole(receive)
        named = [scope["method"], scope["path"], scope["query_string"].decode()]
        asked = await self._answers.begin(secret, key, json.dumps(named).encode() + body)
        if asked.status is not None:
            again = Response(asked.body, asked.status, {"Idempotency-Replayed": "true"})
            again.headers["Content-Type"] = asked.media_type or "application/json"
            await again(scope, receive, send)
            return
        sent: list[Message] = []

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            sent.append(message)

        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        try:
            await self._app(scope, replay, keep)
            status = sent[0]["status"]
        finally:
            media_type = Headers(raw=sent[0]["headers"]).get("content-type", "") if sent else ""
            content = b"".join(message.get("body", b"") for message in sent[1:])
            await self._answers.finish(asked, status, media_type, content)
        for message in sent:
            await send(message)


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
