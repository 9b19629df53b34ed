"""Field orders as people and programs see them: what is to be done, and that it was."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from mdms.domain.audit import AuditEntry
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.field_orders import FieldOrder
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory


class FieldOrderService:
    """
    Lists field orders and closes them; commands open them.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times what is closed.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def every(
        self, *, open_only: bool, after: UUID | None = None, count_max: int
    ) -> Sequence[dict[str, Any]]:
        """Return orders, safety first, then the oldest first; those after one of them."""
        async with self._unit_of_work() as work:
            found = await work.field_orders.every(
                open_only=open_only, after=after, count_max=count_max
            )
        return [view(order) for order in found]

    async def close(self, field_order_id: UUID, by: str, outcome: str) -> dict[str, Any]:
        """
        Say that something was done, and what.

        Raises:
            NotFoundError: There is no such order.
            OperatorError: It is closed already.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            order = await work.field_orders.find(field_order_id)
            if order is None:
                raise NotFoundError(f"there is no field order {field_order_id}")
            if order.closed_at is not None:
                raise OperatorError(f"{order.closed_by} has closed it at {order.closed_at}")
            await work.field_orders.close(field_order_id, now, by, outcome)
            told = {"badge": order.badge, "reason": order.reason, "outcome": outcome}
            work.audit.note(AuditEntry(now, "field_order.closed", str(field_order_id), by, told))
            closed = await work.field_orders.find(field_order_id)
        assert closed is not None, "orders are never deleted"
        return view(closed)


def view(order: FieldOrder) -> dict[str, Any]:
    """Return an order as plain values."""
    return {
        "field_order_id": str(order.field_order_id),
        "meter": order.badge,
        "usage_point": order.usage_point_id,
        "control_id": None if order.control_id is None else str(order.control_id),
        "reason": order.reason,
        "detail": order.detail,
        "is_safety": order.is_safety,
        "opened_at": order.opened_at.isoformat(),
        "closed_at": None if order.closed_at is None else order.closed_at.isoformat(),
        "closed_by": order.closed_by,
        "outcome": order.outcome,
    }
