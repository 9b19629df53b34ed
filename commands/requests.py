"""
Asking for commands and taking them back; nothing here speaks to a meter.

A refused request is stored with its reasons, like any other: who asked for what is part of the
record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from commands import holding, machine
from commands.fieldwork import follow_up
from commands.flood import Flood
from commands.holding import Outlook
from commands.journal import record
from commands.judgement import Judge
from commands.machine import Event
from commands.scene import is_immediate
from mdms.domain.controls import (
    OPCODE_OF,
    UNRESOLVED,
    Action,
    EndDeviceControl,
    Result,
    new_id,
)
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.policy import gate
from mdms.policy.decision import Decision
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What someone asks for.

    Attributes:
        meter: Badge or usage point.
        order: Reference in another system; may be empty.
        role: In which role it is asked for.
        evidence: Identifier of the record that proves the cause.
        item: Item of Rule 9.D that an immediate disconnect rests on.
        not_before: From when on; None means now.
        batch_id: The list that it is asked for with.
    """

    action: Action
    meter: str
    cause: str
    order: str = ""
    reason: str = ""
    role: str = ""
    evidence: str = ""
    item: str = ""
    not_before: datetime | None = None
    batch_id: UUID | None = None


class ControlRequests:
    """
    Makes commands, and cancels those that nobody has sent yet.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times requests.
        judge: Knows the rules.
        can_sign: Whether a signer has keys: without one no command would ever leave.
        on_request: Told after a command was stored.
        flood: Told how many opens were asked for; None: one of its own.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        judge: Judge,
        *,
        can_sign: bool = True,
        on_request: Callable[[], None] = lambda: None,
        flood: Flood | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._judge = judge
        self._can_sign = can_sign
        self._on_request = on_request
        self._flood = flood or Flood(judge)

    async def request(
        self, request: Request, by: str, *, dry_run: bool = False
    ) -> EndDeviceControl:
        """
        Judge a request and store it; the dispatcher does the rest.

        Args:
            request: What is asked for. A meter may be armed instead of closed, where nobody is
                known to be there.
            by: Who asks.
            dry_run: Judge only; nothing is stored.

        Returns:
            The command; one that waits for something carries it as refusals.

        Raises:
            NotFoundError: No meter is called that.
            PolicyRefusedError: The rules forbid it.
            OperatorError: The rules allow it, but there is no signer.
        """
        async with self._unit_of_work() as work:
            control, outlook = await self.request_within(work, request, by, dry_run=dry_run)
            if control.action is Action.DISCONNECT:
                await self._flood.look(work, control.requested_at)
        metrics.COMMAND_REQUESTS.labels(control.action, _DECISIONS[outlook]).inc()
        if outlook is Outlook.OVER:
            raise PolicyRefusedError(control.refusals, None if dry_run else control.control_id)
        self._on_request()
        return control

    async def request_within(
        self, work: UnitOfWork, request: Request, by: str, *, dry_run: bool = False
    ) -> tuple[EndDeviceControl, Outlook]:
        """Do as `request` in a transaction of the caller's, who says what comes of it."""
        now = self._clock.now()
        draft = await drafted(work, request, by, now)
        await work.controls.lock_meter(draft.badge)
        judgement = await self._judge.judge(work, draft, now)
        outlook = holding.outlook(judgement.decision, draft)
        if outlook is not Outlook.OVER and not self._can_sign:
            raise OperatorError(
                "no command can be signed: run `mdms signer`, name its socket in "
                "[signer] socket and restart the daemon"
            )
        event, changes = _meant(judgement.decision, outlook, draft, now)
        if dry_run:
            return replace(draft, **changes), outlook
        work.audit.note(judgement.entry(draft, now, actor=by))
        if outlook is not Outlook.OVER:
            await self._preempt(work, draft, judgement.others, now)
        return await self._store(work, draft, event, changes, now), outlook

    async def cancel(self, control_id: UUID, by: str, reason: str) -> EndDeviceControl:
        """
        Take a command back that nobody has sent yet.

        Raises:
            NotFoundError: There is none with this id.
            IllegalTransitionError: It was sent, or has ended.
        """
        async with self._unit_of_work() as work:
            control = await work.controls.lock(control_id)
            if control is None:
                raise NotFoundError(f"there is no command {control_id}")
            return await record(
                work,
                control,
                Event.CANCELLED,
                self._clock.now(),
                actor=by,
                detail=reason,
                due_at=None,
            )

    async def _store(
        self,
        work: UnitOfWork,
        draft: EndDeviceControl,
        event: Event,
        changes: dict[str, Any],
        now: datetime,
    ) -> EndDeviceControl:
        control, step = machine.advance(
            draft,
            event,
            now,
            actor=draft.requested_by,
            detail=_detail(draft, changes),
            **changes,
        )
        await work.controls.add(control)
        await work.controls.add_step(step)
        await follow_up(work, control, now)
        log.info("command.requested", action=control.action, state=control.state)
        return control

    async def _preempt(
        self,
        work: UnitOfWork,
        draft: EndDeviceControl,
        others: Sequence[EndDeviceControl],
        now: datetime,
    ) -> None:
        unresolved = [each for each in others if each.state in UNRESOLVED]
        for each in gate.preempted(draft.action, unresolved):
            locked = await work.controls.lock(each.control_id)
            assert locked is not None, "commands are never deleted"
            if (locked.state, Event.PREEMPTED) not in machine.TRANSITIONS:
                continue  # it ended, or was given up, while we waited for it
            await record(
                work,
                locked,
                Event.PREEMPTED,
                now,
                actor=draft.requested_by,
                detail=f"by {draft.action} {draft.control_id}",
                result=Result.PREEMPTED,
                due_at=None,
            )


