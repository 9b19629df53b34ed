"""
May it go on now? Asked before a command is signed, before it is sent, and before each repeat.

A command that must wait is held, one that is forbidden by now is withdrawn; both are written down
with every reason.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from commands import holding
from commands.holding import Outlook
from commands.journal import RULES, record
from commands.judgement import Judge
from commands.machine import Event
from mdms.domain.controls import READY, ControlState, EndDeviceControl, Refusal, Result
from mdms.policy.decision import Decision
from mdms.ports.unit_of_work import UnitOfWork

_ACTOR: Final = "dispatcher"


class Clearance:
    """Judges what the dispatcher has in hand."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def may_be_signed(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> bool:
        """
        Return whether a command is to be signed at once.

        Until when it may act is stored, and committed, before it is signed: the signer reads it.
        """
        if await _has_expired(work, control, now):
            return False
        decision = await self._judge.decide(work, control, now, actor=_ACTOR)
        match holding.outlook(decision, control):
            case Outlook.READY:
                waited = control.state in READY and bool(control.refusals)
                if not waited and not holding.outlives_its_window(decision, control):
                    return True
                await _let_go(work, control, decision, now)
            case Outlook.HELD:
                await _hold(work, control, decision, now)
            case Outlook.OVER:
                await withdraw(work, control, decision.refusals, now)
        return False

    async def may_be_sent(self, work: UnitOfWork, control: EndDeviceControl, now: datetime) -> bool:
        """Return whether what was signed may leave now."""
        if await _has_expired(work, control, now):
            return False
        decision = await self._judge.decide(work, control, now, actor=_ACTOR)
        if decision.allowed:
            return True
        if holding.waits_for_supply(decision):
            due_at = holding.asked_again(now, control.not_after)
            await work.controls.save(replace(control, due_at=due_at))
        else:
            await withdraw(work, control, decision.refusals, now)
        return False

    async def may_be_repeated(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> tuple[EndDeviceControl, bool]:
        """Return the command, and whether it may be sent again: what is out stays out."""
        decision = await self._judge.decide(work, control, now, actor=_ACTOR)
        if decision.allowed:
            return control, True
        refusals = decision.refusals
        detail = f"not sent again: {_codes(refusals)}"
        return await record(
            work, control, Event.POLICY_CHANGED, now, actor=_ACTOR, detail=detail, refusals=refusals
        ), False


async def withdraw(
    work: UnitOfWork,
    control: EndDeviceControl,
    refusals: Sequence[Refusal],
    now: datetime,
    *,
    actor: str = _ACTOR,
) -> None:
    """End a command that was never sent and may not be sent any more."""
    await record(
        work, control, Event.POLICY_CHANGED, now,
        actor=actor, detail=_codes(refusals), refusals=tuple(refusals),
        result=Result.POLICY_CHANGED, due_at=None,
    )  # fmt: skip


async def _has_expired(work: UnitOfWork, control: EndDeviceControl, now: datetime) -> bool:
    if now < control.not_after:
        return False
    await record(work, control, Event.EXPIRED, now, actor=_ACTOR, due_at=None)
    return True


async def _let_go(
    work: UnitOfWork, control: EndDeviceControl, decision: Decision, now: datetime
) -> None:
    changes = holding.ready(decision, control, now)
    if control.state is ControlState.QUARANTINED:
        del changes["refusals"]  # they are the signer's
    detail = ", ".join(decision.codes)
    await record(work, control, Event.ALLOWED, now, actor=RULES, detail=detail, **changes)


async def _hold(
    work: UnitOfWork, control: EndDeviceControl, decision: Decision, now: datetime
) -> None:
    """Let a command wait; that is a step of its life only where it waits for something new."""
    changes = holding.held(decision, control, now)
    codes = _codes(decision.refusals)
    if codes == _codes(control.refusals):
        await work.controls.save(replace(control, **changes))
    else:
        await record(work, control, Event.PENDING, now, actor=RULES, detail=codes, **changes)


def _codes(refusals: Sequence[Refusal]) -> str:
    return ", ".join(refusal.code for refusal in refusals)
