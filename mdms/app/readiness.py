"""Whether the database answers, for who asks often and will not wait."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from mdms.domain.errors import UnavailableError

_PATIENCE_S: Final = 3.0
"""Less than supervisors and load balancers wait for an answer of theirs."""


class DatabaseProbe:
    """
    Asks the database for a sign of life, once at a time.

    Args:
        ask: Asks it anything; UnavailableError where it is away.
        patience_s: After so long it counts as away; the question stays, others wait for it too.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]], patience_s: float = _PATIENCE_S) -> None:
        self._ask = ask
        self._patience_s = patience_s
        self._asking: asyncio.Future[None] | None = None

    async def problems(self) -> Sequence[str]:
        """Return why the database is no use, one sentence; nothing when it is there."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(self._is_answered)
        asking = self._asking
        await asyncio.wait({asking}, timeout=self._patience_s)
        if not asking.done():
            return [f"the database has not answered for {self._patience_s:g} s"]
        try:
            asking.result()
        except UnavailableError as error:
            return [str(error)]
        return []

    def _is_answered(self, asking: asyncio.Future[None]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # whoever waited has seen it; nobody may have
