"""
What follows at once from a statement of the customer system.

A disconnect that waits and is forbidden by now ends before the statement is answered; who was cut
off for non-payment and has met every condition gets the supply back without anybody asking.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Final

import structlog

from commands import fieldwork, holding
from commands.clearance import withdraw
from commands.holding import Outlook
from commands.judgement import Judge
from commands.requests import ControlRequests, Request
from commands.scene import opened_by
from mdms.domain.controls import SWITCHING, UNRESOLVED, WAITING, Action, ControlState
from mdms.domain.errors import OperatorError
from mdms.domain.facts import Subject
from mdms.policy import reasons
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory

ACTOR: Final = "policy"
"""Who asks for a reconnect that nobody asked for."""
CAUSE: Final = "PAID"

log = structlog.get_logger()


class Reactions:
    """
    Draws the consequences of statements.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times what is done.
        judge: Knows the rules.
        requests: Where reconnects are asked for, by the same rules as everybody's.
        auto_reconnect: Setting [commands] auto_reconnect.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        judge: Judge,
        requests: ControlRequests,
        *,
        auto_reconnect: bool,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._judge = judge
        self._requests = requests
        self._auto_reconnect = auto_reconnect

    async def on_facts(self, affected: Collection[tuple[Subject, str]]) -> None:
        """
        React to new statements about these subjects.

        How far a feed has come changes nothing by itself: it is read before each sending.
        """
        now = self._clock.now()
        badges: set[str] = set()
        async with self._unit_of_work() as work:
            for subject, subject_id in affected:
                if subject is not Subject.UTILITY:
                    badges.update(await work.standing.badges(subject.value, subject_id, now))
        for badge in sorted(badges):
            await self._void(badge)
            await self.restore(badge)

    async def restore(self, badge: str) -> bool:
        """Reconnect a meter that was opened for non-payment if every condition is met."""
        if not self._auto_reconnect or not await self._stands_open(badge):
            return False
        reason = "all conditions are met"
        request = Request(action=Action.RECONNECT, meter=badge, cause=CAUSE, reason=reason)
        try:
            await self._requests.request(request, ACTOR, dry_run=True)
            await self._requests.request(request, ACTOR)
        except PolicyRefusedError as refused:
            await self._send_somebody(request, refused)
            return False
        except OperatorError as error:  # it stays open: the clock of reconnects asks again
            log.warning("command.restore.failed", error=str(error))
            return False
        return True

    async def _send_somebody(self, request: Request, refused: PolicyRefusedError) -> None:
        """Put a refusal on file, once, where a person must do what no command may."""
        if fieldwork.of_refusals(refused.refusals) is None:
            return
        async with self._unit_of_work() as work:
            *_, last = await work.controls.of_meter(request.meter)
        if last.requested_by == ACTOR and last.refusals == refused.refusals:
            return
        log.warning("command.restore.refused", codes=[each.code for each in refused.refusals])
        with suppress(PolicyRefusedError):
            await self._requests.request(request, ACTOR)

    async def _void(self, badge: str) -> None:
        now = self._clock.now()
        async with self._unit_of_work() as work:
            await work.controls.lock_meter(badge)
            for each in await work.controls.of_meter(badge):
                if each.action is not Action.DISCONNECT or each.state not in WAITING:
                    continue
                control = await work.controls.lock(each.control_id)
                if control is None or control.state not in WAITING:
                    continue  # it was sent, or ended, while we waited for it
                decision = await self._judge.decide(work, control, now, actor=ACTOR)
                if holding.outlook(decision, control) is Outlook.OVER:
                    await withdraw(work, control, decision.refusals, now, actor=ACTOR)

    async def _stands_open(self, badge: str) -> bool:
        """Return whether non-payment opened a switch, and nobody is about to close it."""
        async with self._unit_of_work() as work:
            commands = await work.controls.of_meter(badge)
        opened = opened_by(commands)
        if opened is None or opened.sent_at is None or opened.cause != reasons.NONPAY:
            return False
        closing = SWITCHING - {Action.DISCONNECT}
        after = [each for each in commands if each.control_id > opened.control_id]
        return not any(
            each.action in closing
            and (each.state in UNRESOLVED - {ControlState.UNKNOWN} or each.switch is not None)
            for each in after
        )
