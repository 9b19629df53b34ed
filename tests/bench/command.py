"""
From asking for a command to its envelope leaving: idle, and with a thousand in flight under load.

The daemon's parts run on one event loop, as they do in service: requests, dispatcher, ingest. The
signer is a process of its own, the database a real one; what would go to the broker is timed and
dropped.
"""

import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from commands.dispatcher import Dispatcher
from commands.reactions import Reactions
from commands.requests import ControlRequests, Request
from commands.signing.client import SocketSigner
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.app.clock import SystemClock
from mdms.app.daemon import TURN_S
from mdms.domain.controls import (
    Action,
    ControlState,
    EndDeviceControl,
    Result,
    SwitchPosition,
)
from mdms.domain.facts import Subject
from mdms.domain.registry import Account, Agreement, Registry
from mdms.policy.reasons import MOVE_OUT, NONPAY
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.facts import FactService, Statement
from mdms.storage.unit_of_work import Store, open_store
from tests.bench import server
from tests.bench.ingest_store import EMPTY
from tests.bench.measure import Row, Series
from tests.bench.traffic import NOW, Traffic
from tests.fakes import FakeClock
from tests.integration.commands.town import a_town, an_open
from tests.lawful import a_judge
from tests.signing import SignerProcess, write_signer_files

ZONE = ZoneInfo("America/Los_Angeles")
CLOCK = SystemClock()
IN_FLIGHT = 1_000
ASKED, PAID = 60, 30
"""Reconnects asked for, and payments posted, in each round."""
EVERY_S = 0.2
"""Between two of them; none waits for another."""
PUBLISHED_S_MAX = 60.0

TRAFFIC = Traffic(meters=6_250, reports=16, intervals=8, frames=125)
"""What ingest stores while commands are measured under load; at its end it begins again."""
FRAMES_S = 750
"""A million endpoints make 96 intervals a day, heard seven times, twelve in a frame: 650."""
BATCH_S = 0.5
"""Of the age at which ingest closes a batch."""

CONNECTIONS = 8
"""As many as the daemon has for everything."""
_KEPT_UP = 0.9


@dataclass
class _Air:
    """`CommandTransport` that notes when a command left."""

    left: dict[UUID, asyncio.Future[float]]

    async def send(self, collector_id: int, envelope: bytes) -> None:
        del collector_id
        leaving = self.leaving(UUID(bytes=envelope[24:40]))
        if not leaving.done():
            leaving.set_result(CLOCK.monotonic())

    def leaving(self, control_id: UUID) -> asyncio.Future[float]:
        """Return when a command left, or will."""
        return self.left.setdefault(control_id, asyncio.get_running_loop().create_future())


class _City:
    """The messages of a million endpoints, in the batches that ingest makes of them."""

    def __init__(self) -> None:
        self._messages = TRAFFIC.messages()
        self.acked = 0

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        del messages_max, bytes_max, age_s_max
        size = round(FRAMES_S * BATCH_S / TRAFFIC.frames)
        begun = CLOCK.monotonic()
        for number in itertools.count():
            at = number * size % len(self._messages)
            yield self._messages[at : at + size]
            await CLOCK.sleep(max(0.0, begun + (number + 1) * BATCH_S - CLOCK.monotonic()))

    async def ack(self, batch: Sequence[Envelope]) -> None:
        self.acked += len(batch)


@dataclass
class _Desk:
    """Where commands are asked for, and how long each took to leave."""

    store: UnitOfWorkFactory
    air: _Air
    dispatcher: Dispatcher
    requests: ControlRequests
    facts: FactService

    async def ask(self, number: int) -> float:
        """Ask for a meter's reconnect; return the seconds until it left."""
        begun = CLOCK.monotonic()
        control = await self.requests.request(
            Request(action=Action.RECONNECT, meter=f"E{number}", cause="ERROR"), "clerk"
        )
        return await self._left(control.control_id) - begun

    async def pay(self, number: int) -> float:
        """Post a payment; return the seconds until the reconnect that follows left."""
        begun = CLOCK.monotonic()
        now = CLOCK.now()
        await self.facts.state(
            [
                Statement(
                    subject=Subject.ACCOUNT,
                    subject_id=f"A{number}",
                    fact=name,
                    value="0.00",
                    effective_at=now,
                )
                for name in ("balance_due", "reconnect_charges_due")
            ],
            "billing",
        )
        async with self.store() as work:
            newest = (await work.controls.of_meter(f"E{number}"))[-1]
        assert newest.action is not Action.DISCONNECT, "who has paid is reconnected"
        return await self._left(newest.control_id) - begun

    async def _left(self, control_id: UUID) -> float:
        return await asyncio.wait_for(self.air.leaving(control_id), PUBLISHED_S_MAX)


Figures = Mapping[str, float]
"""Milliseconds by name."""

NAMES = ("p50", "p99", "paid.p95")


UNITS = {
    f"command.{load}.{what}": "ms"
    for load in ("idle", "loaded")
    for what in ("p50", "p99", "paid.p95")
}
"""What is measured, and in which unit."""


def rows(rounds: int) -> list[Row]:
    """Measure how long commands take to leave, idle and under load."""
    sys.setswitchinterval(TURN_S)  # as in service
    with ExitStack() as stack:
        running = stack.enter_context(server.started())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mdms-bench-")))
        process = SignerProcess(write_signer_files(folder / "signer", running.dsn))
        stack.callback(process.stop)
        figures = asyncio.run(_measured(running.dsn, process.socket, rounds))
    series = {
        name: Series(name, "ms", tuple(each[name] for each in figures)) for name in figures[0]
    }
    goals = {"p50": None, "p99": "value <= 100 and ratio <= 2", "paid.p95": "value <= 1000"}
    found = []
    for name in NAMES:
        idle, loaded = series[f"command.idle.{name}"], series[f"command.loaded.{name}"]
        found += [idle.row(), loaded.row(idle, goal=goals[name])]
    return found


