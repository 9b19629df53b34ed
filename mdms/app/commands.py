"""The dispatcher of commands, with the signer it asks and the broker it sends by; its watch."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from commands.dispatcher import Dispatcher
from commands.flood import Flood
from commands.mqtt import MqttTransport
from commands.promises import ReconnectClock
from commands.questions import SwitchQuestions
from commands.radios import OptoutRadios
from commands.reactions import Reactions
from commands.requests import ControlRequests
from ingest.mqtt import MqttSource
from mdms.app.core import Core
from mdms.domain.quiet import Quiet
from mdms.ports.unit_of_work import UnitOfWorkFactory

_LOOK_PERIOD: Final = timedelta(minutes=1)
_REST: Final = timedelta(hours=1)
"""Where nothing can come up before a command is asked for, and that is seen at once."""


def open_dispatcher(
    core: Core,
    broker: MqttSource,
    *,
    on_radio: Callable[[], Awaitable[None]],
    collectors: Callable[[int], Sequence[int]],
) -> Dispatcher | None:
    """Return what carries commands to meters; None without a signer to sign them."""
    if core.signer is None:
        return None
    return Dispatcher(
        core.unit_of_work.pipelined,
        core.clock,
        core.signer,
        MqttTransport(broker.publish, core.settings.utility.code),
        core.judge,
        collectors=collectors,
        on_radio=on_radio,
    )


class CommandWatch:
    """
    Asks for the commands that nobody asks for, each by the rules that hold for everybody.

    Args:
        unit_of_work: Opens a transaction.
        radios: Silences who opted out.
        questions: Asks meters that speak of their switch.
        promises: Looks after homes that wait for their supply.
        flood: Counts what was asked for: an alarm ends with its day, though nobody asks any more.
        busy_looks: Tells how often a command was found on its way; where it grows, rest ends.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        *,
        radios: OptoutRadios,
        questions: SwitchQuestions,
        promises: ReconnectClock,
        flood: Flood,
        busy_looks: Callable[[], int],
    ) -> None:
        self._unit_of_work = unit_of_work
        self.radios = radios
        self._questions = questions
        self._promises = promises
        self._flood = flood
        self._busy_looks = busy_looks
        self._rested_since: int | None = None
        self._quiet = Quiet()

    async def run_due(self, now: datetime) -> None:
        """
        Ask for what is due by now; what may be at any time is looked at once a minute.

        Where no command is on its way, and none was lately, once an hour is often enough.

        Raises:
            UnavailableError: The database is away; what was not asked for stays due.
        """
        await self.radios.run_due(now)
        busy_looks = self._busy_looks()
        if self._quiet.lasts(now) and self._rested_since in {None, busy_looks}:
            return
        self._quiet.begin()
        async with self._unit_of_work() as work:
            watched = await work.standing.watched(now)
            owed = await self._promises.owed(work, watched.open, now)
            await self._flood.look(work, now)
        await self._questions.ask(watched.unanswered)
        await self._promises.keep(owed, now)
        self._rested_since = busy_looks if watched.at_rest else None
        self._quiet.until(now + (_REST if watched.at_rest else _LOOK_PERIOD), ())


def open_watch(core: Core, dispatcher: Dispatcher) -> CommandWatch:
    """Return what looks after opt-outs, unknown outcomes, and homes that wait for their supply."""
    unit_of_work = core.unit_of_work.pipelined
    flood = Flood(core.judge)
    requests = ControlRequests(
        unit_of_work,
        core.clock,
        core.judge,
        on_request=dispatcher.wake,
        flood=flood,
    )
    return CommandWatch(
        unit_of_work,
        radios=OptoutRadios(unit_of_work, requests),
        questions=SwitchQuestions(requests),
        promises=ReconnectClock(unit_of_work, core.judge, reactions(core, requests)),
        flood=flood,
        busy_looks=lambda: dispatcher.busy_looks,
    )


def reactions(core: Core, requests: ControlRequests) -> Reactions:
    """Return what draws the consequences of statements."""
    return Reactions(
        core.unit_of_work.pipelined,
        core.clock,
        core.judge,
        requests,
        auto_reconnect=core.settings.commands.auto_reconnect,
    )