async def drafted(work: UnitOfWork, request: Request, by: str, now: datetime) -> EndDeviceControl:
    """
    Return a request as a command that nobody has judged yet.

    Raises:
        NotFoundError: No meter is called that.
        UsageError: It has no cause, or one that does not wait, and a time.
    """
    place = await work.registry.place(request.meter, now)
    if place is None:
        raise NotFoundError(
            f"no meter or usage point {request.meter!r} is in place; `mdms meter ls` lists them"
        )
    if not request.cause:
        raise UsageError("a command needs a cause")
    not_before = max(request.not_before or now, now)
    if not_before > now and request.action is Action.DISCONNECT and is_immediate(request.cause):
        raise UsageError(f"a supply is cut off for {request.cause} at once: leave the time out")
    return EndDeviceControl(
        control_id=new_id(now),
        action=request.action,
        badge=place.meter.badge,
        serial=place.meter.serial,
        radio_id=place.meter.radio_id,
        key_id=place.meter.key_id,
        usage_point_id=place.meter.usage_point_id,
        commodity=place.commodity,
        cause=request.cause,
        order=request.order,
        reason=request.reason,
        requested_by=by,
        requested_at=now,
        not_before=not_before,
        not_after=not_before + holding.MAINS_VALID,
        role=request.role,
        evidence=request.evidence,
        item=request.item,
        batch_id=request.batch_id,
    )


_DECISIONS = {Outlook.READY: "allowed", Outlook.HELD: "waiting", Outlook.OVER: "denied"}


def _meant(
    decision: Decision, outlook: Outlook, draft: EndDeviceControl, now: datetime
) -> tuple[Event, dict[str, Any]]:
    """Return what happens to a draft, and what changes in it."""
    act: dict[str, Any] = {"deadline": decision.deadline}
    if decision.action:
        act["action"] = decision.action
    match outlook:
        case Outlook.READY:
            return Event.ALLOWED, act | holding.ready(decision, draft, now)
        case Outlook.HELD:
            return Event.PENDING, act | holding.held(decision, draft, now)
        case Outlook.OVER:
            return Event.DENIED, {"refusals": decision.refusals}


def _detail(draft: EndDeviceControl, changes: dict[str, Any]) -> str:
    codes = ", ".join(refusal.code for refusal in changes["refusals"])
    instead = ""
    if changes.get("action", draft.action) is not draft.action:
        instead = f"{changes['action']} instead of {draft.action}: nobody is known to be there"
    return "; ".join(part for part in (codes, draft.reason, instead) if part)


assert set(OPCODE_OF) == set(Action), "every action has an opcode"
