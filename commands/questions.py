"""
Commands of whose outcome nobody knows, while their meter talks of its switch: the meter is asked.

An event settles nothing by itself, for it names no command. It shows that the meter hears again,
and the answer to a ping is proof: a meter that has seen its counter obeys no lower one.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from commands.requests import ControlRequests, Request
from mdms.domain.controls import Action
from mdms.domain.errors import OperatorError

ACTOR: Final = "dispatcher"

log = structlog.get_logger()


class SwitchQuestions:
    """
    Asks a meter once for each time that it tells of its switch.

    Args:
        requests: Where pings are asked for, by the same rules as everybody's.
    """

    def __init__(self, requests: ControlRequests) -> None:
        self._requests = requests

    async def ask(self, badges: Sequence[str]) -> int:
        """
        Ask meters that have spoken, and return how many were asked.

        Args:
            badges: Who spoke of its switch since its last ping (`Watched.unanswered`).

        Raises:
            UnavailableError: The database is away; who was not asked stays due.
        """
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
        return asked
