"""How answers travel: with an entity tag, not at all where the caller has them, compressed."""

import hashlib
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COMPRESSED_ALREADY: Final = (".parquet", "/v1/readings")
_OF_A_BODY: Final = ("content-length", "content-type", "content-disposition", "repr-digest")


class EntityTags:
    """
    Names what a GET answers with, and answers 304 where If-None-Match names the same.

    The tag is weak: it stands for the content, in whichever coding it travels. A file's comes from
    its Repr-Digest; an answer that is neither a file nor whole in one piece has none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        answer = _Tagged(send, Headers(scope=scope).get("if-none-match", ""))
        await self._app(scope, receive, answer.pass_on)


class _Tagged:
    """One answer on its way out; its head waits for the first piece of its body."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = {tag.strip() for tag in known.split(",")}
        self._head: Message | None = None
        self._is_known = False

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            self._tag(head, message)
            await self._send(head)
            if self._is_known:
                await self._send({"type": "http.response.body", "body": b""})
        if not self._is_known:
            await self._send(message)

    def _tag(self, head: Message, first: Message) -> None:
        headers = MutableHeaders(raw=head["headers"])
        digest = headers.get("repr-digest")
        if head["status"] != HTTPStatus.OK or (digest is None and first.get("more_body")):
            return
        name = digest or hashlib.sha256(first.get("body", b"")).hexdigest()
        tag = f'W/"{name.removeprefix("sha-256=").strip(":")}"'
        headers["ETag"] = tag
        headers["Cache-Control"] = "private, no-cache"
        if tag in self._known:
            self._is_known = True
            head["status"] = HTTPStatus.NOT_MODIFIED.value
            for header in _OF_A_BODY:
                del headers[header]


class Compression(GZipMiddleware):
    """Gzip for who accepts it; a digest of the content itself is then called Unencoded-Digest."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, minimum_size=1_000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].endswith(_COMPRESSED_ALREADY):
            await self.app(scope, receive, send)
            return

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "content-encoding" in headers and (digest := headers.get("repr-digest")):
                    del headers["repr-digest"]
                    headers["Unencoded-Digest"] = digest
            await send(message)

        await super().__call__(scope, receive, pass_on)
