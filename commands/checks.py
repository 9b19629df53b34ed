"""What the rules would say: the judgement of a command that nobody asks for; nothing is stored."""

from dataclasses import dataclass, replace
from datetime import datetime

from commands import holding
from commands.holding import Outlook
from commands.judgement import Judge, Judgement
from commands.requests import Request, drafted
from mdms.domain.controls import EndDeviceControl
from mdms.domain.errors import UsageError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Check:
    """
    An answer.

    Attributes:
        draft: The command as it would be.
        at: The instant that was judged.
        outlook: Whether it would go, wait or be refused.
    """

    draft: EndDeviceControl
    at: datetime
    judgement: Judgement
    outlook: Outlook


class PolicyChecks:
    """
    Answers what would become of a command.

    Args:
        unit_of_work: Opens a transaction.
        clock: Now, where no instant is named.
        judge: Knows the rules.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, judge: Judge) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._judge = judge

    async def check(self, request: Request, by: str) -> Check:
        """
        Judge a command as if `by` asked for it, now or at its `not_before`.

        What is known is what we know now; feeds that are fresh now will be fresh then.

        Raises:
            NotFoundError: No meter is called that.
            UsageError: The instant has passed: what was decided then is on file.
        """
        now = self._clock.now()
        at = request.not_before or now
        if at < now:
            raise UsageError(
                f"{at.isoformat()} has passed; `mdms policy explain` shows what was decided then"
            )
        async with self._unit_of_work() as work:
            draft = await drafted(work, replace(request, not_before=at), by, now)
            judgement = await self._judge.judge(work, draft, now, at=at)
        return Check(draft, at, judgement, holding.outlook(judgement.decision, draft))
