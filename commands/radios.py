"""
Radios that must be silent for an opt-out, and are not known to be: asked for again.

A radio-off may end in not knowing: towers out of reach, an answer lost. Who opted out has a right
to it all the same, so the same request is made again, with a new counter, until the meter has said
yes and kept silent, or it is clear that a person must go there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from commands.requests import ControlRequests, Request
from mdms.domain.controls import Action, ControlState, EndDeviceControl, Optout, Result
from mdms.domain.errors import OperatorError
from mdms.domain.quiet import Quiet
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

ACTOR: Final = "opt-out programme"
PAUSE: Final = timedelta(hours=6)
"""Longer than most fades and cuts of a backhaul."""
REQUESTS_MAX: Final = 5
"""A meter that has not answered for a day and a half needs a field order."""
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

log = structlog.get_logger()


class OptoutRadios:
    """
    Sees to it that a radio-off which came to nothing is asked for again.

    It repeats what a person asked for and begins nothing: what someone cancelled stays cancelled,
    and who was refused knows why.

    Args:
        unit_of_work: Opens a transaction.
        requests: Where commands are asked for, by the same rules as everybody's.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, requests: ControlRequests) -> None:
        self._unit_of_work = unit_of_work
        self._requests = requests
        self._quiet = Quiet()

    async def run_due(self, now: datetime) -> int:
        """
        Ask again for what is due, and return how many requests the rules allowed.

        Raises:
            UnavailableError: The database is away; what was not asked for stays due.
        """
        if self._quiet.lasts(now):
            return 0
        self._quiet.begin()
        async with self._unit_of_work() as work:
            waiting = await work.optouts.unsilenced(now)
            failed = [last for each in waiting if (last := await _last_failed(work, each))]
        metrics.COMMAND_RADIOS_UNSILENCED.set(len(waiting))
        asked = [await self._ask_again(last) for last in failed if _due_at(last) <= now]
        later = (_due_at(last) for last in failed if _due_at(last) > now)
        self._quiet.until(now + _LOOK_PERIOD, later)
        return sum(asked)

    async def _ask_again(self, last: EndDeviceControl) -> bool:
        request = Request(
            action=last.action,
            meter=last.badge,
            cause=last.cause,
            order=last.order,
            reason=f"again: {last.control_id} ended {last.state}",
        )
        try:
            await self._requests.request(request, ACTOR)
        except OperatorError as error:  # refused: on file with its reasons, and tried again later
            log.warning("optout.radio.refused", detail=str(error))
            return False
        return True


async def _last_failed(work: UnitOfWork, optout: Optout) -> EndDeviceControl | None:
    """Return the newest radio-off for an opt-out if it came to nothing and may be repeated."""
    asked = [
        control
        for control in await work.controls.of_meter(optout.badge)
        if control.action is Action.RADIO_OFF and control.requested_at >= optout.requested_at
    ]
    return asked[-1] if 0 < len(asked) < REQUESTS_MAX and _came_to_nothing(asked) else None


def _came_to_nothing(asked: Sequence[EndDeviceControl]) -> bool:
    last = asked[-1]
    withdrawn = last.state is ControlState.CANCELLED and last.result is Result.POLICY_CHANGED
    refused = last.state is ControlState.POLICY_DENIED and last.requested_by == ACTOR
    return withdrawn or refused or last.state in _OPEN_STILL


def _due_at(last: EndDeviceControl) -> datetime:
    return last.requested_at + PAUSE
