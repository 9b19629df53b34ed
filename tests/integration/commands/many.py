"""A town of homes that were left, one dispatcher, and every meter within reach."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches, Manner
from commands.dispatcher import Dispatcher
from commands.flood import Flood
from commands.requests import ControlRequests, Request
from commands.signer import Signer
from commands.undoing import BatchUndo
from mdms.domain.controls import Action, EndDeviceControl, Opcode
from mdms.domain.registry import Account, Agreement, Channel, Registry
from mdms.ports.clock import Clock
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import ELECTRIC
from tests.fakes import FakeClock
from tests.integration.commands.town import a_town
from tests.lawful import MOVED_OUT, a_judge, leave_empty, said
from tests.meters import Air, ObedientMeter

_RADIO_FIRST = 1000


def a_settled_town(meter_count: int) -> Registry:
    """Homes with an account and a channel each."""
    town = a_town(meter_count, transformer_count=max(1, meter_count // 2))
    numbers = range(meter_count)
    return replace(
        town,
        accounts=tuple(
            Account(f"A{n}", f"A{n}", "residential", date(2020, 1, 1), None) for n in numbers
        ),
        agreements=tuple(Agreement(f"A{n}", f"U{n}", date(2020, 1, 1), None) for n in numbers),
        channels=tuple(Channel(f"E{n}", 0, ELECTRIC, 900, "Wh") for n in numbers),
    )


async def settle(
    store: UnitOfWorkFactory, town: Registry, at: datetime, left_on: date | None = None
) -> None:
    """Let every home of a town be left, so that its supply may be cut off from a time on."""
    values = MOVED_OUT
    if left_on is not None:
        notice_on = left_on - timedelta(days=7)
        values = values | {
            "service_end_on": str(left_on),
            "move_out_notice_on": str(notice_on),
        }
    async with store() as work:
        await work.registry.merge(town)
    await leave_empty(store, at)
    hour_ago = at - timedelta(hours=1)
    async with store() as work:
        for number in range(len(town.meters)):
            facts = said(values, hour_ago, account=f"A{number}", premise=f"P{number}")
            await work.facts.add(facts)


class TownAir:
    """`CommandTransport` to every meter of a town; answers pile up as ingest would store them."""

    def __init__(self, meter_count: int, clock: Clock) -> None:
        self.air = {
            _RADIO_FIRST + n: Air(ObedientMeter(radio_id=_RADIO_FIRST + n), clock.now)
            for n in range(meter_count)
        }

    async def send(self, collector_id: int, envelope: bytes) -> None:
        await self.air[int.from_bytes(envelope[:4], "little")].send(collector_id, envelope)

    def heard(self) -> list[ReceivedAnswer]:
        """Return what came back since the last time."""
        heard = [answer for air in self.air.values() for answer in air.heard]
        for air in self.air.values():
            air.heard.clear()
        return heard

    def moves(self, opcode: Opcode) -> list[str]:
        """Return the badges of meters whose switch moved so."""
        return [
            f"E{radio_id - _RADIO_FIRST}"
            for radio_id, air in self.air.items()
            for moved, _ in air.meter.moves
            if moved is opcode
        ]


@dataclass
class Town:
    """Everything between a clerk and the switches of a town."""

    store: UnitOfWorkFactory
    signer: Signer
    clock: FakeClock
    edition: str
    meter_count: int
    air: TownAir = field(init=False)

    def __post_init__(self) -> None:
        judge = a_judge(self.edition)
        self.air = TownAir(self.meter_count, self.clock)
        self.dispatcher = Dispatcher(self.store, self.clock, self.signer, self.air, judge)
        self.flood = Flood(judge)
        wake = self.dispatcher.wake
        self.requests = ControlRequests(
            self.store, self.clock, judge, on_request=wake, flood=self.flood
        )
        self.approvals = ControlApprovals(self.store, self.clock, judge, on_request=wake)
        self.batches = ControlBatches(self.store, self.clock, self.requests, self.flood, wake)
        self.undo = BatchUndo(self.store, self.clock, self.requests)

    async def propose(self, meters: Iterable[int], manner: Manner | None = None) -> UUID:
        """Ask, as a clerk, for the supply of these homes to be cut off."""
        rows = [
            Request(action=Action.DISCONNECT, meter=f"E{n}", cause="MOVE_OUT", role="csr")
            for n in meters
        ]
        batch = await self.batches.propose("left.csv", rows, "clerk", manner or Manner())
        return batch.batch_id

    async def approve(self, batch_id: UUID) -> None:
        """Approve a list as it is, as a supervisor."""
        async with self.store() as work:
            batch = await work.batches.find(batch_id)
        assert batch is not None
        await self.batches.approve(batch_id, "boss", batch.sha256, "")

    async def run(self, seconds: int, step_s: int = 1) -> None:
        """Run what is due in each step, answers stored first."""
        for _ in range(0, seconds, step_s):
            heard = self.air.heard()
            if heard:
                async with self.store() as work:
                    await work.controls.receive(heard)
                self.dispatcher.wake()
            await self.dispatcher.run_due(self.clock.now())
            await self.clock.sleep(step_s)

    async def controls(self, batch_id: UUID) -> list[EndDeviceControl]:
        async with self.store() as work:
            return list(await work.batches.controls(batch_id))
