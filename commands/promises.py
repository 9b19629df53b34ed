"""
The clock of reconnects: who has met every condition has the supply back within a business day.

It runs from the last condition met until the meter shows that it is closed, whatever became of
commands on the way: refused, lost, or never made because we were killed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from commands import fieldwork
from commands.fieldwork import Need
from commands.judgement import Judge
from commands.reactions import ACTOR, CAUSE, Reactions
from commands.scene import opened_by
from mdms.domain.controls import Action, ControlState, EndDeviceControl, SwitchPosition, new_id
from mdms.policy import reconnect
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

_UNMET: Final = frozenset({"RC_CAUSE", "RC_BALANCE_DUE", "RC_NO_ACCOUNT", "RC_SAFETY"})
"""With one of these, nothing is owed to the customer yet."""
_TOO_LATE: Final = Need(
    "RC_FIELD", "give the supply back by hand: every condition is met, and no command came through"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Owed:
    """A home that waits for its supply."""

    opened: EndDeviceControl
    met_at: datetime
    deadline: datetime


class ReconnectClock:
    """
    Looks after homes that wait for their supply.

    Args:
        unit_of_work: Opens a transaction.
        judge: Knows the rules.
        reactions: Reconnects those that are reconnected without being asked.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, judge: Judge, reactions: Reactions) -> None:
        self._unit_of_work = unit_of_work
        self._judge = judge
        self._reactions = reactions
        self._alarmed: frozenset[str] = frozenset()

    async def owed(self, work: UnitOfWork, badges: Sequence[str], now: datetime) -> list[Owed]:
        """Return what is owed to whoever lives behind open switches (`Watched.open`)."""
        found = [await self._owed(work, badge, now) for badge in badges]
        return [each for each in found if each is not None]

    async def keep(self, owed: Sequence[Owed], now: datetime) -> None:
        """
        Reconnect, alarm, and send people, as it is time for each.

        Raises:
            UnavailableError: The database is away; what was not done stays due.
        """
        late: set[str] = set()
        for each in owed:
            await self._reactions.restore(each.opened.badge)
            if await self._is_late(each, now):
                late.add(each.opened.badge)
        for badge in late - self._alarmed:
            log.error("command.reconnect.late", badge=badge)
        self._alarmed = frozenset(late)
        metrics.COMMAND_RECONNECTS_WAITING.set(len(owed))
        metrics.COMMAND_RECONNECTS_LATE.set(len(late))
        metrics.COMMAND_RECONNECTS_OVERDUE.set(sum(each.deadline <= now for each in owed))

    async def _owed(self, work: UnitOfWork, badge: str, now: datetime) -> Owed | None:
        """Return what is owed to whoever lives behind a meter; None: nothing yet."""
        commands = await work.controls.of_meter(badge)
        if any(each.switch is SwitchPosition.ARMED for each in commands[-1:]):
            return None  # it is for the person at the meter to press the button
        opened = opened_by(commands)
        if opened is None or opened.sent_at is None:
            return None
        judgement = await self._judge.judge(work, _reconnect_of(opened, now), now)
        met_at, deadline = judgement.met_at, judgement.decision.deadline
        if met_at is None or deadline is None or _UNMET.intersection(judgement.decision.codes):
            return None
        return Owed(opened, met_at, deadline)

    async def _is_late(self, owed: Owed, now: datetime) -> bool:
        """Return whether somebody is alarmed; send a person where that did not help."""
        finding = reconnect.overdue(owed.met_at, now, self._judge.rules(now).reconnect)
        if finding is not None and finding.code == _TOO_LATE.reason:
            async with self._unit_of_work() as work:
                await fieldwork.order(work, owed.opened, _TOO_LATE, now)
        return finding is not None


def _reconnect_of(opened: EndDeviceControl, now: datetime) -> EndDeviceControl:
    """Return the reconnect that would undo an open, to be judged and never stored."""
    return replace(
        opened,
        control_id=new_id(now),
        action=Action.RECONNECT,
        cause=CAUSE,
        requested_by=ACTOR,
        requested_at=now,
        state=ControlState.DRAFT,
    )
