"""
Which commands the rules allow: policy.md 2.1 (gate of every remote open) and 1.3 (radios).

Pure: facts in, every failing code out, each with its clause and its cure; nothing failing means
allowed. What is not known to be allowed is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mdms.domain.controls import SWITCHING, Action, ControlState, EndDeviceControl, Refusal
from mdms.domain.registry import Commodity

DISCONNECT_CAUSES: Final = ("MOVE_OUT", "NONPAY", "HAZARD", "ADVERSE_LOAD", "THEFT")
"""The reasons of policy.md 2.2 that a remote open may have."""

PROTECTED: Final = frozenset({"life_support", "medical", "fire_alarm", "elevator"})
"""Flags of a premise whose supply is never cut from afar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFacts:
    """
    What is known of a meter and its premise at the moment of judging.

    Attributes:
        installed: The same device still sits at the usage point for which the command was made.
        radio_on: Its radio transmits: neither silenced, nor off or absent in the registry.
        opted_out: An opt-out is in force.
        others: The meter's other commands that have not been resolved.
        remote_open: Setting [commands] remote_open.
    """

    commodity: Commodity
    installed: bool
    has_switch: bool
    pilot: bool
    radio_on: bool
    opted_out: bool
    premise_flags: tuple[str, ...]
    others: tuple[EndDeviceControl, ...]
    remote_open: bool


Rule = Callable[[str, ControlFacts], Refusal | None]
"""Takes the cause and the facts; returns why not, or None."""


def judge(action: Action, cause: str, facts: ControlFacts) -> tuple[Refusal, ...]:
    """
    Return every reason why a command is forbidden, in the order of the rules; none: allowed.

    Args:
        action: What is asked for.
        cause: Why; for a disconnect one of DISCONNECT_CAUSES.
        facts: What is known now. Judge again with fresh facts before anything is sent.

    Source:
        policy.md 2.1 (G1-G8), 1.3; headend.md 2.7.
    """
    found = (rule(cause, facts) for rule in _RULES[action])
    return (*(refusal for refusal in found if refusal), *_busy(action, facts))


def _remote_open_off(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.remote_open:
        return None
    return Refusal(
        "REMOTE_OPEN_OFF",
        "[commands] remote_open",
        "an administrator sets [commands] remote_open = true and restarts the daemon",
    )


def _not_electric(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.commodity is Commodity.ELECTRIC:
        return None
    return Refusal(
        "RD_NOT_ELECTRIC",
        "RD title, R9.E",
        f"only electric meters are switched remotely; {facts.commodity} needs a field order",
    )


def _no_switch(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.has_switch:
        return None
    return Refusal(
        "RD_NO_SWITCH", "RD-I", "send a field order, or exchange the meter for one with a switch"
    )


def _not_pilot(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.pilot:
        return None
    return Refusal("RD_NOT_PILOT", "RD-I", "send a field order, or enrol the premise in the pilot")


def _protected(_cause: str, facts: ControlFacts) -> Refusal | None:
    flags = sorted(PROTECTED.intersection(facts.premise_flags))
    if not flags:
        return None
    return Refusal(
        "RD_MEDICAL",
        "X2 10010(b)(3)",
        f"the premise is marked {', '.join(flags)}; a supervisor must clear that first",
    )


def _reason(cause: str, _facts: ControlFacts) -> Refusal | None:
    if cause in DISCONNECT_CAUSES:
        return None
    return Refusal(
        "RD_REASON", "RD-II, R9.E.1", f"name a cause that allows it: {', '.join(DISCONNECT_CAUSES)}"
    )


def _radio_disabled(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.radio_on:
        return None
    return Refusal(
        "RADIO_DISABLED",
        "headend 2.7",
        "the meter cannot confirm with its radio off; send a field order, or end the opt-out first",
    )


def _meter_changed(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.installed:
        return None
    return Refusal(
        "METER_CHANGED",
        "G3",
        "the meter at the premise is another one now; look it up and make a new command",
    )


def _radio_water(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.commodity is not Commodity.WATER:
        return None
    return Refusal(
        "RADIO_WATER", "OO-III, SR", "none: the radio of a water meter may not be switched off"
    )


def _no_optout(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.opted_out:
        return None
    return Refusal(
        "RADIO_NO_OPTOUT", "OO-II", "file the customer's opt-out first: `mdms optout enrol METER`"
    )


def _still_opted_out(_cause: str, facts: ControlFacts) -> Refusal | None:
    if not facts.opted_out:
        return None
    return Refusal(
        "RADIO_OPTED_OUT", "OO-IV.2", "the customer must opt in first: `mdms optout end METER`"
    )


def _no_receiver(_cause: str, facts: ControlFacts) -> Refusal | None:
    if facts.commodity is Commodity.ELECTRIC or facts.radio_on:
        return None
    return Refusal(
        "RADIO_FIELD",
        "OO-IV.2, SR",
        "a battery meter whose radio is off hears nothing: send a field order, then "
        "`mdms optout end METER --field-order ...`",
    )


_SWITCHED: tuple[Rule, ...] = (_not_electric, _no_switch, _radio_disabled, _meter_changed)

_RULES: dict[Action, Sequence[Rule]] = {
    Action.DISCONNECT: (_remote_open_off, *_SWITCHED, _not_pilot, _protected, _reason),
    Action.RECONNECT: _SWITCHED,
    Action.ARM: _SWITCHED,
    Action.RADIO_OFF: (_radio_water, _no_optout, _radio_disabled, _meter_changed),
    Action.RADIO_ON: (_still_opted_out, _no_receiver, _meter_changed),
    Action.READ: (_radio_disabled, _meter_changed),
    Action.PING: (_radio_disabled, _meter_changed),
}


def preempted(action: Action, others: Sequence[EndDeviceControl]) -> list[EndDeviceControl]:
    """Return the commands that this one ends: a reconnect wins over a disconnect in hand."""
    return [other for other in others if action is Action.RECONNECT and _gives_way(other)]


def _gives_way(other: EndDeviceControl) -> bool:
    return other.action is Action.DISCONNECT and other.state is not ControlState.UNKNOWN


def _busy(action: Action, facts: ControlFacts) -> list[Refusal]:
    """
    Return whether another command is in the way.

    One command a meter at a time: a later counter that arrives first would make the meter refuse
    the earlier one. An outcome that is not known bars only a second open.
    """
    bars = [
        other
        for other in facts.others
        if other not in preempted(action, facts.others)
        and (other.state is not ControlState.UNKNOWN or action is Action.DISCONNECT)
    ]
    if not bars:
        return []
    if all(other.state is ControlState.UNKNOWN and other.action in SWITCHING for other in bars):
        cure = "ask the meter how its switch stands: `mdms command ping METER`"
        return [
            Refusal("RD_BUSY", "G5", f"the outcome of {bars[-1].control_id} is unknown; {cure}")
        ]
    return [_wait_for(bars)]


def _wait_for(bars: Sequence[EndDeviceControl]) -> Refusal:
    last = max(bars, key=lambda other: other.not_after)
    cure = f"wait for {last.action} {last.control_id}, or cancel it"
    return Refusal("RD_BUSY", "G5", cure, _ended_at_latest(last))


def _ended_at_latest(control: EndDeviceControl) -> datetime | None:
    silence = control.state is ControlState.METER_ACK
    return control.due_at if silence else control.not_after
