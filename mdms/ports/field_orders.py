"""The store of field orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.field_orders import FieldOrder


class FieldOrderStore(Protocol):
    """Orders to people; opened once for one thing, closed once."""

    async def open(self, order: FieldOrder) -> bool:
        """Keep an order; False where one for the same meter and reason is open already."""
        ...

    async def find(self, field_order_id: UUID) -> FieldOrder | None: ...
    async def every(
        self, *, open_only: bool, after: UUID | None = None, count_max: int
    ) -> Sequence[FieldOrder]:
        """Return orders, safety first, then the oldest first; those after one of them."""
        ...

    async def of_control(self, control_id: UUID) -> Sequence[FieldOrder]: ...
    async def close(self, field_order_id: UUID, at: datetime, by: str, outcome: str) -> None: ...
