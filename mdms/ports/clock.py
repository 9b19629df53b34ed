"""The one source of time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """
    The one source of time (design D18).

    `now` is civil time in UTC and may be followed from a simulation; `monotonic` and `sleep`
    are always real and serve batch age, back-off and keepalive.
    """

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...
