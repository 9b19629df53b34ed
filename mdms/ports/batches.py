"""The store of batches of commands."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from mdms.domain.batches import Batch
from mdms.domain.controls import ControlState, EndDeviceControl


class BatchStore(Protocol):
    """Lists of commands; the commands themselves are in the store of commands."""

    async def add(self, batch: Batch) -> None: ...
    async def save(self, batch: Batch) -> None:
        """Store how a batch stands, its list and `stop_at`; the rest never changes."""
        ...

    async def find(self, batch_id: UUID) -> Batch | None: ...
    async def lock(self, batch_id: UUID) -> Batch | None:
        """Return a batch that nobody else may change until this transaction ends."""
        ...

    async def newest(self, count_max: int, *, before: UUID | None = None) -> Sequence[Batch]:
        """Return batches, the newest first, older than one of them."""
        ...

    async def controls(self, batch_id: UUID) -> Sequence[EndDeviceControl]:
        """Return a batch's commands, in any order."""
        ...

    async def counts(self, batch_id: UUID) -> Mapping[ControlState, int]:
        """Return how many of its commands are in which state."""
        ...

    async def pause_if_failing(self, batch_id: UUID) -> bool:
        """Pause a running batch of which too many failed; return whether that was done now."""
        ...
