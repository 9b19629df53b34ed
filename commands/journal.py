"""What happens to a command is written down: its new state and the step that led there."""

from datetime import datetime
from typing import Any, Final

import structlog

from commands import machine
from commands.fieldwork import follow_up
from commands.machine import Event
from commands.stopping import stop_on_fail
from mdms.domain.controls import ENDED, EndDeviceControl
from mdms.ports.unit_of_work import UnitOfWork
from mdms.telemetry import metrics

RULES: Final = "rules"
"""Actor of what nobody did: the rules let a command go on, made it wait, or ended it."""

log = structlog.get_logger()


async def record(
    work: UnitOfWork,
    control: EndDeviceControl,
    event: Event,
    at: datetime,
    *,
    actor: str,
    detail: str = "",
    **changes: Any,
) -> EndDeviceControl:
    """
    Move a stored command on and return it; `changes` are other fields that change with it.

    Raises:
        IllegalTransitionError: The event cannot happen in its state.
    """
    moved, step = machine.advance(control, event, at, actor=actor, detail=detail, **changes)
    await work.controls.save(moved)
    await work.controls.add_step(step)
    if moved.state is not control.state:
        await follow_up(work, moved, at)
        await stop_on_fail(work, moved, at)
    if moved.state is not control.state and moved.state in ENDED:
        metrics.COMMAND_ENDED.labels(moved.action, moved.state).inc()
        log.info(
            "command.ended",
            control_id=str(moved.control_id),
            action=moved.action,
            state=moved.state,
            result=moved.result,
        )
    return moved
