"""
Radios that must be silent for an opt-out, or heard again after one: asked for until they are.

Who opted out has a right to silence, and who opted back in to be heard, also where towers are out
of reach or an answer was lost: so the same request is made again, with a new counter, until the
meter has said yes, or it is clear that a person must go there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from commands import fieldwork
from commands.fieldwork import Need
from commands.requests import ControlRequests, Request
from mdms.domain.controls import Action, ControlState, EndDeviceControl, Optout, Result
from mdms.domain.errors import OperatorError
from mdms.domain.programme import RADIO_PAUSE
from mdms.domain.quiet import Quiet
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

ACTOR: Final = "opt-out programme"
REQUESTS_MAX: Final = 5
"""A meter that has not answered for a day and a half needs a person: a field order is opened."""
_LOOK_PERIOD: Final = timedelta(hours=3)
_OPEN_STILL: Final = frozenset(
    {
        ControlState.FAILED,
        ControlState.EXPIRED,
        ControlState.UNKNOWN,
        ControlState.RECONCILED,
    }
)
"""How a radio-off ends that leaves the opt-out without effect."""

_NEEDS: Final = {
    Action.RADIO_OFF: Need(
        "RADIO_STILL_ON",
        "switch the radio off at the meter: its customer opted out, and no command reaches it",
    ),
    Action.RADIO_ON: Need(
        "RADIO_STILL_OFF",
        "switch the radio on at the meter: its customer opted in, and no command reaches it",
    ),
}
"""What a person does after the last request came to nothing."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A radio that is not as an opt-out, or its end, wants it."""

    action: Action
    badge: str
    cause: str
    since: datetime
    reason: str


class OptoutRadios:
    """
    Sees to it that radios fall silent for opt-outs, and come back when these have ended.

    What someone cancelled stays cancelled, and who was refused knows why. A battery meter whose
    radio is off hears nothing: that it comes back is a person's task.

    Args:
        unit_of_work: Opens a transaction.
        requests: Where commands are asked for, by the same rules as everybody's.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, requests: ControlRequests) -> None:
        self._unit_of_work = unit_of_work
        self._requests = requests
        self._quiet = Quiet()

    def wake(self) -> None:
        """Look at once: an opt-out has begun or ended."""
        self._quiet.disturb()

    async def run_due(self, now: datetime) -> int:
        """
        Ask for what is due, and return how many requests the rules allowed.

        Raises:
            UnavailableError: The database is away; what was not asked for stays due.
        """
        if self._quiet.lasts(now):
            return 0
        self._quiet.begin()
        async with self._unit_of_work() as work:
            waiting = await work.optouts.unsilenced(now)
            wanted = [_off(each) for each in waiting]
            wanted += [_on(each) for each in await work.optouts.silenced_still()]
            due = [(request, at) for each in wanted for request, at in await _next(work, each)]
            given_up = [await _send_a_person(work, each, now) for each in wanted]
        metrics.COMMAND_RADIOS_UNSILENCED.set(len(waiting))
        asked = [await self._ask(request) for request, at in due if at <= now]
        later = [at for at in (*given_up, *(at for _, at in due)) if at is not None and at > now]
        self._quiet.until(now + _LOOK_PERIOD, later)
        return sum(asked)

    async def _ask(self, request: Request) -> bool:
        try:
            await self._requests.request(request, ACTOR)
        except OperatorError as error:  # refused: on file with its reasons, and tried again later
            log.warning("optout.radio.refused", detail=str(error))
            return False
        return True


def _off(optout: Optout) -> _Wanted:
    return _Wanted(
        Action.RADIO_OFF,
        optout.badge,
        "OPT_OUT",
        optout.requested_at,
        f"opt-out {optout.optout_id}",
    )


def _on(optout: Optout) -> _Wanted:
    assert optout.ended_at is not None, "it has ended"
    return _Wanted(
        Action.RADIO_ON,
        optout.badge,
        "OPT_IN",
        optout.ended_at,
        f"opt-out {optout.optout_id} ended",
    )


async def _next(work: UnitOfWork, wanted: _Wanted) -> list[tuple[Request, datetime]]:
    """Return the next request for a radio and when it is due; none where it is not for us."""
    asked = await _asked(work, wanted)
    if not asked:
        first = Request(
            action=wanted.action, meter=wanted.badge, cause=wanted.cause, reason=wanted.reason
        )
        return [(first, wanted.since)]
    if len(asked) >= REQUESTS_MAX or not _came_to_nothing(asked):
        return []
    last = asked[-1]
    again = Request(
        action=last.action,
        meter=last.badge,
        cause=last.cause,
        order=last.order,
        reason=f"again: {last.control_id} ended {last.state}",
    )
    return [(again, last.requested_at + RADIO_PAUSE)]


async def _send_a_person(work: UnitOfWork, wanted: _Wanted, now: datetime) -> datetime | None:
    """
    Open a field order, once, where the last request came to nothing.

    Returns:
        When that is due; None where requests are still made, or need not be.
    """
    asked = await _asked(work, wanted)
    if len(asked) < REQUESTS_MAX or not _came_to_nothing(asked):
        return None
    last, need = asked[-1], _NEEDS[wanted.action]
    at = last.requested_at + RADIO_PAUSE
    sent = await work.field_orders.of_control(last.control_id)
    if at <= now and need.reason not in {each.reason for each in sent}:
        await fieldwork.order(work, last, need, now)
    return at


async def _asked(work: UnitOfWork, wanted: _Wanted) -> list[EndDeviceControl]:
    """Return what was asked of a radio since it was wanted, oldest first."""
    return [
        control
        for control in await work.controls.of_meter(wanted.badge)
        if control.action is wanted.action and control.requested_at >= wanted.since
    ]


def _came_to_nothing(asked: Sequence[EndDeviceControl]) -> bool:
    last = asked[-1]
    withdrawn = last.state is ControlState.CANCELLED and last.result is Result.POLICY_CHANGED
    refused = last.state is ControlState.POLICY_DENIED and last.requested_by == ACTOR
    return withdrawn or refused or last.state in _OPEN_STILL
