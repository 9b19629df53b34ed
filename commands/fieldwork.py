"""
What a person must do at a meter: opened with the step that calls for it, closed by the meter.

headend.md 1.5: whatever ends in "field order" there has a row here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from mdms.domain.audit import AuditEntry
from mdms.domain.controls import (
    SWITCHING,
    Action,
    ControlState,
    EndDeviceControl,
    Refusal,
    Result,
    new_id,
)
from mdms.domain.field_orders import FieldOrder
from mdms.ports.unit_of_work import UnitOfWork
from mdms.telemetry import metrics

CLOSED_BY_METER: Final = "meter"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Need:
    """What to do, and whether somebody may get hurt."""

    reason: str
    detail: str
    is_safety: bool = False


_UNKNOWN: Final = Need("SWITCH_UNKNOWN", "look how the switch stands: the meter does not answer")
_FAILED: Final[Mapping[tuple[Action, Result], Need]] = {
    (Action.DISCONNECT, Result.LOAD_SIDE_VOLTAGE): Need(
        "FAILED_WELDED",
        "exchange the meter, with care: it says open, and there is voltage behind it",
        is_safety=True,
    ),
    (Action.DISCONNECT, Result.SWITCH_FAIL_OPEN): Need(
        "FAILED_OPEN", "exchange the meter: its switch does not open"
    ),
    (Action.RECONNECT, Result.SWITCH_FAIL_CLOSE): Need(
        "FAILED_CLOSE", "give the supply back by hand: the switch does not close"
    ),
    (Action.ARM, Result.SWITCH_FAIL_CLOSE): Need(
        "FAILED_CLOSE", "give the supply back by hand: the switch does not close"
    ),
    (Action.RECONNECT, Result.LOAD_SIDE_VOLTAGE): Need(
        "LOAD_SIDE_VOLTAGE",
        "call the customer, find the source: there is voltage behind the open switch",
        is_safety=True,
    ),
    (Action.ARM, Result.LOAD_SIDE_VOLTAGE): Need(
        "LOAD_SIDE_VOLTAGE",
        "call the customer, find the source: there is voltage behind the open switch",
        is_safety=True,
    ),
}
_ANY_FAILED: Final[Mapping[Result, Need]] = {
    Result.SWITCH_LOCKED: Need("SWITCH_LOCKED", "unlock the switch at the meter"),
    Result.HOT: Need("HOT", "go at once: the meter is hot", is_safety=True),
    Result.NO_SWITCH: Need("NO_SWITCH", "look which meter hangs there: it has no switch"),
}
_REFUSED: Final[Mapping[str, Need]] = {
    "RC_LOAD_SIDE": _FAILED[Action.RECONNECT, Result.LOAD_SIDE_VOLTAGE],
    "RC_HOT": _ANY_FAILED[Result.HOT],
    "RC_LOCKED": _ANY_FAILED[Result.SWITCH_LOCKED],
    "RADIO_DISABLED": Need("RADIO_DISABLED", "give the supply back by hand: its radio is off"),
}
"""Codes with which a reconnect is refused that a person must make."""


def needed(control: EndDeviceControl) -> Need | None:
    """Return what somebody must do after a command came to this; None: nothing."""
    if control.action not in SWITCHING:
        return None
    match control.state:
        case ControlState.UNKNOWN if control.result is not Result.PREEMPTED:
            return _UNKNOWN
        case ControlState.FAILED:
            assert control.result is not None, "what failed has a result"
            own = _FAILED.get((control.action, control.result))
            return own or _ANY_FAILED.get(control.result)
        case ControlState.POLICY_DENIED if control.action is not Action.DISCONNECT:
            return of_refusals(control.refusals)
        case _:
            return None


def of_refusals(refusals: Sequence[Refusal]) -> Need | None:
    """Return what a person must do because no command may; None where something else is missing."""
    codes = [refusal.code for refusal in refusals]
    return _REFUSED[codes[0]] if codes and set(codes) <= _REFUSED.keys() else None


async def order(
    work: UnitOfWork, control: EndDeviceControl, need: Need, at: datetime
) -> FieldOrder:
    """Send a person, unless one has been sent for the same already."""
    made = FieldOrder(
        field_order_id=new_id(at),
        badge=control.badge,
        usage_point_id=control.usage_point_id,
        control_id=control.control_id,
        reason=need.reason,
        detail=need.detail,
        is_safety=need.is_safety,
        opened_at=at,
    )
    if await work.field_orders.open(made):
        metrics.COMMAND_FIELD_ORDERS.labels(need.reason).inc()
        level = log.error if need.is_safety else log.warning
        level("command.field_order", reason=need.reason, control_id=str(control.control_id))
        told = {"badge": made.badge, "reason": made.reason, "control": str(control.control_id)}
        subject = str(made.field_order_id)
        work.audit.note(AuditEntry(at, "field_order.opened", subject, "rules", told))
    return made


async def follow_up(work: UnitOfWork, control: EndDeviceControl, at: datetime) -> None:
    """Send a person where a command calls for one; call them back where the meter has spoken."""
    if (need := needed(control)) is not None:
        await order(work, control, need, at)
    if control.state is ControlState.RECONCILED:
        for each in await work.field_orders.of_control(control.control_id):
            if each.closed_at is None and each.reason == _UNKNOWN.reason:
                outcome = "the meter answered"
                await work.field_orders.close(each.field_order_id, at, CLOSED_BY_METER, outcome)
