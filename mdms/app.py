"""
The composition root: the one module that knows every adapter, and that holds the real clock.

`serve` is one process on one event loop. It ends in order: ingest finishes the batch in hand and
acknowledges nothing that it did not store, the API answers what it has begun, then connections
are given back.
"""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from commands.dispatcher import Dispatcher
from commands.mqtt import MqttTransport
from commands.requests import ControlRequests
from commands.signer import LocalSigner
from ingest.followed import STEP_S, FollowedClock, FollowedSource, simulated_time_topic
from ingest.late import VeeHorizon
from ingest.mqtt import MqttConfig, MqttSource, control_topic, state_topics, uplink_topics
from ingest.pipeline import IngestConfig, Pipeline
from ingest.tags import TagCheck
from mdms import api
from mdms.api.auth import Role, Token, Tokens
from mdms.api.backend import Services
from mdms.domain.errors import OperatorError, UnavailableError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billing_run import BillingService
from mdms.services.controls import ControlService
from mdms.services.gaps import GapService
from mdms.services.optouts import OptoutService
from mdms.services.readings import ReadingService
from mdms.services.registry import RegistryService
from mdms.services.schedule import DailyJob, Schedule
from mdms.services.status import StatusService
from mdms.services.vee_run import VeeService
from mdms.settings import ApiSettings, Settings, config_dir, read_master_keys
from mdms.storage.signer import open_signer_store
from mdms.storage.unit_of_work import open_store
from vee.rules import RuleSet

log = structlog.get_logger()

PARTS = frozenset({"ingest", "vee", "commands", "api"})
_BROKER_S_MAX = 15.0
_SCHEDULE_PERIOD_S = 5.0
_RETRY_S = 2.0
_CANCEL_AGAIN_S = 10.0