async def _measured(dsn: str, socket: Path, rounds: int) -> list[Figures]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(dsn, connections_max=CONNECTIONS, statement_timeout_s=60)
        )
        database = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        signer = SocketSigner(socket, CLOCK)
        stack.push_async_callback(signer.close)
        async with store() as work:
            await work.registry.merge(_registry())
        found = []
        for number in range(1 + rounds):
            database.execute(EMPTY + ", control CASCADE")
            await _seed(store, CLOCK.now())
            desk = _desk(store, signer)
            async with _running(desk.dispatcher.forever()):
                figures = await _round(desk, store)
            if number > 0:
                found.append(figures)
    return found


async def _round(desk: _Desk, store: UnitOfWorkFactory) -> Figures:
    idle = await _timed(desk, "idle", 0)
    await _fly(store, CLOCK.now())
    city = _City()
    pipeline = Pipeline(city, store, FakeClock(NOW), IngestConfig(), VeeHorizon(ZONE))
    begun = CLOCK.monotonic()
    async with _running(pipeline.run()):
        loaded = await _timed(desk, "loaded", ASKED + PAID)
        rate = city.acked * TRAFFIC.frames / (CLOCK.monotonic() - begun)
    assert rate > FRAMES_S * _KEPT_UP, f"ingest kept up with no more than {rate:.0f} frames/s"
    return {**idle, **loaded}


async def _timed(desk: _Desk, name: str, first: int) -> Figures:
    asked = await _one_by_one(desk.ask, range(first, first + ASKED))
    paid = await _one_by_one(desk.pay, range(first + ASKED, first + ASKED + PAID))
    hundredths, of_paid = quantiles(asked, n=100), quantiles(paid, n=100)
    return {
        f"command.{name}.p50": 1000 * hundredths[49],
        f"command.{name}.p99": 1000 * hundredths[98],
        f"command.{name}.paid.p95": 1000 * of_paid[94],
    }


async def _one_by_one(
    ask: Callable[[int], Awaitable[float]], numbers: Iterable[int]
) -> list[float]:
    """Ask at even times, whether or not the one before has left."""
    async with asyncio.TaskGroup() as tasks:
        asked = []
        for number in numbers:
            asked.append(tasks.create_task(_awaited(ask(number))))
            await CLOCK.sleep(EVERY_S)
    return [each.result() for each in asked]


async def _awaited(seconds: Awaitable[float]) -> float:
    return await seconds


@asynccontextmanager
async def _running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Let something run beside what is measured, which fails if it does."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _desk(store: Store, signer: SocketSigner) -> _Desk:
    judge, air = a_judge(), _Air({})
    quick = store.pipelined
    dispatcher = Dispatcher(quick, CLOCK, signer, air, judge)
    requests = ControlRequests(quick, CLOCK, judge, on_request=dispatcher.wake)
    reactions = Reactions(quick, CLOCK, judge, requests, auto_reconnect=True)
    facts = FactService(quick, CLOCK, ZONE, reactions.on_facts)
    return _Desk(store, air, dispatcher, requests, facts)


def _registry() -> Registry:
    """Return the meters that are switched, with an account each, and those that only report."""
    switched = range(2 * (ASKED + PAID) + IN_FLIGHT)
    town, city = a_town(len(switched), transformer_count=200), TRAFFIC.registry()
    return replace(
        city,
        transformers=town.transformers,
        premises=town.premises + city.premises,
        usage_points=town.usage_points + city.usage_points,
        accounts=tuple(
            Account(f"A{n}", f"A{n}", "residential", date(2020, 1, 1), None) for n in switched
        ),
        agreements=tuple(Agreement(f"A{n}", f"U{n}", date(2020, 1, 1), None) for n in switched),
        meters=town.meters + city.meters,
        collectors=town.collectors + city.collectors,
    )


async def _seed(store: UnitOfWorkFactory, now: datetime) -> None:
    """Let the switches of all that will be reconnected stand open."""
    async with store() as work:
        for number in range(2 * (ASKED + PAID)):
            cause = MOVE_OUT if number % (ASKED + PAID) < ASKED else NONPAY
            await work.controls.add(_opened(number, cause, now - timedelta(hours=1)))


async def _fly(store: UnitOfWorkFactory, now: datetime) -> None:
    """Let a thousand commands be out, none of them answered."""
    async with store() as work:
        for number in range(2 * (ASKED + PAID), 2 * (ASKED + PAID) + IN_FLIGHT):
            control = an_open(number, now, action=Action.RECONNECT, cause="ERROR")
            out = replace(
                control,
                state=ControlState.COLLECTOR_ACK,
                attempt_count=1,
                collector_ids=(17,),
                accepted=True,
                sent_at=now,
                due_at=now + timedelta(seconds=60),
            )
            await work.controls.add(out)


def _opened(number: int, cause: str, at: datetime) -> EndDeviceControl:
    return replace(
        an_open(number, at, cause=cause),
        state=ControlState.VERIFIED,
        result=Result.OK,
        due_at=None,
        sent_at=at,
        answered_at=at,
        verified_at=at,
        switch=SwitchPosition.OPEN,
        line_voltage=True,
        load_side_voltage=False,
    )
