"""
Batches: commands asked for as one list, approved as that list, paused, resumed and undone.

Every command of a batch is an ordinary one, judged by the same rules at the same steps; the batch
adds what two people saw, and whether it lets its commands go (`commands.turns`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from commands.flood import Flood
from commands.holding import PATIENCE, Outlook
from commands.journal import record
from commands.machine import Event
from commands.requests import ControlRequests, Request
from mdms.domain.audit import AuditEntry
from mdms.domain.batches import Batch, BatchState, digest, is_still, listed, shuffled
from mdms.domain.controls import (
    READY,
    ControlApproval,
    ControlState,
    EndDeviceControl,
    Refusal,
    new_id,
)
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.people import Role
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

ROWS_MAX: Final = 1000
_FAILED: Final = frozenset({ControlState.FAILED, ControlState.UNKNOWN})

_OWN: Final = Refusal("RD_DUAL", "G6", "another person must approve what you have asked for")
_OTHER_LIST: Final = Refusal(
    "BATCH_HASH", "headend 4", "this is not the hash of the list: look at the list, then approve it"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """
    How a batch goes.

    Attributes:
        every_s: Seconds between two of its commands; budgets may make it slower.
        stop_after: So many that failed, or of which nothing was heard, pause it.
    """

    every_s: int = 0
    stop_after: int = 3


class ControlBatches:
    """
    Makes batches and steers them.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times every step.
        requests: Where each command is asked for, by the same rules as everybody's.
        flood: Told how much was asked for.
        on_request: Told after commands may have become due.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        requests: ControlRequests,
        flood: Flood,
        on_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._requests = requests
        self._flood = flood
        self._on_request = on_request

    async def propose(self, name: str, rows: Sequence[Request], by: str, manner: Manner) -> Batch:
        """
        Judge and store every row of a list; nothing of it goes before another person approves.

        Rows that the rules forbid are kept as refused, the rest stands.

        Raises:
            UsageError: The list is empty, or too long.
            NotFoundError: A row names no meter; nothing is stored.
        """
        if not 0 < len(rows) <= ROWS_MAX:
            raise UsageError(f"a batch has 1 to {ROWS_MAX} commands, and this one {len(rows)}")
        now = self._clock.now()
        async with self._unit_of_work() as work:
            batch = Batch(
                batch_id=new_id(now),
                name=name,
                requested_by=by,
                requested_at=now,
                listing=b"[]",
                sha256=digest(b"[]"),
                every_s=manner.every_s,
                stop_after=manner.stop_after,
                stop_at=manner.stop_after,
            )
            await work.batches.add(batch)
            await _lock_meters(work, rows, now)
            asked = [replace(row, batch_id=batch.batch_id) for row in rows]
            controls = [await self._asked(work, row, by) for row in asked]
            listing = listed(controls)
            batch = replace(batch, listing=listing, sha256=digest(listing))
            await work.batches.save(batch)
            work.audit.note(
                _noted(batch, now, by, "proposed", f"{len(rows)} commands, list {batch.sha256}")
            )
            await self._flood.look(work, now)
        log.info("command.batch.proposed", batch_id=str(batch.batch_id), count=len(rows))
        return batch

    async def approve(self, batch_id: UUID, by: str, sha256: str, reason: str) -> Batch:
        """
        Approve a list, exactly as both people saw it, and let its commands go one by one.

        Args:
            batch_id: The batch.
            by: A supervisor.
            sha256: Hash of the list that was looked at; a list of one needs none.
            reason: For the record.

        Raises:
            NotFoundError: There is none with this id.
            PolicyRefusedError: Who asked cannot approve, and no other list than this one.
            OperatorError: It waits for no approval.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            batch = await _locked(work, batch_id)
            _expect(batch, BatchState.PROPOSED, "approved")
            if by == batch.requested_by:
                raise PolicyRefusedError([_OWN])
            controls = await work.batches.controls(batch_id)
            if not is_still(batch, controls):
                raise OperatorError("the commands are not those of the list: look for who did that")
            if sha256 != batch.sha256 and (sha256 or len(controls) > 1):
                raise PolicyRefusedError([_OTHER_LIST])
            batch = replace(batch, state=BatchState.RUNNING, approved_by=by, approved_at=now)
            await work.batches.save(batch)
            waiting = await _locked_waiting(work, controls)
            for number, control in enumerate(shuffled(batch.batch_id, waiting)):
                turn = _turn(batch, control, number, now)
                approvals = await work.controls.approvals(control.control_id)
                if any(each.name == by for each in approvals):  # approved by itself before
                    await work.controls.save(replace(control, **turn))
                    continue
                approval = ControlApproval(
                    control.control_id, by, Role.SUPERVISOR, now, reason or f"list {sha256}"
                )
                await work.controls.add_approval(approval)
                await record(
                    work, control, Event.APPROVED, now,
                    actor=by, detail=approval.reason, **turn,
                )  # fmt: skip
            work.audit.note(_noted(batch, now, by, "approved", f"list {batch.sha256}; {reason}"))
        self._on_request()
        return batch

    async def pause(self, batch_id: UUID, by: str, reason: str) -> Batch:
        """Let nothing more go until somebody resumes; what is out stays out. Raises as resume."""
        return await self._moved(batch_id, BatchState.RUNNING, BatchState.PAUSED, by, reason)

    async def resume(self, batch_id: UUID, by: str, reason: str) -> Batch:
        """
        Let a paused batch go on; it pauses again after as many failures as at first.

        Raises:
            NotFoundError: There is none with this id.
            OperatorError: It is not paused.
        """
        batch = await self._moved(batch_id, BatchState.PAUSED, BatchState.RUNNING, by, reason)
        now = self._clock.now()
        async with self._unit_of_work() as work:
            controls = await work.batches.controls(batch_id)
            waiting = await _locked_waiting(work, controls)
            for number, control in enumerate(shuffled(batch_id, waiting)):
                turn = _turn(batch, control, number, now)
                await work.controls.save(replace(control, **turn))
        self._on_request()
        return batch

    async def _moved(
        self, batch_id: UUID, start: BatchState, end: BatchState, by: str, reason: str
    ) -> Batch:
        now = self._clock.now()
        async with self._unit_of_work() as work:
            batch = await _locked(work, batch_id)
            _expect(batch, start, end.lower())
            counts = await work.batches.counts(batch_id)
            stop_at = sum(counts.get(state, 0) for state in _FAILED) + batch.stop_after
            batch = replace(batch, state=end, stop_at=stop_at)
            await work.batches.save(batch)
            work.audit.note(_noted(batch, now, by, end.lower(), reason))
        return batch

    async def _asked(self, work: UnitOfWork, row: Request, by: str) -> EndDeviceControl:
        control, outlook = await self._requests.request_within(work, row, by)
        decision = "denied" if outlook is Outlook.OVER else "waiting"
        metrics.COMMAND_REQUESTS.labels(control.action, decision).inc()
        return control


async def _lock_meters(work: UnitOfWork, rows: Collection[Request], now: datetime) -> None:
    """Lock every meter in one order, whatever the order of the rows: no two batches block."""
    badges = set()
    for row in rows:
        place = await work.registry.place(row.meter, now)
        if place is None:
            raise NotFoundError(f"no meter or usage point {row.meter!r} is in place")
        badges.add(place.meter.badge)
    for badge in sorted(badges):
        await work.controls.lock_meter(badge)


async def _locked(work: UnitOfWork, batch_id: UUID) -> Batch:
    batch = await work.batches.lock(batch_id)
    if batch is None:
        raise NotFoundError(f"there is no batch {batch_id}; see `mdms command batches ls`")
    return batch


def _expect(batch: Batch, state: BatchState, verb: str) -> None:
    if batch.state is not state:
        raise OperatorError(f"a batch that is {batch.state} cannot be {verb}")


async def _locked_waiting(
    work: UnitOfWork, controls: Sequence[EndDeviceControl]
) -> list[EndDeviceControl]:
    """Return those that wait to be signed as they are now: a cancelled one stays cancelled."""
    ids = sorted(each.control_id for each in controls)  # one order: nobody blocks another
    locked = [await work.controls.lock(control_id) for control_id in ids]
    return [each for each in locked if each is not None and each.state in READY]


def _turn(batch: Batch, control: EndDeviceControl, number: int, now: datetime) -> dict[str, Any]:
    """Return when a command is looked at next, and how long it may wait for that."""
    due_at = max(now + timedelta(seconds=batch.every_s * number), control.not_before)
    return {"due_at": due_at, "not_after": max(control.not_after, due_at + PATIENCE)}


def _noted(batch: Batch, at: datetime, by: str, event: str, text: str) -> AuditEntry:
    told = {"event": event, "state": batch.state.value, "text": text}
    return AuditEntry(at, "batch", str(batch.batch_id), by, told)
