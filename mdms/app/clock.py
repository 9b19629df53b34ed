"""The machine's clock; the only place that reads it."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """`mdms.ports.Clock` in service."""

    def now(self) -> datetime:
        """Return civil time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
