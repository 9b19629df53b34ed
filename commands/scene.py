"""
What we know ourselves when a command is judged: its meter, its switch, its people, the budgets.

The statements of the customer system are not here: `commands.judgement` adds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mdms.domain.audit import Value
from mdms.domain.controls import (
    READY,
    SWITCHING,
    UNRESOLVED,
    WAITING,
    Action,
    ControlApproval,
    ControlState,
    EndDeviceControl,
    Result,
    SwitchPosition,
)
from mdms.domain.registry import Radio
from mdms.domain.time import Period
from mdms.policy import reasons
from mdms.policy.assembly import SwitchFacts
from mdms.policy.budgets import DAY, Opening, Spending
from mdms.policy.engine import CommandFacts
from mdms.policy.gate import MeterFacts
from mdms.policy.proposal import Approval, Proposal
from mdms.policy.reasons import Path
from mdms.policy.rulebook import Rules
from mdms.ports.standing import Standing
from mdms.ports.unit_of_work import UnitOfWork

_MARGIN: Final = timedelta(minutes=2)
"""The signer counts by its own clock, which may be a minute behind ours, and trips on one too
many: an open is thought to have been made a little later than it was."""

_USE_UNTIL: Final = timedelta(hours=6)
"""Younger reads may not have come yet."""
_USE_SPAN: Final = timedelta(hours=24)
_USE_KNOWN: Final = 0.9
"""Share of a day's reads without which nobody knows whether a home is lived in."""
_SILENT_AFTER: Final = timedelta(days=3)
"""Older stamps of a meter are not looked for: it is not heard."""

_NOT_SIGNED: Final = READY | {ControlState.DRAFT, ControlState.QUARANTINED}


@dataclass(frozen=True, slots=True)
class Scene:
    """
    A command at the moment of judging.

    Attributes:
        others: The meter's other commands, oldest first.
        standing: How the meter stands; None: it is installed nowhere.
        approvals: Who approved the command.
    """

    work: UnitOfWork
    control: EndDeviceControl
    others: Sequence[EndDeviceControl]
    standing: Standing | None
    approvals: Sequence[ControlApproval]
    rules: Rules
    now: datetime

    @classmethod
    async def at(
        cls, work: UnitOfWork, control: EndDeviceControl, rules: Rules, now: datetime
    ) -> "Scene":
        """Look around a command."""
        found = await work.standing.around(
            control.badge, control.control_id, now, now - _SILENT_AFTER
        )
        others = [each for each in found.commands if each.control_id != control.control_id]
        return cls(work, control, others, found.standing, found.approvals, rules, now)

    def meter(self, *, remote_open: bool) -> MeterFacts:
        """Return what the gate asks for."""
        control, standing = self.control, self.standing
        unresolved = tuple(each for each in self.others if each.state in UNRESOLVED)
        if standing is None:
            return MeterFacts(
                commodity=control.commodity,
                model="",
                transformer_id="",
                installed=False,  # which says it all
                has_switch=True,
                pilot=True,
                radio_on=True,
                heard_at=self.now,
                outage=False,
                opted_out=False,
                premise_flags=(),
                others=unresolved,
                remote_open=remote_open,
            )
        meter = standing.place.meter
        heard_at = _latest(standing.heard_at, *(each.answered_at for each in self.others))
        return MeterFacts(
            commodity=control.commodity,
            model=meter.model,
            transformer_id=standing.transformer_id,
            installed=(meter.serial, meter.radio_id, meter.usage_point_id)
            == (control.serial, control.radio_id, control.usage_point_id),
            has_switch=meter.has_switch,
            pilot=meter.pilot,
            radio_on=meter.radio is Radio.ON and not standing.silent,
            heard_at=heard_at,
            outage=_is_last(standing.failed_at, standing.restored_at, heard_at),
            opted_out=standing.opted_out,
            premise_flags=standing.place.premise_flags,
            others=unresolved,
            remote_open=remote_open,
        )

    async def switch(self) -> SwitchFacts:
        """Return what is known of the switch, as far as it will be asked for."""
        if self.control.action not in SWITCHING:
            return SwitchFacts()
        standing = self.standing
        refused = self._refused()
        hot = standing is not None and _is_last(standing.hot_at, standing.cooled_at)
        return SwitchFacts(
            opened_by=opened_by(self.others),
            load_side_voltage=self._load_side_voltage(),
            hot=hot or refused is Result.HOT,
            refused=refused,
            in_use=await self._in_use(),
        )

    def proposal(self) -> Proposal:
        """Return who asked, and who approved."""
        control = self.control
        return Proposal(
            requested_by=control.requested_by,
            requested_at=control.requested_at,
            role=control.role,
            approvals=tuple(Approval(each.name, each.role, each.at) for each in self.approvals),
            evidence=control.evidence,
            item=control.item,
        )

    async def spending(self) -> Spending:
        """
        Return what an open that is not signed yet must find room in; what was signed has its room.

        Whether the breaker fell, the signer alone knows, and says so when it is asked.
        """
        control = self.control
        if control.action is not Action.DISCONNECT or control.state not in _NOT_SIGNED:
            return Spending(made=(), open_count=0, switch_count=1)
        count = await self.work.standing.open_count(self.now, control.badge)
        immediate = is_immediate(control.cause)
        made = [
            # For the signer a hazard counts among all others, too.
            Opening(
                each.signed_at + _MARGIN,
                each.transformer_id,
                immediate and is_immediate(each.cause),
            )
            for each in await self.work.standing.opens(self.now - DAY - _MARGIN)
        ]
        return Spending(made=made, open_count=count.open_count, switch_count=count.switch_count)

    def _load_side_voltage(self) -> bool | None:
        told = next((each for each in reversed(self.others) if each.switch is not None), None)
        answered_at = None if told is None else told.answered_at
        if self.standing is not None and _is_last(self.standing.load_side_at, answered_at):
            return True
        if told is None or told.switch is SwitchPosition.CLOSED:
            return None
        # A meter that refused because of it may not set the bit; only a later word says it is gone.
        return told.result is Result.LOAD_SIDE_VOLTAGE or told.load_side_voltage

    def _refused(self) -> Result | None:
        """Return how the last command to close ended, if it failed."""
        closing = SWITCHING - {Action.DISCONNECT}
        last = next((each for each in reversed(self.others) if each.action in closing), None)
        return last.result if last is not None and last.state is ControlState.FAILED else None

    async def _in_use(self) -> bool | None:
        """Return whether more than standby was used for a day; None: too few reads are there."""
        is_open = self.control.action is Action.DISCONNECT
        if not is_open or reasons.PATHS.get(self.control.cause) is not Path.MOVE_OUT:
            return None
        end = self.now - _USE_UNTIL
        day = Period(end - _USE_SPAN, end)
        used_wh, covered_s = await self.work.standing.used(self.control.badge, day)
        if covered_s < _USE_SPAN.total_seconds() * _USE_KNOWN:
            return None
        return used_wh * 3600 > self.rules.move_out.standby_w * covered_s


