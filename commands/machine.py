"""
The life of a command as a table; `docs/commands.md` draws it.

What is not in the table cannot happen: an event that finds no row is our own mistake. Silence has
a state of its own, UNKNOWN, which only the meter's word ends.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from mdms.domain.controls import READY, ControlState, ControlStep, EndDeviceControl
from mdms.domain.errors import OperatorError


class Event(StrEnum):
    """What can happen to a command."""

    ALLOWED = "allowed"
    PENDING = "pending"
    """Nothing forbids it, but something named is missing: an approval, its turn, its hour."""
    DENIED = "denied"
    APPROVED = "approved"
    SIGNED = "signed"
    QUARANTINED = "quarantined"
    """The signer's breaker is open: held back until two supervisors release it."""
    SENT = "sent"
    PROBED = "probed"
    """The switch state was asked for, because the meter did not answer."""
    COLLECTOR_TOOK = "collector_took"
    COLLECTOR_REFUSED = "collector_refused"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    """Answer, switch and load-side voltage, or silence, are as they must be."""
    REFUSED = "refused"
    """The meter said no, or did not do what it was told."""
    POLICY_CHANGED = "policy_changed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    """A reconnect of the same meter was asked for."""
    GAVE_UP = "gave_up"
    SETTLED = "settled"
    """The meter's word came later."""
    REPORTED = "reported"
    """The meter told of a change by itself: a person pressed the button of an armed one."""
    HEARD = "heard"
    """A radio that must be silent was heard."""


_S, _E = ControlState, Event

_READY_ENDS: Mapping[Event, ControlState] = {
    _E.SIGNED: _S.SIGNED,
    _E.QUARANTINED: _S.QUARANTINED,
    _E.POLICY_CHANGED: _S.CANCELLED,
    _E.CANCELLED: _S.CANCELLED,
    _E.PREEMPTED: _S.CANCELLED,
    _E.EXPIRED: _S.EXPIRED,
}
"""How a command goes on that waits to be signed, however many approved it."""

TRANSITIONS: Mapping[tuple[ControlState, Event], ControlState] = {
    (_S.DRAFT, _E.ALLOWED): _S.POLICY_OK,
    (_S.DRAFT, _E.PENDING): _S.POLICY_OK,
    (_S.DRAFT, _E.DENIED): _S.POLICY_DENIED,
    (_S.POLICY_OK, _E.APPROVED): _S.APPROVED_1,
    (_S.APPROVED_1, _E.APPROVED): _S.APPROVED_2,
    (_S.APPROVED_2, _E.APPROVED): _S.APPROVED_2,
    **{(state, _E.ALLOWED): state for state in sorted(READY)},
    **{(state, _E.PENDING): state for state in sorted(READY)},
    **{(state, event): end for state in sorted(READY) for event, end in _READY_ENDS.items()},
    (_S.QUARANTINED, _E.APPROVED): _S.QUARANTINED,
    (_S.QUARANTINED, _E.ALLOWED): _S.QUARANTINED,
    (_S.QUARANTINED, _E.PENDING): _S.QUARANTINED,
    (_S.QUARANTINED, _E.SIGNED): _S.SIGNED,
    (_S.QUARANTINED, _E.POLICY_CHANGED): _S.CANCELLED,
    (_S.QUARANTINED, _E.CANCELLED): _S.CANCELLED,
    (_S.QUARANTINED, _E.PREEMPTED): _S.CANCELLED,
    (_S.QUARANTINED, _E.EXPIRED): _S.EXPIRED,
    (_S.SIGNED, _E.APPROVED): _S.SIGNED,
    (_S.SIGNED, _E.SENT): _S.SENT,
    (_S.SIGNED, _E.POLICY_CHANGED): _S.CANCELLED,
    (_S.SIGNED, _E.CANCELLED): _S.CANCELLED,
    (_S.SIGNED, _E.PREEMPTED): _S.CANCELLED,
    (_S.SIGNED, _E.EXPIRED): _S.EXPIRED,
    (_S.SENT, _E.SENT): _S.SENT,  # the same bytes, by another collector or again
    (_S.SENT, _E.PROBED): _S.SENT,
    (_S.SENT, _E.COLLECTOR_TOOK): _S.COLLECTOR_ACK,
    (_S.SENT, _E.COLLECTOR_REFUSED): _S.SENT,
    (_S.SENT, _E.ANSWERED): _S.METER_ACK,
    (_S.SENT, _E.REFUSED): _S.FAILED,
    (_S.SENT, _E.POLICY_CHANGED): _S.SENT,  # what is out cannot be taken back: read the switch
    (_S.SENT, _E.PREEMPTED): _S.UNKNOWN,
    (_S.SENT, _E.GAVE_UP): _S.UNKNOWN,
    (_S.COLLECTOR_ACK, _E.SENT): _S.SENT,
    (_S.COLLECTOR_ACK, _E.PROBED): _S.SENT,
    (_S.COLLECTOR_ACK, _E.COLLECTOR_TOOK): _S.COLLECTOR_ACK,
    (_S.COLLECTOR_ACK, _E.COLLECTOR_REFUSED): _S.COLLECTOR_ACK,
    (_S.COLLECTOR_ACK, _E.ANSWERED): _S.METER_ACK,
    (_S.COLLECTOR_ACK, _E.REFUSED): _S.FAILED,
    (_S.COLLECTOR_ACK, _E.POLICY_CHANGED): _S.COLLECTOR_ACK,
    (_S.COLLECTOR_ACK, _E.PREEMPTED): _S.UNKNOWN,
    (_S.COLLECTOR_ACK, _E.GAVE_UP): _S.UNKNOWN,
    (_S.METER_ACK, _E.CONFIRMED): _S.VERIFIED,
    (_S.METER_ACK, _E.REFUSED): _S.FAILED,
    (_S.VERIFIED, _E.REPORTED): _S.VERIFIED,
    (_S.VERIFIED, _E.HEARD): _S.VERIFIED,
    (_S.FAILED, _E.SETTLED): _S.RECONCILED,  # a meter may close hours later, by itself
    (_S.UNKNOWN, _E.SETTLED): _S.RECONCILED,
    (_S.UNKNOWN, _E.ANSWERED): _S.METER_ACK,  # radio_off: the silence is still to come
    (_S.RECONCILED, _E.REPORTED): _S.RECONCILED,
}


class IllegalTransitionError(OperatorError):
    """A command cannot do this from where it is."""


def after(state: ControlState, event: Event) -> ControlState:
    """
    Return the state that an event leads to.

    Raises:
        IllegalTransitionError: It cannot happen in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(f"a command that is {state} cannot be {event}") from None


def advance(
    control: EndDeviceControl,
    event: Event,
    at: datetime,
    *,
    actor: str,
    detail: str = "",
    **changes: Any,
) -> tuple[EndDeviceControl, ControlStep]:
    """
    Return a command after an event, and the step for its history.

    Args:
        control: Before.
        event: What happened.
        at: When.
        actor: Who or what did it.
        detail: For people.
        changes: Other fields of the command that change with it.

    Raises:
        IllegalTransitionError: It cannot happen in this state.
    """
    state = after(control.state, event)
    moved = replace(control, state=state, **changes)
    return moved, ControlStep(control.control_id, 0, at, event, state, actor, detail)


def diagram() -> str:
    """Return the table as a Mermaid state diagram, rows in their order."""
    lines = [f"    {start} --> {end}: {event}" for (start, event), end in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> DRAFT", *lines])
