"""The dispatcher of commands, with the signer it asks and the broker it sends by; its watch."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from commands.dispatcher import Dispatcher
from commands.flood import Flood, FloodWatch
from commands.mqtt import MqttTransport
from commands.promises import ReconnectClock
from commands.questions import SwitchQuestions
from commands.radios import OptoutRadios
from commands.reactions import Reactions
from commands.requests import ControlRequests
from ingest.mqtt import MqttSource
from mdms.app.core import Core


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


@dataclass(frozen=True, slots=True)
class CommandWatch:
    """Asks for the commands that nobody asks for, each by the rules that hold for everybody."""

    radios: OptoutRadios
    questions: SwitchQuestions
    promises: ReconnectClock
    flood: FloodWatch

    async def run_due(self, now: datetime) -> None:
        """
        Ask for what is due by now.

        Raises:
            UnavailableError: The database is away; what was not asked for stays due.
        """
        await self.radios.run_due(now)
        await self.questions.run_due(now)
        await self.promises.run_due(now)
        await self.flood.run_due(now)


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
        OptoutRadios(unit_of_work, requests),
        SwitchQuestions(unit_of_work, requests),
        ReconnectClock(unit_of_work, core.judge, reactions(core, requests)),
        FloodWatch(unit_of_work, flood),
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
