"""
The gate of every command that moves a switch: policy.md 2.1, and 3.1 Q9 for reconnecting.

What a row passes is known of the meter itself; why a home is cut off is no business of the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mdms.domain.controls import Action, ControlState, EndDeviceControl
from mdms.domain.registry import Commodity
from mdms.policy.case import Case, Row, deny, found, refer, unknown
from mdms.policy.decision import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """
    What every command must meet.

    Attributes:
        approvals: People who must approve, beside the requester.
        pilot_meters_max: Meters that may be enrolled.
        heard_hours_max: A meter that was not heard for longer cannot be reached.
        blocked_models: Models whose switch must not be moved.
        protected: Flags of a premise whose supply is not cut from afar.
    """

    approvals: int
    pilot_meters_max: int
    heard_hours_max: int
    blocked_models: tuple[str, ...]
    protected: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFacts:
    """
    What is known of a meter and its premise.

    Attributes:
        installed: The same device still sits at the usage point for which the command was made.
        radio_on: It transmits: neither silenced, nor off or absent in the registry.
        heard_at: When it was last heard; None: never.
        outage: Its supply failed.
        opted_out: An opt-out is in force.
        premise_flags: Flags of the premise; None: not known.
        others: The meter's other commands that have not been resolved.
        remote_open: Setting [commands] remote_open.
    """

    commodity: Commodity
    model: str
    transformer_id: str
    installed: bool
    has_switch: bool
    pilot: bool
    radio_on: bool
    heard_at: datetime | None
    outage: bool
    opted_out: bool
    premise_flags: tuple[str, ...] | None
    others: tuple[EndDeviceControl, ...] = ()
    remote_open: bool


MeterCase = Case[MeterFacts, GateRules]

NO_SUPPLY: Final = deny("RD_BUSY", "G5", "wait until the supply is back: the meter has none")
"""An outage refuses what is asked for; what is in hand already waits for its end, and expires."""


def judge_open(case: MeterCase) -> list[Finding]:
    """Return every failing row before an open: G1 to G3 and G5; the rest has modules of its own."""
    return [*found(_OPEN, case), *busy(Action.DISCONNECT, case.facts.others)]


def judge_close(case: MeterCase, action: Action) -> list[Finding]:
    """Return every failing row before a close, or arming: a person is sent where radio fails."""
    assert action in {Action.RECONNECT, Action.ARM}, "an open has more to pass"
    return [*found(_CLOSE, case), *busy(action, case.facts.others)]


def protected(case: MeterCase, verdict: Verdict) -> Finding | None:
    """Return G8: denied for non-payment, referred for any other reason."""
    code, clause = "RD_MEDICAL", "10010(b)(3)"
    if case.facts.premise_flags is None:
        return unknown(code, clause, "premise_flags")
    flags = sorted(set(case.rules.protected).intersection(case.facts.premise_flags))
    if not flags:
        return None
    cure = f"the premise is marked {', '.join(flags)}: a supervisor must clear that first"
    return Finding(verdict, code, clause, cure)


def preempted(action: Action, others: Sequence[EndDeviceControl]) -> list[EndDeviceControl]:
    """Return the commands that this one ends: a reconnect wins over a disconnect in hand."""
    return [other for other in others if action is Action.RECONNECT and _gives_way(other)]


def busy(action: Action, others: Sequence[EndDeviceControl]) -> list[Finding]:
    """
    Return whether another command is in the way: G5.

    One command a meter at a time: a later counter that arrives first would make the meter refuse
    the earlier one. An outcome that is not known bars only a second open.
    """
    gone = preempted(action, others)
    bars = [
        other
        for other in others
        if other not in gone
        and (other.state is not ControlState.UNKNOWN or action is Action.DISCONNECT)
    ]
    if not bars:
        return []
    in_hand = [other for other in bars if other.state is not ControlState.UNKNOWN]
    if not in_hand:  # no time ends that: any word of the meter does
        cure = "ask the meter how its switch stands: `mdms command ping METER`"
        return [deny("RD_BUSY", "G5", f"the outcome of {bars[-1].control_id} is unknown; {cure}")]
    last = max(in_hand, key=lambda other: other.not_after)
    cure = f"wait for {last.action} {last.control_id}, or cancel it"
    return [deny("RD_BUSY", "G5", cure, _ended_at_latest(last))]


def _gives_way(other: EndDeviceControl) -> bool:
    return other.action is Action.DISCONNECT and other.state is not ControlState.UNKNOWN


def _ended_at_latest(control: EndDeviceControl) -> datetime | None:
    silence = control.state is ControlState.METER_ACK
    return control.due_at if silence else control.not_after


def _remote_open_off(case: MeterCase) -> Finding | None:
    if case.facts.remote_open:
        return None
    return deny(
        "REMOTE_OPEN_OFF",
        "[commands] remote_open",
        "an administrator sets [commands] remote_open = true and restarts the daemon",
    )


def _not_electric(case: MeterCase) -> Finding | None:
    """G1."""
    if case.facts.commodity is Commodity.ELECTRIC:
        return None
    cure = f"only electric meters are switched remotely; {case.facts.commodity} needs a field order"
    return deny("RD_NOT_ELECTRIC", "RD title, R9.E", cure)


def _no_switch(case: MeterCase) -> Finding | None:
    """G2."""
    if case.facts.has_switch:
        return None
    cure = "send a field order, or exchange the meter for one with a switch"
    return deny("RD_NO_SWITCH", "RD-I", cure)


def _not_pilot(case: MeterCase) -> Finding | None:
    """G2."""
    if case.facts.pilot:
        return None
    return deny("RD_NOT_PILOT", "RD-I", "send a field order, or enrol the premise in the pilot")


def _blocked(case: MeterCase) -> Finding | None:
    """G2."""
    if case.facts.model not in case.rules.blocked_models:
        return None
    return deny("RD_BLOCKED", "RD-I", f"no switch of model {case.facts.model} is moved from afar")


def _radio(case: MeterCase) -> Finding | None:
    """G3."""
    code, clause = "RADIO_DISABLED", "G3, headend 2.7"
    if not case.facts.radio_on:
        cure = "a meter with its radio off cannot confirm: send a field order, or end the opt-out"
        return deny(code, clause, cure)
    heard = case.facts.heard_at
    silent = timedelta(hours=case.rules.heard_hours_max)
    if heard is None or not (case.later or case.at - heard <= silent):
        return deny(code, clause, "the meter is not heard: send a field order")
    return None


def meter_changed(case: MeterCase) -> Finding | None:
    """G3."""
    if case.facts.installed:
        return None
    cure = "the meter at the premise is another one now; look it up and make a new command"
    return deny("METER_CHANGED", "G3", cure)


def _outage(case: MeterCase) -> Finding | None:
    """G5."""
    return NO_SUPPLY if case.facts.outage else None


def _radio_off(case: MeterCase) -> Finding | None:
    """Q9: never silently wait for a meter that hears nothing."""
    if case.facts.radio_on:
        return None
    return refer("RADIO_DISABLED", "Q9", "send a person: its radio is off")


_OPEN: Final[tuple[Row[MeterFacts, GateRules], ...]] = (
    _remote_open_off,
    _not_electric,
    _no_switch,
    _not_pilot,
    _blocked,
    _radio,
    meter_changed,
    _outage,
)

_CLOSE: Final[tuple[Row[MeterFacts, GateRules], ...]] = (
    _not_electric,
    _no_switch,
    _blocked,
    _radio_off,
    meter_changed,
)
