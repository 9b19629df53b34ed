"""Dead letters that a change of the registry may cure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from mdms.domain.errors import RejectReason
from mdms.ports.messages import Rejected

CURABLE: Final = frozenset({
    RejectReason.UNKNOWN_COLLECTOR,
    RejectReason.UNKNOWN_METER,
    RejectReason.BAD_CHANNEL,
    RejectReason.NOT_INSTALLED,
    RejectReason.BAD_INTERVAL,
})  # fmt: skip
"""What is wrong with these is wrong in the registry, or right there soon."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter in quarantine."""

    letter_id: int
    rejected: Rejected


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """
    What waits of one radio, or of one collector that is not registered.

    Attributes:
        reason: Why.
        radio_id: Who sent it; None for whole messages of a collector.
        collector_id: Who heard it, the lowest id where several did.
        letter_count: How many frames or messages.
        first_at: When the first came.
        last_at: When the last came.
    """

    reason: RejectReason
    radio_id: int | None
    collector_id: int
    letter_count: int
    first_at: datetime
    last_at: datetime


class QuarantineStore(Protocol):
    """Frames and messages that wait until the registry knows who sent them."""

    async def groups(self) -> Sequence[QuarantineGroup]:
        """Return what waits, the newest arrivals first."""
        ...

    async def waiting_count(self) -> int: ...
    async def curable(self, after_id: int, count_max: int) -> Sequence[Letter]:
        """Return letters in their order whose sender the registry knows, locked till the end."""
        ...

    async def cured(self, letter_ids: Sequence[int], at: datetime) -> None:
        """Note that what these letters hold is stored."""
        ...

    async def forget(self, first_kept: date) -> int:
        """Drop letters of the days before (UTC) that wait for nothing; return how many."""
        ...

    async def still_refused(self, refused: Mapping[int, Rejected]) -> None:
        """Note why these letters are refused now, and what may be kept of them."""
        ...
