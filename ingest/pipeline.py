"""
The heart of ingest: a batch is prepared, stored in one transaction, then acknowledged.

A crash anywhere before the acknowledgement means that the messages come again, never that they
are lost; what comes again is recognised and adds nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ingest import counting, towers
from ingest.alarm_bits import standing
from ingest.alarms import Tell, acknowledge
from ingest.appending import append
from ingest.assembly import Assembled
from ingest.backoff import pauses
from ingest.known import Reads, Sieved
from ingest.late import VeeHorizon, late_count, touch
from ingest.preparing import Prepared, Preparer, Stored
from ingest.tags import TagCheck
from ingest.trailers import TrailerCheck
from mdms.domain.errors import UnavailableError
from mdms.domain.readings import IntervalReads
from mdms.domain.time import from_epoch_us, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope, MessageSource, UplinkMessage
from mdms.ports.readings import FEW_READS
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

_ALARMS_LAST: Final = timedelta(days=7)
"""Alarms that began longer before a start are told of anew while they last, and not cleared."""
_CHANNELS_AT_ONCE: Final = 10_000
"""Of the newest reads, at the start: thirty megabytes, and some seconds."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """
    How messages are gathered into transactions.

    Attributes:
        messages_max: Messages per transaction.
        bytes_max: Payload bytes per transaction; what is urgent waits for at most two of them.
        age_s_max: An older message is not kept waiting for company.
        backoff_s_max: Longest pause between attempts while the database is away.
        window_intervals: Newest intervals per channel that copies are recognised by without a
            question to the database; half a kilobyte a channel at 64.
    """

    messages_max: int = 500
    bytes_max: int = 2 << 20
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
        brief: Opens a transaction none of whose statements waits for those before it, for batches
            of few reads; None: `unit_of_work` is for all.
        tags: Checks meters' tags; None where no keys are known.
        trailers: Checks collectors' trailers; None where no keys are known.
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
        brief: UnitOfWorkFactory | None = None,
        tags: TagCheck | None = None,
        trailers: TrailerCheck | None = None,
        tell: Tell | None = None,
        on_answers: Callable[[], None] | None = None,
        on_holes: Callable[[], None] | None = None,
        on_stored: Callable[[Sequence[UplinkMessage]], None] | None = None,
    ) -> None:
        self._source = source
        self._unit_of_work = unit_of_work
        self._brief = brief or unit_of_work
        self._clock = clock
        self._config = config
        self._horizon = horizon
        self._tell = tell
        self._on_answers = on_answers
        self._on_holes = on_holes
        self._on_stored = on_stored
        self._preparer = Preparer(config.window_intervals, tags, trailers)
        self._change_count = 0
        self._status = IngestStatus()

    @property
    def status(self) -> IngestStatus:
        """How ingest is doing now."""
        return self._status

    async def run(self) -> None:
        """
        Ingest until cancelled; a message is acknowledged only after its commit.

        While one batch is being stored, the next is taken and prepared. When cancelled, a
        transaction that has begun is finished and acknowledged; while the database is away
        nothing is, and the broker keeps what was taken.
        """
        await self._patiently(self._load)
        batches = self._source.batches(
            messages_max=self._config.messages_max,
            bytes_max=self._config.bytes_max,
            age_s_max=self._config.age_s_max,
        )
        upcoming = asyncio.create_task(self._next(batches))
        try:
            while await upcoming:
                upcoming = asyncio.create_task(self._next(batches))
                await self._patiently(self._settle)
                self._preparer.leave()
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def reload_registry(self) -> bool:
        """
        Follow the registry if it has changed; what is stored from now on is resolved by it.

        Return whether it had.

        Raises:
            UnavailableError: The database is away; the registry stays as it was.
        """
        async with self._unit_of_work() as work:
            change_count = await work.registry.change_count()
            if change_count == self._change_count:
                return False
            table = await work.registry.channels()
            collector_ids = await work.registry.collector_ids()
        await self._preparer.follow(table, collector_ids)
        self._change_count = change_count
        return True

    async def _load(self) -> None:
        """Learn who may send and what is stored already."""
        async with self._unit_of_work() as work:
            self._change_count = await work.registry.change_count()
            table = await work.registry.channels()
            collector_ids = await work.registry.collector_ids()
            sequences = await work.messages.sequences()
            lasting = await work.events.lasting(self._clock.now() - _ALARMS_LAST)
        alarms = standing(lasting)
        await self._preparer.start(Stored(table, collector_ids, sequences, alarms))
        # Some channels at a time: neither a statement nor what it returns grows with the city.
        end = int(table.channel_id.max(initial=-1)) + 1
        for first in range(0, end, _CHANNELS_AT_ONCE):
            some = range(first, min(first + _CHANNELS_AT_ONCE, end))
            async with self._unit_of_work() as work:
                known = await work.readings.newest(self._config.window_intervals, some)
            await self._preparer.know(*known)

    async def _next(self, batches: AsyncIterator[Sequence[Envelope]]) -> bool:
        """Take a batch and prepare it; return whether the source had one."""
        batch = await anext(batches, None)
        if batch is not None:
            await self._preparer.prepare(batch, self._clock.now())
        return batch is not None

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

    async def _settle(self) -> None:
        prepared = await self._preparer.first()
        await self._store(prepared)
        # A crash before this line means redelivery, not loss.
        await self._source.ack(prepared.batch)
        assembled = prepared.assembled
        if self._on_stored is not None:
            self._on_stored(assembled.messages)
        if assembled.answers and self._on_answers is not None:
            self._on_answers()
        if assembled.events and self._tell is not None:
            await acknowledge(assembled.events, self._tell)

    async def _store(self, prepared: Prepared) -> None:
        began_s, recorded_at = self._clock.monotonic(), self._clock.now()
        assembled, received_at = prepared.assembled, prepared.received_at
        intervals = prepared.intervals.recorded(to_epoch_us(recorded_at))
        registers = prepared.registers.recorded(to_epoch_us(recorded_at))
        is_brief = _row_count(intervals) + _row_count(registers) <= FEW_READS
        async with self._brief() if is_brief else self._unit_of_work() as work:
            await work.messages.record(assembled.messages)
            new = await append(work.readings, intervals, registers)
            # A second opinion changes a judged day as much as a late read does.
            disputed = IntervalReads.concat(new.intervals, new.disputed)
            await touch(work.vee, self._horizon, disputed, new.registers)
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
        metrics.INGEST_COMMIT_SECONDS.observe(self._clock.monotonic() - began_s)
        metrics.INGEST_EVENTS.inc(new_event_count)
        metrics.INGEST_LATE.inc(late_count(new.intervals, received_at))
        counting.announce(changes)
        towers.announce(heard)
        if self._on_holes is not None and (
            any(change.opened for change in changes) or any(each.recovered for each in heard)
        ):
            self._on_holes()
        self._report(assembled, len(new.intervals), len(new.registers), intervals, recorded_at)

    def _report(
        self,
        assembled: Assembled,
        new_interval_count: int,
        new_register_count: int,
        intervals: Sieved[IntervalReads],
        committed_at: datetime,
    ) -> None:
        for kind, count in Counter(message.kind for message in assembled.messages).items():
            metrics.INGEST_MESSAGES.labels(kind=kind).inc(count)
        metrics.INGEST_MISDATED.inc(
            sum(message.misdated and message.frame_count > 0 for message in assembled.messages)
        )
        for kind, count in assembled.shed.items():
            metrics.INGEST_SHED.labels(kind=kind).inc(count)
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


def _row_count(sieved: Sieved[Reads]) -> int:
    return len(sieved.sure) + len(sieved.unsure) + sum(map(len, sieved.conflicts))


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Let work finish even if we are cancelled meanwhile; then be cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(UnavailableError):  # not stored, not acknowledged: it comes again
            await task
        raise