def opened_by(commands: Sequence[EndDeviceControl]) -> EndDeviceControl | None:
    """
    Return the command by which a meter's switch stands open, or may; None: nobody knows of one.

    Args:
        commands: A meter's, oldest first.
    """
    for each in reversed(commands):
        if each.switch is SwitchPosition.CLOSED:
            return None
        if each.action is Action.DISCONNECT and _may_have_opened(each):
            return each
    return None


def _may_have_opened(control: EndDeviceControl) -> bool:
    """Return whether it was sent, or would be, were it not for the reconnect that is judged."""
    waits = control.state in WAITING or control.result is Result.PREEMPTED
    return waits or control.sent_at is not None


def is_immediate(cause: str) -> bool:
    """Return whether a disconnect for this cause needs neither notice nor window."""
    return reasons.PATHS.get(cause) is Path.IMMEDIATE


def known(meter: MeterFacts, switch: SwitchFacts, facts: CommandFacts) -> dict[str, Value]:
    """Return what a command was judged by, as far as it was ours, as the audit keeps it."""
    opened = switch.opened_by
    return {
        "installed": meter.installed,
        "pilot": meter.pilot,
        "radio_on": meter.radio_on,
        "heard_at": None if meter.heard_at is None else meter.heard_at.isoformat(),
        "outage": meter.outage,
        "others": [str(each.control_id) for each in meter.others],
        "opened_by": None if opened is None else str(opened.control_id),
        "load_side_voltage": switch.load_side_voltage,
        "hot": switch.hot,
        "in_use": switch.in_use,
        "approved_by": [*sorted(facts.proposal.approvers())],
        "opens_counted": len(facts.spending.made),
        "switches_open": facts.spending.open_count,
    }


def _latest(*times: datetime | None) -> datetime | None:
    heard = [time for time in times if time is not None]
    return max(heard) if heard else None


def _is_last(at: datetime | None, *others: datetime | None) -> bool:
    """Return whether something happened, and none of the others after it."""
    return at is not None and all(other is None or other < at for other in others)
