"""Approving commands that another has asked for: judged again, and let go or ended."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from commands import holding
from commands.holding import Outlook
from commands.journal import RULES, record
from commands.judgement import Judge
from commands.machine import Event, after
from mdms.domain.controls import (
    READY,
    ControlApproval,
    EndDeviceControl,
    Refusal,
    Result,
)
from mdms.domain.errors import NotFoundError
from mdms.domain.people import Role
from mdms.policy import reasons
from mdms.policy.reasons import Path
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

_OWN: Final = Refusal("RD_DUAL", "G6", "another person must approve what you have asked for")
_SAFETY_ONLY: Final = Refusal(
    "RD_DUAL", "2.5", "a supervisor must approve it: a safety officer may in a hazard only"
)


class ControlApprovals:
    """
    Takes the second person's yes.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times approvals.
        judge: Knows the rules.
        on_request: Told after a command may have become due.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        judge: Judge,
        on_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._judge = judge
        self._on_request = on_request

    async def approve(
        self, control_id: UUID, by: str, roles: Collection[Role], reason: str
    ) -> EndDeviceControl:
        """
        Approve a command and return it; who approved it before has said nothing new.

        Raises:
            NotFoundError: There is none with this id.
            IllegalTransitionError: It was sent, or has ended.
            PolicyRefusedError: This person may not, and it still waits; or the rules forbid the
                command by now, and it has ended.
        """
        async with self._unit_of_work() as work:
            control = await work.controls.lock(control_id)
            if control is None:
                raise NotFoundError(f"there is no command {control_id}; see `mdms command ls`")
            after(control.state, Event.APPROVED)
            now = self._clock.now()
            role = _role(control, by, roles)
            if role is Role.SAFETY:
                self._expect_officers_turn(control, now)
            known = {each.name for each in await work.controls.approvals(control_id)}
            if by in known:
                return control
            approval = ControlApproval(control_id, by, role, now, reason)
            await work.controls.add_approval(approval)
            control = await record(
                work, control, Event.APPROVED, now, actor=by, detail=reason or f"as {role}"
            )
            outlook = Outlook.READY
            if control.state in READY:
                control, outlook = await self._judged(work, control, by)
        if outlook is Outlook.OVER:
            raise PolicyRefusedError(control.refusals, control_id)
        self._on_request()
        return control

    def _expect_officers_turn(self, control: EndDeviceControl, now: datetime) -> None:
        """
        Let a supervisor be the first to answer.

        Raises:
            PolicyRefusedError: It is not another officer's turn yet; a word said now would not
                count later, and the officer could not say it again.
        """
        wait = timedelta(minutes=self._judge.rules(now).immediate.second_officer_minutes)
        if now < control.requested_at + wait:
            since = control.requested_at + wait
            cure = f"a supervisor approves; another safety officer may from {since:%H:%M:%S} UTC on"
            raise PolicyRefusedError([Refusal("RD_DUAL", "2.5", cure)], control.control_id)

    async def _judged(
        self, work: UnitOfWork, control: EndDeviceControl, by: str
    ) -> tuple[EndDeviceControl, Outlook]:
        now = self._clock.now()
        decision = await self._judge.decide(work, control, now, actor=by)
        outlook = holding.outlook(decision, control)
        detail = ", ".join(decision.codes)
        if outlook is Outlook.READY:
            event, changes = Event.ALLOWED, holding.ready(decision, control, now)
        elif outlook is Outlook.HELD:
            event, changes = Event.PENDING, holding.held(decision, control, now)
        else:
            event, result = Event.POLICY_CHANGED, Result.POLICY_CHANGED
            changes = {"refusals": decision.refusals, "result": result, "due_at": None}
        moved = await record(work, control, event, now, actor=RULES, detail=detail, **changes)
        return moved, outlook


def _role(control: EndDeviceControl, by: str, roles: Collection[Role]) -> Role:
    """Return the role in which somebody approves."""
    if by == control.requested_by:
        raise PolicyRefusedError([_OWN], control.control_id)
    if Role.SUPERVISOR in roles:
        return Role.SUPERVISOR
    if reasons.PATHS.get(control.cause) is not Path.IMMEDIATE:
        raise PolicyRefusedError([_SAFETY_ONLY], control.control_id)
    return Role.SAFETY
