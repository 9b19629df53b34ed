"""
What is due by the clock: every few seconds of the system's, after every step of a followed one.

A database that is away delays it and loses nothing: what was not done stays due.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from commands.dispatcher import Dispatcher
from ingest.followed import STEP_S
from ingest.mqtt import MqttSource, head_time_topic
from ingest.pipeline import Pipeline
from ingest.quarantine import Quarantine
from mdms.app.commands import CommandWatch
from mdms.app.core import Core
from mdms.app.jobs import daily_jobs, service_levels
from mdms.domain.errors import UnavailableError
from mdms.ports.clock import Clock
from mdms.services.collectors import CollectorService
from mdms.services.gaps import GapService
from mdms.services.grid_days import GridDays
from mdms.services.schedule import Schedule

log = structlog.get_logger()

_PERIOD_S = 5.0
_RETRY_S = 2.0
_MINUTE_S = 60.0


class Nightly:
    """Runs what is due by the time of day, and waits out a database that is away."""

    def __init__(self, core: Core) -> None:
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
            await self._core.clock.sleep(_PERIOD_S)

    async def _make(self, now: datetime) -> Schedule:
        async with self._core.unit_of_work() as work:
            last = await work.vee.last_run()
        await service_levels(self._core).show()
        jobs = daily_jobs(self._core)
        since = last.started_at if last else now
        self._schedule = Schedule(jobs, self._core.settings.zone, since)
        return self._schedule


async def ask_for_missing(gaps: GapService, now: datetime) -> None:
    """Ask collectors for the batches that are missing by now."""
    try:
        await gaps.run_due(now)
    except UnavailableError as error:  # it stays due
        log.warning("collection.backfill.delayed", error=str(error))


async def ask_for_missing_forever(gaps: GapService, clock: Clock) -> None:
    """Ask every few seconds."""
    while True:
        gaps.wake()  # another process may have found some
        await ask_for_missing(gaps, clock.now())
        await clock.sleep(_PERIOD_S)


async def read_again(quarantine: Quarantine, now: datetime) -> None:
    """Read again what the registry knows the sender of by now."""
    try:
        await quarantine.run_due(now)
    except UnavailableError as error:  # it stays due
        log.warning("ingest.quarantine.delayed", error=str(error))


async def follow_registry(pipeline: Pipeline, quarantine: Quarantine) -> None:
    """Take in what was changed in the registry, here or by another process."""
    try:
        if await pipeline.reload_registry():
            quarantine.wake()
    except UnavailableError as error:  # the next look sees it
        log.warning("ingest.registry.delayed", error=str(error))


@dataclass(frozen=True, slots=True)
class Tower:
    """What the head-end does for its collectors: it looks at them, and tells them the time."""

    broker: MqttSource
    utility: str
    collectors: CollectorService
    quarantine: Quarantine
    clock: Clock
    pipeline: Pipeline

    async def forever(self) -> None:
        """Every few seconds, and once a minute what is measured and told."""
        told_s = -_MINUTE_S
        while True:
            now = self.clock.now()
            await follow_registry(self.pipeline, self.quarantine)
            await read_again(self.quarantine, now)
            if self.clock.monotonic() - told_s >= _MINUTE_S:
                told_s = self.clock.monotonic()
                await self._once_a_minute(now)
            await self.clock.sleep(_PERIOD_S)

    async def _once_a_minute(self, now: datetime) -> None:
        try:
            await self.broker.publish(
                head_time_topic(self.utility), msgspec.json.encode({"t": now}), qos=0
            )
            await self.collectors.measure()
            await self.quarantine.measure()
        except UnavailableError as error:  # a minute later is early enough
            log.warning("collection.look.delayed", error=str(error))


async def look_for_outages_forever(days: GridDays, clock: Clock) -> None:
    """Look every minute what is failing; by a followed clock each morning is enough."""
    while True:
        try:
            await days.look()
        except UnavailableError as error:  # the next look sees it
            log.warning("grid.look.delayed", error=str(error))
        await clock.sleep(_MINUTE_S)


async def ask_after_the_signer_forever(ask: Callable[[], Awaitable[object]], clock: Clock) -> None:
    """Ask every minute how its breaker stands: a signer that died is missed before a command is."""
    while True:
        try:
            await ask()
        except UnavailableError as error:  # it is counted, and an alarm reads the count
            log.warning("command.signer.unheard", error=str(error))
        await clock.sleep(_MINUTE_S)


async def look_after_commands(watch: CommandWatch, now: datetime) -> None:
    """Ask for the commands that nobody asks for: silence, an answer, somebody's supply."""
    try:
        await watch.run_due(now)
    except UnavailableError as error:  # it stays due
        log.warning("command.watch.delayed", error=str(error))


async def look_after_commands_forever(watch: CommandWatch, clock: Clock) -> None:
    """Ask every few seconds."""
    while True:
        await look_after_commands(watch, clock.now())
        await clock.sleep(_PERIOD_S)


@dataclass(frozen=True, slots=True)
class StepTimers:
    """What is due after each granted step, in this order."""

    gaps: GapService
    quarantine: Quarantine
    watch: CommandWatch | None
    dispatcher: Dispatcher | None
    nightly: Nightly | None

    async def run_due(self, now: datetime) -> None:
        """Run all that is due by now, to its end."""
        await ask_for_missing(self.gaps, now)
        await read_again(self.quarantine, now)
        if self.watch is not None:
            await look_after_commands(self.watch, now)
        if self.dispatcher is not None:
            await self.dispatcher.run_due_surely(now)
        if self.nightly is not None:
            await self.nightly.run_due(now)

    def wanted_step_s(self) -> int:
        """Return how far the next step may go [s]."""
        return STEP_S if self.dispatcher is None else self.dispatcher.wanted_step_s()
