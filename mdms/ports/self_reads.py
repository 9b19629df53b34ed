"""The store of Customer Reads Own Meter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.self_reads import SelfRead, SelfReadMonth


class SelfReadStore(Protocol):
    """What was read by eye, and what became of each bill window."""

    async def add(self, read: SelfRead) -> bool:
        """Keep a reading; return whether it was new."""
        ...

    async def accept(self, self_read_id: UUID) -> SelfRead | None:
        """Accept a reading that was not, and return it; None where there is none."""
        ...

    async def of_channel(self, channel_id: int) -> Sequence[SelfRead]:
        """Return the readings of a channel, by the time they were taken."""
        ...

    async def every(self, since: datetime) -> Sequence[SelfRead]:
        """Return what was received since an instant, by the time it was."""
        ...

    async def close(self, month: SelfReadMonth) -> bool:
        """Keep what became of a window; return whether it was new."""
        ...

    async def months(self, channel_id: int) -> Sequence[SelfReadMonth]:
        """Return the windows of a channel, oldest first."""
        ...
