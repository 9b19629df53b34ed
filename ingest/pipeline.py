"""
The heart of ingest: a batch is decoded, sieved, stored in one transaction, then acknowledged.

A crash anywhere before the acknowledgement means that the messages come again, never that they
are lost; what comes again is recognised and adds nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from ingest import counting, towers
from ingest.alarms import Tell, acknowledge
from ingest.appending import append
from ingest.assembly import Assembled, Roster, assemble
from ingest.backoff import pauses
from ingest.channels import ChannelIndex
from ingest.clock_watch import ClockWatch
from ingest.known import Sieved, Window, sieve, times
from ingest.late import VeeHorizon
from ingest.tags import TagCheck
from mdms.domain.errors import UnavailableError
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.time import from_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope, MessageSource, UplinkMessage
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

_REGISTER_SLOTS: Final = 16
"""Registers come once a frame, not once an interval."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """
    How messages are gathered into transactions.

    Attributes:
        messages_max: Messages per transaction.
        bytes_max: Payload bytes per transaction.
        age_s_max: An older message is not kept waiting for company.
        backoff_s_max: Longest pause between attempts while the database is away.
        window_intervals: Newest intervals per channel that copies are recognised by without a
            question to the database; half a kilobyte a channel at 64.
    """

    messages_max: int = 500
    bytes_max: int = 16 << 20
    age_s_max: float = 0.5
    backoff_s_max: float = 30.0
    window_intervals: int = 64

    def __post_init__(self) -> None:
        for name in ("messages_max", "bytes_max", "age_s_max", "backoff_s_max"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.window_intervals < 2 * 12:
            raise ValueError("window_intervals must hold two frames of 12 intervals")


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """How ingest is doing."""

    ready: bool = False
    """The registry is loaded and the database took the last batch."""
    last_commit_at: datetime | None = None
    lag_s: float | None = None
    """Age of the newest message of the last batch when it was taken; None before the first."""


class Pipeline:
    """
    One consumer of one source; `run` it in a task, cancel the task to stop in order.

    Args:
        source: Where messages come from.
        unit_of_work: Opens a transaction.
        clock: What time it is.
        config: How messages are gathered.
        horizon: How far VEE has come.
        tags: Checks meters' tags; None where no keys are known.
        tell: Sends messages down to collectors; None where nobody does.
        on_answers: Called when answers to commands have been stored.
        on_holes: Called when batches were found to be missing.
        on_stored: Called with messages that have been stored.
    """

    def __init__(
        self,
        source: MessageSource,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        config: IngestConfig,
        horizon: VeeHorizon,
        *,
        tags: TagCheck | None = None,
        tell: Tell | None = None,
        on_answers: Callable[[], None] | None = None,
        on_holes: Callable[[], None] | None = None,
        on_stored: Callable[[Sequence[UplinkMessage]], None] | None = None,
    ) -> None:
        self._source = source
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._config = config
        self._horizon = horizon
        self._tags = tags
        self._tell = tell
        self._on_answers = on_answers
        self._on_holes = on_holes
        self._on_stored = on_stored
        self._roster: Roster | None = None
        self._newest_seq: dict[int, int] = {}
        self._known_intervals = Window(config.window_intervals)
        self._known_registers = Window(_REGISTER_SLOTS)
        self._clocks = ClockWatch()
        self._status = IngestStatus()

    @property
    def status(self) -> IngestStatus:
        """How ingest is doing now."""
        return self._status

    async def run(self) -> None:
        """
        Ingest until cancelled; a message is acknowledged only after its commit.

        When cancelled, a transaction that has begun is finished and acknowledged; while the
        database is away nothing is, and the broker keeps what was taken.
        """
        await self._patiently(self._load)
        async for batch in self._source.batches(
            messages_max=self._config.messages_max,
            bytes_max=self._config.bytes_max,
            age_s_max=self._config.age_s_max,
        ):
            received_at = self._clock.now()
            await self._patiently(partial(self._settle, batch, received_at))

    async def reload_registry(self) -> None:
        """
        Follow a change of the registry; batches from now on are resolved by it.

        Raises:
            UnavailableError: The database is away; the registry stays as it was.
        """
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            collector_ids = await work.registry.collector_ids()
        self._known_intervals.cover(table.channel_id, table.interval_s)
        self._known_registers.cover(table.channel_id, table.interval_s)
        self._roster = Roster(ChannelIndex(table), collector_ids)

    async def _load(self) -> None:
        """Learn who may send and what is stored already."""
        await self.reload_registry()
        async with self._unit_of_work() as work:
            intervals, registers = await work.readings.newest(self._config.window_intervals)
            sequences = await work.messages.sequences()
        _remember(self._known_intervals, intervals.current())
        _remember(self._known_registers, registers.current())
        self._newest_seq = {each.collector_id: each.batch_seq for each in sequences}

    async def _patiently(self, attempt: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Try until the database is there; what has begun is finished even when cancelled."""
        for pause_s in pauses(self._config.backoff_s_max):
            try:
                await _to_its_end(attempt())
            except UnavailableError as error:
                self._status = replace(self._status, ready=False)
                log.warning("ingest.store.unavailable", error=str(error), pause_s=pause_s)
                await self._clock.sleep(pause_s)
            else:
                self._status = replace(self._status, ready=True)
                return

    async def _settle(self, batch: Sequence[Envelope], received_at: datetime) -> None:
        assembled = await self._store(batch, received_at)
        await self._source.ack(batch)  # a crash before this line means redelivery, not loss
        if self._on_stored is not None:
            self._on_stored(assembled.messages)
        if assembled.answers and self._on_answers is not None:
            self._on_answers()
        if assembled.events and self._tell is not None:
            await acknowledge(assembled.events, self._tell)

    async def _store(self, batch: Sequence[Envelope], received_at: datetime) -> Assembled:
        assert self._roster is not None, "the registry is loaded before the first batch"
        began_s, recorded_at = self._clock.monotonic(), self._clock.now()
        assembled = assemble(
            batch,
            self._roster,
            self._newest_seq,
            received_at=received_at,
            recorded_at=recorded_at,
            tags=self._tags,
            clocks=self._clocks,
        )
        intervals = sieve(self._known_intervals, assembled.intervals)
        registers = sieve(self._known_registers, assembled.registers)
        async with self._unit_of_work() as work:
            await work.messages.record(assembled.messages)
            new = await append(work.readings, intervals, registers)
            # A second opinion changes a judged day as much as a late read does.
            touched = self._horizon.touched(
                IntervalReads.concat(new.intervals, new.disputed), new.registers
            )
            if touched:
                await work.vee.touch(touched)
            if assembled.rejected:
                await work.messages.reject(assembled.rejected)
            if assembled.answers:
                await work.controls.receive(assembled.answers)
            changes = await counting.count(work.gaps, assembled.counted, recorded_at)
            heard = await towers.note(work.collectors, work.gaps, assembled.reports, received_at)
            new_event_count = await work.events.append(
                [
                    *assembled.events,
                    *counting.resets(changes, received_at),
                    *towers.takeovers(heard, received_at),
                ]
            )
        _remember(self._known_intervals, intervals.sure, intervals.unsure)
        _remember(self._known_registers, registers.sure, registers.unsure)
        self._clocks.keep(assembled.clocks)
        for message in assembled.messages:
            newest = self._newest_seq.get(message.collector_id, 0)
            self._newest_seq[message.collector_id] = max(newest, message.batch_seq)
        metrics.INGEST_COMMIT_SECONDS.observe(self._clock.monotonic() - began_s)
        metrics.INGEST_EVENTS.inc(new_event_count)
        counting.announce(changes)
        towers.announce(heard)
        if self._on_holes is not None and (
            any(change.opened for change in changes) or any(each.recovered for each in heard)
        ):
            self._on_holes()
        self._report(assembled, len(new.intervals), len(new.registers), intervals, recorded_at)
        return assembled

    def _report(
        self,
        assembled: Assembled,
        new_interval_count: int,
        new_register_count: int,
        intervals: Sieved[IntervalReads],
        committed_at: datetime,
    ) -> None:
        for message in assembled.messages:
            metrics.INGEST_MESSAGES.labels(kind=message.kind).inc()
        for rejected in assembled.rejected:
            metrics.INGEST_REJECTED.labels(reason=rejected.reason).inc()
        metrics.INGEST_FRAMES.inc(assembled.frame_count)
        metrics.INGEST_INTERVALS.inc(new_interval_count)
        metrics.INGEST_REGISTERS.inc(new_register_count)
        metrics.INGEST_DUPLICATES.inc(intervals.duplicate_count)
        metrics.INGEST_CONFLICTS.inc(intervals.different_count)
        metrics.INGEST_LAST_COMMIT.set(committed_at.timestamp())
        lag_s = self._status.lag_s
        if assembled.messages:
            newest = from_epoch_us(max(message.batch_us for message in assembled.messages))
            lag_s = (committed_at - newest).total_seconds()
            metrics.INGEST_LAG.set(lag_s)
        self._status = IngestStatus(ready=True, last_commit_at=committed_at, lag_s=lag_s)
        log.debug(
            "ingest.batch.committed",
            message_count=len(assembled.messages),
            interval_count=new_interval_count,
            register_count=new_register_count,
            duplicate_count=intervals.duplicate_count,
        )
        if assembled.rejected:
            reasons = Counter(rejected.reason.value for rejected in assembled.rejected)
            log.warning("ingest.input.rejected", **reasons)


def _remember(window: Window, *parts: IntervalReads | RegisterReads) -> None:
    for reads in parts:
        window.remember(reads.channel_id, times(reads), reads.value)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Let work finish even if we are cancelled meanwhile; then be cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(UnavailableError):  # not stored, not acknowledged: it comes again
            await task
        raise
