"""
Reads that come while the registry is being put right, in one process and in memory.

The head-end's code is the real one. The seed decides what comes, in which batches, what changes in
the registry and when: while a batch is being stored, between two attempts, after it. Transactions
fail, with and without having been committed, and the daemon is killed in between.
"""

import copy
import random
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import coroutine
from typing import Any, Final, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.preparing import Preparer
from ingest.quarantine import Quarantine
from mdms.domain.errors import UnavailableError
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWork
from tests.fakes import FakeClock
from tests.letters import Database
from tests.messages import NOON, NOON_S
from tests.papers import STEP_S, STEPS, Clerk, Collectors
from tests.reckoning import Reckoning

_STORES: Final = (
    "messages", "readings", "touches", "events", "gaps", "collectors", "controls",
)  # fmt: skip

_BATCH_SIZES: Final = (1, 2, 3, 1, 2, 3, 18)
"""Messages; many are opened in another way than few."""


class KilledError(Exception):
    """The daemon is gone."""


@coroutine
def _others_first() -> Generator[None]:
    """Let other tasks go on."""
    yield


class Office:
    """All of one seed; `work` lets batches come and papers change until both have ended."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock(NOON)
        self.database = Database()
        self.collectors = Collectors(self.rng)
        self.clerk = Clerk(self.rng, self.database.registry)
        self.reckoning = Reckoning(self.database, self.collectors)
        self.horizon = VeeHorizon(ZoneInfo("UTC"))
        self.quarantine = Quarantine(self.database, self.clock, self.horizon)
        self.log: list[str] = []
        """What happened, for whoever asks why a seed fails."""
        self._batches_left = self.rng.randrange(4, 20)
        self._unacked: list[Envelope] = []
        self._handed: list[list[Envelope]] = []
        self._start()

    async def work(self) -> None:
        with patch.object(Preparer, "_in_turn", _at_once):
            self._change()
            while True:
                self._start()
                try:
                    await self._heart.run()
                except KilledError:
                    self.note("killed")
                else:
                    break
            await self._replay()
        self.reckoning.all(self.clerk.registered)

    def note(self, *what: object) -> None:
        self.log.append(" ".join(map(str, what)))

    def storing(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a transaction of the pipeline."""
        return cast("AbstractAsyncContextManager[UnitOfWork]", Storing(self))

    def take_up(self) -> None:
        """Note by which registry the batch is resolved that is being stored from now on."""
        self._used = self._followed

    def commit(self) -> None:
        """Look at the batch in hand, which is stored by now."""
        self.note("commit")
        for envelope in self._handed[0]:
            self.reckoning.taken(envelope.payload, envelope.topic, self._used)
        self.reckoning.holes()

    async def interlude(self, *, storing: bool = False) -> None:
        """Let people work while reads are being stored, or between that."""
        for _ in range(self.rng.randrange(6)):
            await _others_first()
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            if self.rng.random() < 0.6:
                self._change()
            if self.rng.random() < 0.8 and await self._heart.reload_registry():
                self._followed = self.clerk.registered
                self.note("follow")
            if not storing and self.rng.random() < 0.3:
                await self._replay()
            if not storing and self.rng.random() < 0.1:
                await self._import_file()

    # The clock, as the pipeline sees it.

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        await self.interlude()

    # The broker.

    async def batches(self, **_bounds: object) -> AsyncIterator[Sequence[Envelope]]:
        self._handed = []
        rest = list(self._unacked)
        while rest or self._batches_left:
            for _ in range(self.rng.randrange(8)):
                await _others_first()
            if rest:
                size = self.rng.randrange(1, len(rest) + 1)
                some, rest = rest[:size], rest[size:]
            else:
                self._batches_left -= 1
                count = self.rng.choice(_BATCH_SIZES)
                some = [self.collectors.send() for _ in range(count)]
                self._unacked += some
            self._handed.append(some)
            self.note("hand", [self.collectors.by_payload[each.payload] for each in some])
            yield some

    async def ack(self, batch: Sequence[Envelope]) -> None:
        assert self._handed.pop(0) == list(batch), "one after the other"
        done = set(map(id, batch))
        self._unacked = [each for each in self._unacked if id(each) not in done]
        await self.interlude()

    def _start(self) -> None:
        config = IngestConfig(window_intervals=24)
        self._heart = Pipeline(
            self, self.database, self, config, self.horizon, brief=self.storing
        )  # fmt: skip
        self._followed = self._used = self.clerk.registered
        self.note("start")

    def _change(self) -> None:
        self.clerk.change()
        self.note(*self.clerk.registered)

    async def _replay(self) -> None:
        waiting = self.database.messages.waiting.values()
        letters = [each for each in waiting if self.database.is_known(each)]
        self.note("replay", len(letters))
        await self.quarantine.replay()
        registered = self.clerk.registered
        for each in letters:
            if each.frame_index is None:
                self.reckoning.taken(each.payload, each.topic, registered)
            else:
                self.reckoning.read(self.collectors.by_raw[each.payload], registered.papers)

    async def _import_file(self) -> None:
        if self.clerk.papers:
            channel_id = self.rng.choice(self.clerk.papers).channel_id
            read = (channel_id, NOON_S - STEP_S * self.rng.randrange(STEPS), 0)
            columns = [np.array([each]) for each in read]
            reads = IntervalReads.raw(*columns, recorded_us=0, source=Source.FILE)
            await self.database.readings.append_raw(reads, RegisterReads.empty(), sure=False)
            self.reckoning.intervals.add(read)
            self.note("import", read)


class Storing:
    """A transaction of the pipeline, which may fail, and during which papers change."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def __aenter__(self) -> Database:
        office = self._office
        office.take_up()
        self._before = {name: copy.deepcopy(getattr(office.database, name)) for name in _STORES}
        return office.database

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        office = self._office
        assert error is None, error
        await office.interlude(storing=True)
        fate = office.rng.random()
        if fate < 0.3:
            for name, store in self._before.items():
                setattr(office.database, name, store)
            office.note("fails")
            raise UnavailableError("away") if fate < 0.25 else KilledError
        office.commit()
        if fate < 0.4:
            office.note("committed, and nobody hears of it")
            raise UnavailableError("away") if fate < 0.35 else KilledError


async def _at_once(_: Preparer, work: Callable[[], Any]) -> Any:
    """Work here and now: a thread of its own would make the order another one each time."""
    return work()
