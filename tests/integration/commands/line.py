"""A dispatcher on a real database, with one meter, and everything that can be killed."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from commands.approvals import ControlApprovals
from commands.codecs import Answer, Command
from commands.dispatcher import Dispatcher
from commands.requests import ControlRequests, Request
from commands.signer import Signed, Signer
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.domain.controls import Action, EndDeviceControl
from mdms.ports.signer import SignerMemoryFactory
from mdms.ports.unit_of_work import UnitOfWork
from mdms.storage.unit_of_work import Store
from tests.controls import AT
from tests.fakes import FakeClock
from tests.lawful import a_judge
from tests.meters import MASTER, Air, ObedientMeter
from tests.signing import open_rules, supervisors


class KilledError(Exception):
    """The process ended here."""


@dataclass
class Reaper:
    """Kills at the n-th point that the process passes; 0 never does."""

    at: int = 0
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise KilledError


@dataclass
class MortalSigner:
    signer: Signer
    reaper: Reaper

    async def sign(self, command: Command) -> Signed:
        self.reaper.point()
        signed = await self.signer.sign(command)
        self.reaper.point()
        return signed

    async def verify(self, record: bytes) -> Answer:
        return await self.signer.verify(record)


@dataclass
class MortalAir:
    air: Air
    reaper: Reaper

    async def send(self, collector_id: int, envelope: bytes) -> None:
        self.reaper.point()
        await self.air.send(collector_id, envelope)
        self.reaper.point()


@dataclass
class Line:
    """One meter's command line; `run` lets time pass second by second."""

    store: Store
    signer_memory: SignerMemoryFactory
    remote_open: bool = True
    edition: str | None = None
    """The signer's rules, where they are not those of a small town."""
    rules: str | None = None
    """The daemon's."""
    meter: ObedientMeter = field(default_factory=ObedientMeter)
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))
    reaper: Reaper = field(default_factory=Reaper)
    radio_changes: int = 0
    heard_by: tuple[int, ...] = ()
    """Collectors that hear the meter, best first."""

    def __post_init__(self) -> None:
        self.air = Air(self.meter, self.clock.now)
        judge = a_judge(self.rules)
        store, clock = self.store.pipelined, self.clock
        self.requests = ControlRequests(store, clock, judge, on_request=self._wake)
        self.approvals = ControlApprovals(store, clock, judge, on_request=self._wake)
        self.start()

    def start(self) -> None:
        """Start the dispatcher anew, as after a kill."""
        self.signer = LocalSigner(
            KeyRing({1: MASTER}),
            self.signer_memory,
            self.clock,
            open_rules(self.edition, remote_open=self.remote_open),
            supervisors=supervisors(),
        )
        self.dispatcher = Dispatcher(
            self._mortal_store,
            self.clock,
            MortalSigner(self.signer, self.reaper),
            MortalAir(self.air, self.reaper),
            a_judge(self.rules, remote_open=self.remote_open),
            collectors=lambda _radio_id: self.heard_by,
            on_radio=self._radio_changed,
        )

    async def ask(self, action: Action, **changes: Any) -> EndDeviceControl:
        """Ask as a clerk would; a switch is closed because it was opened by mistake."""
        cause = "MOVE_OUT" if action is Action.DISCONNECT else "ERROR"
        request = {"meter": "E1", "cause": cause} | changes
        return await self.requests.request(Request(action=action, **request), "clerk")

    async def run(self, seconds: int, step_s: int = 1) -> None:
        """Run what is due in each step, answers stored first; the dead are started again."""
        for _ in range(0, seconds, step_s):
            await self.store_heard()
            try:
                await self.dispatcher.run_due(self.clock.now())
            except KilledError:
                self.start()
            await self.clock.sleep(step_s)

    def _wake(self) -> None:
        """Wake the dispatcher of now, as the API and ingest do: kills replace it."""
        self.dispatcher.wake()

    async def store_heard(self) -> None:
        async with self.store() as work:
            await work.controls.receive(self.air.heard)
        if self.air.heard:
            self._wake()
        self.air.heard.clear()

    async def now(self, control: EndDeviceControl) -> EndDeviceControl:
        async with self.store() as work:
            found = await work.controls.find(control.control_id)
        assert found is not None
        return found

    async def events(self, control: EndDeviceControl) -> list[str]:
        async with self.store() as work:
            return [step.event for step in await work.controls.steps(control.control_id)]

    @property
    def later(self) -> timedelta:
        return self.clock.now() - AT

    def _mortal_store(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return self._mortal()

    @asynccontextmanager
    async def _mortal(self) -> AsyncIterator[UnitOfWork]:
        async with self.store.pipelined() as work:
            yield work
            self.reaper.point()  # before the commit: nothing of it was
        self.reaper.point()

    async def _radio_changed(self) -> None:
        self.radio_changes += 1
