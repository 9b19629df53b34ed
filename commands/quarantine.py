"""
Opens that are held back: a budget was spent, and two supervisors have not released the breaker.

One spent budget means that something is wrong, so every open that waits is held back, not only the
one that was too many. Each asks the signer again from time to time, until its own time is over.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from commands.journal import record
from commands.machine import Event
from mdms.domain.controls import READY, Action, ControlState, EndDeviceControl, Refusal
from mdms.ports.unit_of_work import UnitOfWork

_ASK_AGAIN: Final = timedelta(minutes=1)
_ACTOR: Final = "signer"


async def quarantine(
    work: UnitOfWork, control: EndDeviceControl, refusals: Sequence[Refusal], now: datetime
) -> None:
    """Hold an open back; whoever is held back already asks again later."""
    due_at = min(now + _ASK_AGAIN, control.not_after)
    if control.state is ControlState.QUARANTINED:
        await work.controls.save(replace(control, due_at=due_at))
    else:
        await _hold(work, control, refusals, now, due_at)


async def quarantine_queued(work: UnitOfWork, refusals: Sequence[Refusal], now: datetime) -> None:
    """Hold every other open back that waits to be signed, those of later hours too."""
    for each in await work.controls.pending():
        if each.action is not Action.DISCONNECT or each.state not in READY:
            continue
        locked = await work.controls.lock(each.control_id)
        if locked is not None and locked.state in READY:
            assert locked.due_at is not None, "what is queued is due at some time"
            due_at = min(max(locked.due_at, now + _ASK_AGAIN), locked.not_after)
            await _hold(work, locked, refusals, now, due_at)


async def ask_again(work: UnitOfWork, now: datetime) -> None:
    """Let every open that is held back ask at once: the breaker was released."""
    for each in await work.controls.pending():
        if each.state is not ControlState.QUARANTINED:
            continue
        locked = await work.controls.lock(each.control_id)
        if locked is not None and locked.state is ControlState.QUARANTINED:
            await work.controls.save(replace(locked, due_at=now))


async def _hold(
    work: UnitOfWork,
    control: EndDeviceControl,
    refusals: Sequence[Refusal],
    now: datetime,
    due_at: datetime,
) -> None:
    detail = ", ".join(refusal.code for refusal in refusals)
    await record(
        work, control, Event.QUARANTINED, now,
        actor=_ACTOR, detail=detail, refusals=tuple(refusals), due_at=due_at,
    )  # fmt: skip