class SystemClock:
    """The machine's clock; the only place that reads it."""

    def now(self) -> datetime:
        """Return civil time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class _Core:
    """What the parts of one daemon share."""

    settings: Settings
    clock: Clock
    unit_of_work: UnitOfWorkFactory
    horizon: VeeHorizon
    vee: VeeService


async def serve(settings: Settings, parts: frozenset[str] = PARTS) -> None:
    """
    Run the daemon until SIGTERM or SIGINT.

    Raises:
        UnavailableError: Database or broker are not there at the start.
        OperatorError: The settings cannot be carried out.
    """
    stop = _on_signal()
    followed = settings.clock.source == "simulation"
    clock = FollowedClock() if followed else SystemClock()
    async with AsyncExitStack() as stack:
        unit_of_work = await stack.enter_async_context(
            open_store(
                settings.database.dsn.get_secret_value(),
                connections_max=settings.database.connections_max,
                statement_timeout_s=settings.database.statement_timeout_s,
            )
        )
        core = await _core(settings, clock, unit_of_work)
        tasks = await stack.enter_async_context(_ended_in_order())
        on_registry: Callable[[], Awaitable[None]] | None = None
        problems: Callable[[], Sequence[str]] = tuple
        nightly = _Nightly(core) if "vee" in parts else None
        gaps = GapService(unit_of_work, clock, _nobody_hears)
        dispatcher: Dispatcher | None = None
        if "commands" in parts and "ingest" not in parts:
            raise OperatorError("commands go out by the connection of ingest: name both in --only")
        if "ingest" in parts:
            pipeline, source, gaps, dispatcher = await _start_ingest(
                core, stack, tasks, nightly, with_commands="commands" in parts
            )
            on_registry = pipeline.reload_registry
            problems = partial(_ingest_problems, pipeline, source, settings.mqtt.url)
        if nightly is not None and not followed:
            tasks.start(nightly.forever())
        if "api" in parts:
            _start_api(
                core,
                tasks,
                gaps,
                dispatcher=dispatcher,
                on_registry=on_registry,
                ingest_problems=problems,
            )
        # What is loaded by now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        log.info("daemon.started", parts=sorted(parts))
        await tasks.until(stop)
        log.info("daemon.stopping")


async def _core(settings: Settings, clock: Clock, unit_of_work: UnitOfWorkFactory) -> _Core:
    rules = RuleSet.load(config_dir() / "vee" / f"{settings.vee.ruleset}.toml")
    async with unit_of_work() as work:
        last = await work.vee.last_run()
    horizon = VeeHorizon(settings.zone, last.last_day if last else None)
    vee = VeeService(unit_of_work, clock, rules, settings.zone, before_load=horizon.advance)
    return _Core(settings, clock, unit_of_work, horizon, vee)


class _Nightly:
    """Runs VEE when its time of day has come, and waits out a database that is away."""

    def __init__(self, core: _Core) -> None:
        self._core = core
        self._schedule: Schedule | None = None

    async def run_due(self, now: datetime) -> None:
        """Run what is due by now, to its end."""
        while True:
            try:
                schedule = self._schedule or await self._make(now)
                await schedule.run_due(now)
            except UnavailableError as error:
                log.warning("schedule.store.unavailable", error=str(error))
                await self._core.clock.sleep(_RETRY_S)
            else:
                return

    async def forever(self) -> None:
        """Ask every few seconds."""
        while True:
            await self.run_due(self._core.clock.now())
            await self._core.clock.sleep(_SCHEDULE_PERIOD_S)

    async def _make(self, now: datetime) -> Schedule:
        async with self._core.unit_of_work() as work:
            last = await work.vee.last_run()
        job = DailyJob("vee", self._core.settings.vee.nightly_at, self._core.vee.nightly)
        since = last.started_at if last else now
        self._schedule = Schedule([job], self._core.settings.zone, since)
        return self._schedule


async def _start_ingest(
    core: _Core,
    stack: AsyncExitStack,
    tasks: "_Tasks",
    nightly: _Nightly | None,
    *,
    with_commands: bool,
) -> tuple[Pipeline, MqttSource, GapService, Dispatcher | None]:
    utility, clock = core.settings.utility.code, core.clock
    broker = await _broker(core, stack)

    async def tell(collector_id: int, payload: bytes) -> None:
        await broker.publish(control_topic(utility, collector_id), payload)

    async def on_radio() -> None:
        await pipeline.reload_registry()

    gaps = GapService(core.unit_of_work, clock, tell)
    can_command = with_commands and bool(core.settings.signer.keys)
    dispatcher = await _dispatcher(core, stack, broker, on_radio) if can_command else None
    source: MqttSource | FollowedSource = broker
    if isinstance(clock, FollowedClock):
        source = await _followed(core, broker, clock, _Timers(gaps, dispatcher, nightly))
    ingest = core.settings.ingest
    pipeline = Pipeline(
        source,
        core.unit_of_work,
        clock,
        IngestConfig(
            messages_max=ingest.messages_max,
            bytes_max=ingest.bytes_max,
            age_s_max=ingest.age_s_max,
            backoff_s_max=ingest.backoff_s_max,
        ),
        core.horizon,
        tags=TagCheck(read_master_keys(Path(ingest.read_keys))) if ingest.read_keys else None,
        tell=tell,
        on_answers=dispatcher.wake if dispatcher else None,
        on_holes=gaps.wake,
    )
    tasks.start(pipeline.run())
    if source is broker:
        tasks.start(_ask_forever(gaps, clock))
        if dispatcher is not None:
            tasks.start(dispatcher.forever())
    return pipeline, broker, gaps, dispatcher


async def _broker(core: _Core, stack: AsyncExitStack) -> MqttSource:
    mqtt, utility = core.settings.mqtt, core.settings.utility.code
    topics = [uplink_topics(utility), state_topics(utility)]
    if isinstance(core.clock, FollowedClock):
        topics.append(simulated_time_topic(utility))
    config = MqttConfig(
        url=mqtt.url,
        client_id=mqtt.client_id,
        topics=tuple(topics),
        protocol=mqtt.protocol,
        receive_max=mqtt.receive_max,
        keepalive_s=mqtt.keepalive_s,
    )
    broker = await stack.enter_async_context(MqttSource(config, core.clock))
    await _until_connected(broker, mqtt.url)
    return broker


@dataclass(frozen=True, slots=True)
class _Timers:
    """What is due after each granted step, in this order."""

    gaps: GapService
    dispatcher: Dispatcher | None
    nightly: _Nightly | None

    async def run_due(self, now: datetime) -> None:
        await _ask_for_missing(self.gaps, now)
        if self.dispatcher is not None:
            await self.dispatcher.run_due_surely(now)
        if self.nightly is not None:
            await self.nightly.run_due(now)

    def wanted_step_s(self) -> int:
        return STEP_S if self.dispatcher is None else self.dispatcher.wanted_step_s()


async def _followed(
    core: _Core, broker: MqttSource, clock: FollowedClock, timers: _Timers
) -> FollowedSource:
    async with core.unit_of_work() as work:
        sequences = await work.messages.sequences()
    return FollowedSource(
        broker,
        clock,
        utility=core.settings.utility.code,
        committed={each.collector_id: each.batch_seq for each in sequences},
        on_granted=timers.run_due,
        wanted_step_s=timers.wanted_step_s,
    )


def _nobody_waits() -> None:
    """Tell nobody: this process sends no commands."""


async def _dispatcher(
    core: _Core,
    stack: AsyncExitStack,
    broker: MqttSource,
    on_radio: Callable[[], Awaitable[None]],
) -> Dispatcher:
    settings = core.settings
    store = await stack.enter_async_context(
        open_signer_store(
            settings.database.dsn.get_secret_value(),
            statement_timeout_s=settings.database.statement_timeout_s,
        )
    )
    masters = read_master_keys(Path(settings.signer.keys))
    remote_open = settings.commands.remote_open
    return Dispatcher(
        core.unit_of_work,
        core.clock,
        LocalSigner(masters, store, remote_open=remote_open),
        MqttTransport(broker.publish, settings.utility.code),
        remote_open=remote_open,
        on_radio=on_radio,
    )


async def _ask_forever(gaps: GapService, clock: Clock) -> None:
    while True:
        gaps.wake()  # another process may have found some
        await _ask_for_missing(gaps, clock.now())
        await clock.sleep(_SCHEDULE_PERIOD_S)


async def _ask_for_missing(gaps: GapService, now: datetime) -> None:
    try:
        await gaps.run_due(now)
    except UnavailableError as error:  # it stays due
        log.warning("collection.backfill.delayed", error=str(error))


async def _nobody_hears(collector_id: int, _payload: bytes) -> None:
    raise UnavailableError(
        f"this daemon has no broker to reach collector {collector_id} by; ask one that runs ingest"
    )


async def _until_connected(broker: MqttSource, url: str) -> None:
    try:
        async with asyncio.timeout(_BROKER_S_MAX):
            await broker.until_connected()
    except TimeoutError as error:
        raise UnavailableError(
            f"the broker at {_without_password(url)} did not answer within {_BROKER_S_MAX:.0f} s; "
            "is it running, and does [mqtt] url name it?"
        ) from error


def _start_api(
    core: _Core,
    tasks: "_Tasks",
    gaps: GapService,
    *,
    dispatcher: Dispatcher | None,
    on_registry: Callable[[], Awaitable[None]] | None,
    ingest_problems: Callable[[], Sequence[str]],
) -> None:
    settings, unit_of_work = core.settings, core.unit_of_work

    async def finalize(first: date, last: date) -> None:
        await core.vee.run(first, last, final=True)

    async def problems() -> Sequence[str]:
        return [*ingest_problems(), *await _database_problems(unit_of_work)]

    services = Services(
        zone=settings.zone,
        registry=RegistryService(unit_of_work, on_change=on_registry),
        readings=ReadingService(unit_of_work, settings.zone),
        gaps=gaps,
        vee=core.vee,
        billing=BillingService(unit_of_work, core.clock, settings.zone, finalize),
        status=StatusService(unit_of_work, core.clock),
        requests=ControlRequests(
            unit_of_work,
            core.clock,
            remote_open=settings.commands.remote_open,
            can_sign=bool(settings.signer.keys),
            on_request=dispatcher.wake if dispatcher else _nobody_waits,
        ),
        controls=ControlService(unit_of_work),
        optouts=OptoutService(unit_of_work, core.clock, on_radio=on_registry),
        problems=problems,
    )
    tasks.start(_answer(api.create(services, _tokens(settings.api)), settings.api))


async def _database_problems(unit_of_work: UnitOfWorkFactory) -> list[str]:
    try:
        async with unit_of_work() as work:
            await work.registry.collector_ids()
    except UnavailableError as error:
        return [str(error)]
    return []


def _ingest_problems(pipeline: Pipeline, source: MqttSource, url: str) -> list[str]:
    problems = []
    if not source.connected:
        problems.append(f"no connection to the broker at {_without_password(url)}")
    if not pipeline.status.ready:
        problems.append("ingest waits for the database")
    return problems


def _tokens(settings: ApiSettings) -> Tokens:
    return Tokens(
        {
            name: Token(name, frozenset(Role(role) for role in token.roles), token.sha256)
            for name, token in settings.tokens.items()
        }
    )


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: ingest and API end together."""
        yield


async def _answer(app: FastAPI, settings: ApiSettings) -> None:
    try:
        listener = socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise OperatorError(
            f"nothing can listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another [api] port"
        ) from error
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    log.info("api.listening", host=settings.host, port=listener.getsockname()[1])
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class _Tasks:
    """The parts that run side by side; the first that fails ends them all."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, part: Awaitable[None]) -> None:
        """Run a part beside the others."""
        self._tasks.append(asyncio.ensure_future(part))

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the signal, or for the first part to end, which none does by itself."""
        signalled = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({signalled, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        for task in done - {signalled}:
            task.result()

    async def end(self) -> None:
        """Cancel the parts in the order in which they were started, one after the other."""
        for task in self._tasks:
            # asyncio.wait_for of Python 3.11, which libraries use, can swallow a cancellation.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_AGAIN_S)


@asynccontextmanager
async def _ended_in_order() -> AsyncIterator[_Tasks]:
    tasks = _Tasks()
    try:
        yield tasks
    finally:
        await tasks.end()


def _on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
