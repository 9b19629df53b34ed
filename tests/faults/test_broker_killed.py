"""
A real broker is killed at each packet that a command and its answers are made of.

A few moments are drawn for every day; MDMS_FAULT_BROKER=all kills at every moment, of every
command, on each broker that is installed, and MDMS_FAULT_SEEDS draws others.
"""

import os
import random
from collections.abc import AsyncIterator, Callable

import pytest

from mdms.domain.controls import Action, ControlState, Opcode
from mdms.embedded.broker import EmbeddedBroker
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.signer import open_signer_memory
from tests.brokers import Mosquitto, mosquitto
from tests.controls import AT, a_registry
from tests.faults import seeds
from tests.faults.gate import Packet, Passing
from tests.faults.truth import all_is_true
from tests.faults.wire import DAEMON, TOWER, Moment, Wire
from tests.lawful import move_out

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow]

MOMENTS = [
    Moment(Passing(DAEMON, upward=True, kind=Packet.PUBLISH)),  # sent: the broker has it not
    Moment(Passing(DAEMON, upward=False, kind=Packet.PUBACK)),  # it has, and the daemon knows not
    Moment(Passing(TOWER, upward=False, kind=Packet.PUBLISH)),  # acknowledged, not delivered
    Moment(Passing(TOWER, upward=True, kind=Packet.PUBACK)),  # delivered, not acknowledged
    *(
        Moment(Passing(client, upward=upward, kind=kind), nth)
        for nth in (1, 2)  # the collector's progress, the meter's answer
        for client, upward, kind in (
            (TOWER, True, Packet.PUBLISH),
            (TOWER, False, Packet.PUBACK),
            (DAEMON, False, Packet.PUBLISH),  # acknowledged, not delivered
            (DAEMON, True, Packet.PUBACK),  # stored, not acknowledged
        )
    ),
]
NOT_DELIVERED = MOMENTS[2]
SWITCHINGS = [Action.DISCONNECT, Action.RECONNECT]
BROKERS = ["embedded", "mosquitto"] if mosquitto() else ["embedded"]
SEEDS = seeds.chosen("MDMS_FAULT_SEEDS", "1")
EVERYTHING = os.environ.get("MDMS_FAULT_BROKER") == "all"
ALL = [
    (broker, switching, moment)
    for broker in BROKERS
    for switching in SWITCHINGS
    for moment in MOMENTS
]
DRAWN_MAX = 3

MakeWire = Callable[[str], Wire]


def drawn() -> list[tuple[str, Action, Moment]]:
    """Return the kills of today."""
    if EVERYTHING:
        return ALL
    return [each for seed in SEEDS for each in random.Random(seed).sample(ALL, DRAWN_MAX)]


@pytest.fixture
async def wire_by(
    store: UnitOfWorkFactory, database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MakeWire]:
    async with store() as work:
        await work.registry.merge(a_registry())
    await move_out(store, AT)
    started: list[EmbeddedBroker | Mosquitto] = []
    async with open_signer_memory(database, statement_timeout_s=30) as memory:

        def make(name: str) -> Wire:
            folder = tmp_path_factory.mktemp(name)
            broker = (
                Mosquitto(folder, inflight_max=100)
                if name == "mosquitto"
                else EmbeddedBroker(folder)
            )
            broker.start()
            started.append(broker)
            return Wire(store, memory, broker)

        yield make
        for each in started:
            each.stop()


@pytest.mark.parametrize(("broker", "switching", "moment"), drawn(), ids=str)
async def test_a_kill_of_the_broker_costs_time_only(
    wire_by: MakeWire, database: str, broker: str, switching: Action, moment: Moment
) -> None:
    async with wire_by(broker).running() as wire:
        for action in SWITCHINGS:
            if action is switching:
                wire.aim(moment)
            await wire.ask(action)
            await wire.settle()

    assert wire.killed == 1, "the broker was not killed"
    assert [each.state for each in await wire.commands()] == [ControlState.VERIFIED] * 2
    assert wire.meter.moves == [(Opcode.OPEN, 1), (Opcode.CLOSE, 2)]
    await all_is_true(wire, database)


@pytest.mark.parametrize("broker", BROKERS if EVERYTHING else BROKERS[-1:])
async def test_what_a_dead_broker_kept_past_its_window_opens_nothing(
    wire_by: MakeWire, database: str, broker: str
) -> None:
    async with wire_by(broker).running() as wire:
        wire.aim(NOT_DELIVERED, back_after_s=7 * 3600)
        await wire.ask(Action.DISCONNECT)
        await wire.settle(step_s=300)

    (asked,) = await wire.commands()
    assert wire.killed == 1
    assert asked.state is not ControlState.VERIFIED
    assert wire.meter.moves == []
    await all_is_true(wire, database)
