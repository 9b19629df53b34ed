"""
Commands of whose outcome nobody knows, while their meter talks of its switch: the meter is asked.

An event settles nothing by itself, for it names no command. It shows that the meter hears again,
and the answer to a ping is proof: a meter that has seen its counter obeys no lower one.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from commands.requests import ControlRequests, Request
from mdms.domain.controls import Action
from mdms.domain.errors import OperatorError
from mdms.domain.quiet import Quiet
from mdms.ports.unit_of_work import UnitOfWorkFactory

ACTOR: Final = "dispatcher"
_LOOK_PERIOD: Final = timedelta(minutes=1)

log = structlog.get_logger()


class SwitchQuestions:
    """
    Asks a meter once for each time that it tells of its switch.

    Args:
        unit_of_work: Opens a transaction.
        requests: Where pings are asked for, by the same rules as everybody's.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, requests: ControlRequests) -> None:
        self._unit_of_work = unit_of_work
        self._requests = requests
        self._quiet = Quiet()

    async def run_due(self, now: datetime) -> int:
        """
        Ask the meters that have spoken, and return how many were asked.

        Raises:
            UnavailableError: The database is away; who was not asked stays due.
        """
        if self._quiet.lasts(now):
            return 0
        self._quiet.begin()
        async with self._unit_of_work() as work:
            badges = await work.standing.unanswered()
        asked = 0
        for badge in badges:
            reason = "it told of its switch while the outcome of a command is unknown"
            request = Request(action=Action.PING, meter=badge, cause="CHECK", reason=reason)
            try:
                await self._requests.request(request, ACTOR)
            except OperatorError as error:  # kept on file with its reasons: that was the question
                log.warning("command.question.refused", error=str(error))
            else:
                asked += 1
        self._quiet.until(now + _LOOK_PERIOD, ())
        return asked
