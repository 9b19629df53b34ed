"""A batch of which too many commands fail stops by itself, before the next one goes."""

from datetime import datetime
from typing import Final

import structlog

from mdms.domain.audit import AuditEntry
from mdms.domain.controls import ControlState, EndDeviceControl
from mdms.ports.unit_of_work import UnitOfWork

_FAILURES: Final = frozenset({ControlState.FAILED, ControlState.UNKNOWN})

log = structlog.get_logger()


async def stop_on_fail(work: UnitOfWork, control: EndDeviceControl, at: datetime) -> None:
    """Pause the batch of a command that has just failed, if it is one too many."""
    if control.batch_id is None or control.state not in _FAILURES:
        return
    if await work.batches.pause_if_failing(control.batch_id):
        told = {"event": "stopped", "text": f"command {control.control_id} is {control.state}"}
        work.audit.note(AuditEntry(at, "batch", str(control.batch_id), "dispatcher", told))
        log.warning("command.batch.stopped", batch_id=str(control.batch_id))
