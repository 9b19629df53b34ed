"""The store of readings of further registers."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from mdms.domain.dials import DialRead
from mdms.domain.time import Period


class Kept(NamedTuple):
    """What became of readings that were handed in."""

    new: Sequence[DialRead]
    disputed: int
    """Known with another value."""


class DialStore(Protocol):
    """Readings of dials; added, never changed."""

    async def add(self, reads: Sequence[DialRead], recorded_at: datetime) -> Kept:
        """Keep readings; of two of one instant the first counts."""
        ...

    async def of(self, channel_ids: Sequence[int], period: Period) -> Sequence[DialRead]:
        """Return the readings of a period, both ends included, by channel, instant and dial."""
        ...
