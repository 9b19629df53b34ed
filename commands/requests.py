"""
Asking for commands and taking them back; nothing here speaks to a meter.

A refused request is stored with its reasons, like any other: who asked for what is part of the
record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from commands import machine
from commands.journal import record
from commands.machine import Event
from mdms.domain.controls import (
    OPCODE_OF,
    UNRESOLVED,
    Action,
    EndDeviceControl,
    Refusal,
    Result,
    new_id,
)
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.registry import Commodity, Radio
from mdms.policy import control as policy
from mdms.policy.control import ControlFacts
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

MAINS_VALID: Final = timedelta(minutes=15)
BATTERY_VALID: Final = timedelta(hours=24)
"""A battery meter listens only after it talks, every 4.8 hours at the latest."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What someone asks for.

    Attributes:
        meter: Badge or usage point.
        order: Reference in another system; may be empty.
        not_before: From when on; None means now.
    """

    action: Action
    meter: str
    cause: str
    order: str = ""
    reason: str = ""
    not_before: datetime | None = None


class ControlRequests:
    """
    Makes commands, and cancels those that nobody has sent yet.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times requests.
        remote_open: Setting [commands] remote_open.
        can_sign: Whether a signer has keys: without one no command would ever leave.
        on_request: Told after a command was stored.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        *,
        remote_open: bool,
        can_sign: bool = True,
        on_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._remote_open = remote_open
        self._can_sign = can_sign
        self._on_request = on_request

    async def request(
        self, request: Request, by: str, *, dry_run: bool = False
    ) -> EndDeviceControl:
        """
        Judge a request and store it; the dispatcher does the rest.

        Args:
            request: What is asked for.
            by: Who asks.
            dry_run: Judge only; nothing is stored.

        Raises:
            NotFoundError: No meter is called that.
            PolicyRefusedError: The rules forbid it.
            OperatorError: The rules allow it, but there is no signer.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            draft = await self._draft(work, request, by, now)
            await work.controls.lock_meter(draft.badge)
            refusals = await judge(work, draft, now, remote_open=self._remote_open)
            if not refusals and not self._can_sign:
                raise OperatorError(
                    "no command can be signed: run `mdms signer`, name its socket in "
                    "[signer] socket and restart the daemon"
                )
            if not dry_run:
                draft = await self._store(work, draft, refusals, by, now)
        metrics.COMMAND_REQUESTS.labels(draft.action, "denied" if refusals else "allowed").inc()
        if refusals:
            raise PolicyRefusedError(refusals, None if dry_run else draft.control_id)
        self._on_request()
        return draft

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

    async def _draft(
        self, work: UnitOfWork, request: Request, by: str, now: datetime
    ) -> EndDeviceControl:
        place = await work.registry.place(request.meter, now)
        if place is None:
            raise NotFoundError(
                f"no meter or usage point {request.meter!r} is in place; `mdms meter ls` lists them"
            )
        if not request.cause:
            raise UsageError("a command needs a cause")
        not_before = max(request.not_before or now, now)
        mains = place.commodity is Commodity.ELECTRIC
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
            not_after=not_before + (MAINS_VALID if mains else BATTERY_VALID),
        )

    async def _store(
        self,
        work: UnitOfWork,
        draft: EndDeviceControl,
        refusals: tuple[Refusal, ...],
        by: str,
        now: datetime,
    ) -> EndDeviceControl:
        if refusals:
            codes = ", ".join(refusal.code for refusal in refusals)
            control, step = machine.advance(
                draft, Event.DENIED, now, actor=by, detail=codes, refusals=refusals
            )
        else:
            await self._preempt(work, draft, now)
            control, step = machine.advance(
                draft, Event.ALLOWED, now, actor=by, detail=draft.reason, due_at=draft.not_before
            )
        await work.controls.add(control)
        await work.controls.add_step(step)
        log.info("command.requested", action=control.action, state=control.state)
        return control

    async def _preempt(self, work: UnitOfWork, draft: EndDeviceControl, now: datetime) -> None:
        others = await unresolved(work, draft)
        for each in policy.preempted(draft.action, others):
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


async def judge(
    work: UnitOfWork, control: EndDeviceControl, now: datetime, *, remote_open: bool
) -> tuple[Refusal, ...]:
    """Return every reason why a command is forbidden now; judged before each sending too."""
    place = await work.registry.place(control.badge, now)
    meter = place.meter if place else None
    facts = ControlFacts(
        commodity=control.commodity,
        installed=meter is not None
        and (meter.serial, meter.radio_id, meter.usage_point_id)
        == (control.serial, control.radio_id, control.usage_point_id),
        has_switch=meter is None or meter.has_switch,
        pilot=meter is None or meter.pilot,
        radio_on=(meter is None or meter.radio is Radio.ON)
        and not await work.optouts.silent(control.badge),
        opted_out=await _opted_out(work, control.badge, now),
        premise_flags=place.premise_flags if place else (),
        others=tuple(await unresolved(work, control)),
        remote_open=remote_open,
    )
    return policy.judge(control.action, control.cause, facts)


async def unresolved(work: UnitOfWork, control: EndDeviceControl) -> list[EndDeviceControl]:
    """Return a meter's commands without an outcome, except this one."""
    return [
        other
        for other in await work.controls.of_meter(control.badge)
        if other.state in UNRESOLVED and other.control_id != control.control_id
    ]


async def _opted_out(work: UnitOfWork, badge: str, now: datetime) -> bool:
    optout = await work.optouts.in_force(badge)
    return optout is not None and optout.from_at <= now


assert set(OPCODE_OF) == set(Action), "every action has an opcode"
