"""Undoing a batch: nothing more of it goes, and what it opened is closed, by one command."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog

from commands.journal import record
from commands.machine import Event
from commands.requests import ControlRequests, Request
from mdms.domain.audit import AuditEntry
from mdms.domain.batches import Batch, BatchState
from mdms.domain.controls import (
    SWITCHING,
    UNRESOLVED,
    WAITING,
    Action,
    EndDeviceControl,
    SwitchPosition,
)
from mdms.domain.errors import NotFoundError
from mdms.policy.reconnect import ERROR
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

_REASON: Final = "opened in error by us"
_CLOSING: Final = SWITCHING - {Action.DISCONNECT}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Undone:
    """
    What undoing a batch did.

    Attributes:
        cancelled: Badges of which nothing had gone.
        reconnected: Badges for which a reconnect was asked for, each with its command.
        refused: Badges that a person must see to, each with the codes.
    """

    batch: Batch
    cancelled: Sequence[str]
    reconnected: dict[str, UUID]
    refused: dict[str, list[str]]


class BatchUndo:
    """
    Undoes batches; doing it twice does no more than once.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times every step.
        requests: Where reconnects are asked for; no budget binds them.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, requests: ControlRequests
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._requests = requests

    async def undo(self, batch_id: UUID, by: str, role: str, reason: str) -> Undone:
        """
        Stop a batch for good, reconnect at once what it opened, take back what has not gone.

        Raises:
            NotFoundError: There is none with this id.
        """
        batch = await self._stopped(batch_id, by, reason)
        reconnected: dict[str, UUID] = {}
        refused: dict[str, list[str]] = {}
        await self._reconnect(batch, by, role, reconnected, refused)
        cancelled = await self._cancel(batch, by)
        # What was on its way out of the house while we stopped it has gone by now.
        await self._reconnect(batch, by, role, reconnected, refused)
        log.warning(
            "command.batch.undone",
            batch_id=str(batch_id),
            reconnected=len(reconnected),
            cancelled=len(cancelled),
            refused=len(refused),
        )
        return Undone(batch, cancelled, reconnected, refused)

    async def _stopped(self, batch_id: UUID, by: str, reason: str) -> Batch:
        async with self._unit_of_work() as work:
            batch = await work.batches.lock(batch_id)
            if batch is None:
                raise NotFoundError(f"there is no batch {batch_id}; see `mdms command batches ls`")
            batch = replace(batch, state=BatchState.UNDONE)
            await work.batches.save(batch)
            told = {"event": "undone", "state": batch.state.value, "text": reason}
            work.audit.note(AuditEntry(self._clock.now(), "batch", str(batch_id), by, told))
        return batch

    async def _reconnect(
        self,
        batch: Batch,
        by: str,
        role: str,
        reconnected: dict[str, UUID],
        refused: dict[str, list[str]],
    ) -> None:
        async with self._unit_of_work() as work:
            badges = [
                each.badge
                for each in await work.batches.controls(batch.batch_id)
                if each.badge not in {*reconnected, *refused} and await _stands_open(work, each)
            ]
        for badge in badges:
            request = Request(
                action=Action.RECONNECT,
                meter=badge,
                cause=ERROR,
                order=str(batch.batch_id),
                reason=_REASON,
                role=role,
            )
            try:
                control = await self._requests.request(request, by)
            except PolicyRefusedError as error:
                refused[badge] = [each.code for each in error.refusals]
            else:
                reconnected[badge] = control.control_id

    async def _cancel(self, batch: Batch, by: str) -> list[str]:
        cancelled = []
        async with self._unit_of_work() as work:
            for each in await work.batches.controls(batch.batch_id):
                if each.state not in WAITING:
                    continue
                control = await work.controls.lock(each.control_id)
                if control is None or control.state not in WAITING:
                    continue  # it left, or ended, while we waited for it
                await record(
                    work, control, Event.CANCELLED, self._clock.now(),
                    actor=by, detail="the batch was undone", due_at=None,
                )  # fmt: skip
                cancelled.append(control.badge)
        return cancelled


async def _stands_open(work: UnitOfWork, control: EndDeviceControl) -> bool:
    """Return whether a command may have opened a switch that nobody has closed, or is about to."""
    if control.action is not Action.DISCONNECT or control.sent_at is None:
        return False
    if control.switch is SwitchPosition.CLOSED:
        return False
    after = [
        each
        for each in await work.controls.of_meter(control.badge)
        if each.action in _CLOSING and each.control_id > control.control_id
    ]
    return not any(
        each.state in UNRESOLVED or each.switch is SwitchPosition.CLOSED for each in after
    )
