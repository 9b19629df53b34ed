"""One meter's command line over a real broker that is killed when a chosen packet would pass."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from commands.codecs import ANSWER_SCHEMA, PROGRESS_SCHEMA
from commands.dispatcher import Dispatcher
from commands.mqtt import MqttTransport
from commands.requests import ControlRequests, Request
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from ingest.mqtt import MqttConfig, MqttSource
from mdms.domain.controls import ENDED, Action, EndDeviceControl
from mdms.domain.errors import UnavailableError
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.messages import Envelope
from mdms.ports.signer import SignerMemoryFactory
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.brokers import LiveClock, Mosquitto
from tests.controls import AT
from tests.fakes import FakeClock
from tests.faults.gate import Gate, Packet, Passing
from tests.lawful import a_judge
from tests.meters import MASTER, Air, ObedientMeter
from tests.signing import open_rules

COLLECTOR = 17
DAEMON, TOWER = "daemon", "collector"
_UP = f"ami/v1/cpau/col/{COLLECTOR}/up/ack"
_DOWN = f"ami/v1/cpau/col/{COLLECTOR}/down/cmd"
_BREATH_S = 0.01
"""Real time for each civil second: a message is quicker than a timeout, as in the field."""
_PATIENCE = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Moment:
    """
    When the broker is killed: before a packet passes, so that nobody at its other end knows.

    Attributes:
        nth: Which one, counted from when the blow was aimed; the answer follows the progress.
    """

    passing: Passing
    nth: int = 1

    def __str__(self) -> str:
        way = "to" if self.passing.upward else "from"
        name = Packet(self.passing.kind).name.lower()
        return f"{name}-{self.nth}-{way}-broker-at-{self.passing.client}"


@dataclass
class Wire:
    """
    Daemon and collector at a broker each through a gate of its own.

    Attributes:
        moved_at: Civil time of each move of the switch.
        killed: How often the broker was.
        back_after_s: Civil seconds for which a killed broker stays away.
    """

    store: UnitOfWorkFactory
    signer_memory: SignerMemoryFactory
    broker: EmbeddedBroker | Mosquitto
    meter: ObedientMeter = field(default_factory=ObedientMeter)
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))
    approved: set[tuple[UUID, str]] = field(default_factory=set)
    moved_at: list[datetime] = field(default_factory=list)
    killed: int = 0
    back_after_s: int = 0
    _aim: Moment | None = None
    _seen: int = 0
    _back_at: datetime | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Wire"]:
        """Start everything."""
        port = int(self.broker.url.rpartition(":")[2])
        async with AsyncExitStack() as stack:
            gates = [
                await stack.enter_async_context(Gate(name, port, self._watch))
                for name in (DAEMON, TOWER)
            ]
            self._daemon, self._tower = [
                await stack.enter_async_context(_client(gate, name, topic))
                for gate, name, topic in zip(gates, (DAEMON, TOWER), (_UP, _DOWN), strict=True)
            ]
            await self._daemon.until_connected()
            await self._tower.until_connected()
            tasks = [
                asyncio.create_task(self._take_answers()),
                asyncio.create_task(self._be_the_collector()),
            ]
            signer = LocalSigner(KeyRing({1: MASTER}), self.signer_memory, self.clock, open_rules())
            judge = a_judge()
            self._requests = ControlRequests(self.store, self.clock, judge)
            self._dispatcher = Dispatcher(
                self.store,
                self.clock,
                signer,
                MqttTransport(self._daemon.publish, "cpau"),
                judge,
                collectors=lambda _radio_id: (COLLECTOR,),
                on_radio=_nothing,
            )
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def aim(self, moment: Moment, *, back_after_s: int = 0) -> None:
        """Kill the broker when the next such packet would pass."""
        self._aim, self._seen, self.back_after_s = moment, 0, back_after_s

    async def ask(self, action: Action) -> UUID:
        cause = "MOVE_OUT" if action is Action.DISCONNECT else "ERROR"
        made = await self._requests.request(Request(action=action, meter="E1", cause=cause), "boss")
        return made.control_id

    async def settle(self, step_s: int = 1) -> None:
        """Let time pass until every command has ended and the broker stands."""
        end = self.clock.now() + _PATIENCE
        while self._back_at or any(each.state not in ENDED for each in await self.commands()):
            assert self.clock.now() < end, "a command has no outcome"
            if self._is_due_back():
                self.broker.start()
                self._back_at = None
            elif self._back_at is None and not (self._daemon.connected and self._tower.connected):
                await LiveClock().sleep(_BREATH_S)
                continue  # who finds the broker again is quicker than any timeout
            self._dispatcher.wake()
            with suppress(UnavailableError):
                await self._dispatcher.run_due(self.clock.now())
            await self.clock.sleep(step_s)
            await LiveClock().sleep(_BREATH_S)

    async def commands(self) -> Sequence[EndDeviceControl]:
        async with self.store() as work:
            return sorted(await work.controls.newest(20), key=lambda each: each.control_id)

    def _is_due_back(self) -> bool:
        if self._back_at is None or self.broker.running:  # a kill takes a moment
            return False
        return self.clock.now() >= self._back_at

    async def _watch(self, passing: Passing) -> bool:
        if self._back_at is not None:
            return False  # what was on its way to the dead or from it
        if self._aim is None or passing != self._aim.passing:
            return True
        self._seen += 1
        if self._seen < self._aim.nth:
            return True
        self._aim = None
        self.killed += 1
        self._back_at = self.clock.now() + timedelta(seconds=self.back_after_s)
        os.kill(self.broker.pid, signal.SIGKILL)
        return False

    async def _take_answers(self) -> None:
        """Be ingest: store, then acknowledge."""
        async for batch in self._daemon.batches(messages_max=10, bytes_max=1 << 20, age_s_max=0):
            now = self.clock.now()
            heard = [
                ReceivedAnswer(COLLECTOR, each.payload[0], each.payload[1:], now) for each in batch
            ]
            async with self.store() as work:
                await work.controls.receive(heard)
            await self._daemon.ack(batch)

    async def _be_the_collector(self) -> None:
        """Take a command, acknowledge it, let the meter hear it, say so until the broker has it."""
        async for batch in self._tower.batches(messages_max=1, bytes_max=1 << 20, age_s_max=0):
            said = [said for each in batch for said in self._on_air(each)]
            await self._tower.ack(batch)
            for schema_id, record in said:
                await self._say(bytes([schema_id]) + record)

    def _on_air(self, command: Envelope) -> list[tuple[int, bytes]]:
        moves = len(self.meter.moves)
        progress = Air(self.meter, self.clock.now).progress(COLLECTOR, command.payload)
        answer = self.meter.hear(command.payload, self.clock.now())
        self.moved_at += [self.clock.now()] * (len(self.meter.moves) - moves)
        return [(PROGRESS_SCHEMA, progress.record), (ANSWER_SCHEMA, answer)]

    async def _say(self, payload: bytes) -> None:
        while True:
            with suppress(UnavailableError):
                await self._tower.publish(_UP, payload)
                return
            await LiveClock().sleep(_BREATH_S)


def _client(gate: Gate, name: str, topic: str) -> MqttSource:
    config = MqttConfig(url=gate.url, client_id=name, topics=(topic,), backoff_s_max=0.05)
    return MqttSource(config, LiveClock())


async def _nothing() -> None:
    """Be told of a radio."""
