"""Batches as people see them: which there are, and how far each command of one has come."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from mdms.domain.batches import Batch, BatchState, rows_of
from mdms.domain.controls import ENDED, READY, ControlState, EndDeviceControl, Result
from mdms.domain.errors import NotFoundError
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory


class BatchService:
    """
    Stored batches, for reading; `commands.batches` makes and steers them.

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def newest(self, count_max: int, *, before: UUID | None = None) -> list[dict[str, Any]]:
        """Return batches, the newest first, older than one of them."""
        async with self._unit_of_work() as work:
            found = await work.batches.newest(count_max, before=before)
            return [await _summary(work, batch) for batch in found]

    async def show(self, batch_id: UUID) -> dict[str, Any]:
        """
        Return a batch with the list that was judged, and what became of each row.

        Raises:
            NotFoundError: There is none with this id.
        """
        async with self._unit_of_work() as work:
            batch = await work.batches.find(batch_id)
            if batch is None:
                raise NotFoundError(f"there is no batch {batch_id}; see `mdms command batches ls`")
            controls = {
                str(each.control_id): each for each in await work.batches.controls(batch_id)
            }
            summary = await _summary(work, batch)
        rows = [row | _progress(controls[row["control_id"]]) for row in rows_of(batch)]
        return summary | {"rows": rows}


async def _summary(work: UnitOfWork, batch: Batch) -> dict[str, Any]:
    counts = await work.batches.counts(batch.batch_id)
    return {
        "batch_id": str(batch.batch_id),
        "name": batch.name,
        "state": batch.state.value,
        "sha256": batch.sha256,
        "requested_by": batch.requested_by,
        "requested_at": batch.requested_at.isoformat(),
        "approved_by": batch.approved_by,
        "approved_at": None if batch.approved_at is None else batch.approved_at.isoformat(),
        "every_s": batch.every_s,
        "stop_after": batch.stop_after,
        "counts": {state.value: count for state, count in sorted(counts.items())},
        "is_over": _is_over(batch, counts),
    }


def _is_over(batch: Batch, counts: Mapping[ControlState, int]) -> bool:
    """Return whether nothing of it will move any more."""
    open_states = {state for state, count in counts.items() if count} - ENDED
    if batch.state is BatchState.UNDONE:
        open_states -= READY
    return not open_states


def _progress(control: EndDeviceControl) -> dict[str, Any]:
    return {
        "state": control.state.value,
        "result": None if control.result is None else control.result.value,
        "waits_for": [each.code for each in control.refusals] if control.state in READY else [],
        "due_at": None if control.due_at is None else control.due_at.isoformat(),
        "switch": None if control.switch is None else control.switch.name.lower(),
        "done": control.result is Result.OK,
    }
