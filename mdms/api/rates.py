"""So many requests a minute for each token; what comes faster is told when to come again."""

import hashlib
import math
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mdms.api.errors import problem
from mdms.ports.clock import Clock

_CALLERS_MAX: Final = 10_000
_MINUTE_S: Final = 60.0


class RateLimit:
    """
    A bucket of a minute's requests for each caller, which fills up evenly.

    Args:
        clock: Measures.
        per_minute: Requests of one caller.
    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._size = float(per_minute)
        self._left: dict[bytes, tuple[float, float]] = {}

    def wait_s(self, caller: bytes) -> float:
        """Count a request; return after how many seconds it may come, 0 for now."""
        now = self._clock.monotonic()
        left, since = self._left.pop(caller, (self._size, now))
        left = min(self._size, left + (now - since) * self._size / _MINUTE_S)
        enough = left >= 1
        self._left[caller] = (left - 1 if enough else left, now)
        if len(self._left) > _CALLERS_MAX:  # whoever was silent the longest has a full bucket
            del self._left[next(iter(self._left))]
        return 0.0 if enough else (1 - left) * _MINUTE_S / self._size


class RateLimits:
    """Holds callers to the limit; a caller is a token, known or not, or else nobody."""

    def __init__(self, app: ASGIApp, limit: RateLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with 429 where it comes too soon."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            named = Headers(scope=scope).get("authorization", "")
            wait_s = self._limit.wait_s(hashlib.sha256(named.encode()).digest())
            if wait_s > 0:
                seconds = str(math.ceil(wait_s))
                detail = f"this token asks too often; come again in {seconds} s"
                answer = problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": seconds})
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
