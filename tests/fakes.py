"""A typed fake per port, each under 40 lines; what no test needs yet is not faked."""

import copy
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Self, cast

import numpy as np

from mdms.domain.collectors import CollectorState
from mdms.domain.events import NOTICEABLE, EndDeviceEvent, EventCode
from mdms.domain.gaps import BatchCount, CountChange, Hole, Span
from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_us
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.messages import CollectorSequence, Envelope, Rejected, UplinkMessage
from mdms.ports.unit_of_work import UnitOfWork


class FakeClock:
    """A clock that moves only when someone sleeps or a test says so."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic_s = 0.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic_s

    def advance(self, by: timedelta) -> None:
        self._monotonic_s += by.total_seconds()
        self._now += by

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.advance(timedelta(seconds=seconds))


class FakeSource:
    """A broker in memory: batches as given, then the end; who asks anew gets the rest again."""

    def __init__(self, batches: Iterable[Sequence[Envelope]] = ()) -> None:
        self.given = [list(batch) for batch in batches]
        self.acked: list[Envelope] = []

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        for batch in self.given:
            done = {id(each) for each in self.acked}
            rest = [each for each in batch if id(each) not in done]
            if rest:
                yield rest

    async def ack(self, batch: Sequence[Envelope]) -> None:
        self.acked += batch


class FakeRegistryStore:
    """A registry that is as the test says."""

    def __init__(self, channels: ChannelTable, collector_ids: Iterable[int]) -> None:
        self.changes = 0
        self._table = channels
        self.ids = frozenset(collector_ids)

    @property
    def table(self) -> ChannelTable:
        return self._table

    @table.setter
    def table(self, table: ChannelTable) -> None:
        self._table = table
        self.changes += 1

    async def change_count(self) -> int:
        return self.changes

    async def channels(self) -> ChannelTable:
        return self.table

    async def collector_ids(self) -> frozenset[int]:
        return self.ids


class FakeMessageStore:
    """Messages and dead letters in lists."""

    def __init__(self) -> None:
        self.recorded: dict[tuple[int, int, int, int], UplinkMessage] = {}
        self.rejected: list[Rejected] = []

    async def record(self, messages: Sequence[UplinkMessage]) -> int:
        before = len(self.recorded)
        for each in messages:
            key = each.collector_id, each.boot_id, each.batch_seq, each.batch_us
            self.recorded.setdefault(key, each)
        return len(self.recorded) - before

    async def reject(self, rejected: Sequence[Rejected]) -> int:
        known = {(each.topic, each.frame_index, each.payload) for each in self.rejected}
        new = [r for r in rejected if (r.topic, r.frame_index, r.payload) not in known]
        self.rejected += new
        return len(new)

    async def sequences(self) -> Sequence[CollectorSequence]:
        newest = {each.collector_id: each for _, each in sorted(self.recorded.items())}
        return [
            CollectorSequence(
                collector_id=each.collector_id,
                boot_id=each.boot_id,
                batch_seq=each.batch_seq,
                batch_at=from_epoch_us(each.batch_us),
                received_at=each.received_at,
            )
            for each in newest.values()
        ]


class FakeReadingStore:
    """Raw reads by key, with the unique key's behaviour; conflicts are kept beside them."""

    def __init__(self) -> None:
        self.interval_values: dict[tuple[int, int], int] = {}
        self.register_values: dict[tuple[int, int], int] = {}
        self.conflicts: list[tuple[int, int, int]] = []
        self.sure: list[bool] = []

    async def append_raw(
        self, intervals: IntervalReads, registers: RegisterReads, *, sure: bool
    ) -> tuple[IntervalReads, RegisterReads]:
        self.sure.append(sure)
        taken = self._put(self.interval_values, intervals, intervals.start_s)
        also = self._put(self.register_values, registers, registers.at_s)
        return intervals.take(taken), registers.take(also)

    async def differing(self, intervals: IntervalReads) -> IntervalReads:
        keys = zip(intervals.channel_id.tolist(), intervals.start_s.tolist(), strict=True)
        stored = np.array([self.interval_values[key] for key in keys], np.int64)
        return intervals.take(stored != intervals.value)

    def _put(
        self,
        values: dict[tuple[int, int], int],
        reads: IntervalReads | RegisterReads,
        at_s: Int64,
    ) -> Int64:
        keys = list(zip(reads.channel_id.tolist(), at_s.tolist(), strict=True))
        assert len(set(keys)) == len(keys), "each key at most once within the call"
        taken = [row for row, key in enumerate(keys) if key in values]
        for key, value in zip(keys, reads.value.tolist(), strict=True):
            if values.setdefault(key, value) != value:
                self.conflicts.append((*key, value))
        return np.array(taken, np.int64)

    async def newest(self, slots: int, channel_ids: range) -> tuple[IntervalReads, RegisterReads]:
        intervals = _columns(self.interval_values, channel_ids)
        registers = _columns(self.register_values, channel_ids)
        return (
            IntervalReads.raw(*intervals, recorded_us=0, source=Source.UPLINK),
            RegisterReads.raw(*registers, recorded_us=0, source=Source.UPLINK),
        )


def _columns(values: dict[tuple[int, int], int], channel_ids: range) -> tuple[Int64, Int64, Int64]:
    found = [(*key, value) for key, value in values.items() if key[0] in channel_ids]
    rows = np.array(found, np.int64).reshape(-1, 3)
    return rows[:, 0], rows[:, 1], rows[:, 2]


class FakeTouches:
    """The part of VeeStore that ingest writes to."""

    def __init__(self) -> None:
        self.channel_days: set[tuple[int, date]] = set()
        self.judged_until: date | None = None

    async def horizon(self) -> date | None:
        return self.judged_until

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        self.channel_days.update(channel_days)


class FakeEventStore:
    """Events in a list, copies within 5 seconds dropped, and what was noticed of the same."""

    def __init__(self) -> None:
        self.stored: list[EndDeviceEvent] = []

    async def append(self, events: Sequence[EndDeviceEvent]) -> int:
        new = 0
        for event in sorted(events, key=lambda event: event.noticed):
            if event.noticed:
                is_known = _was_said(event, self.stored)
            else:
                self.stored = [each for each in self.stored if not self._gives_way(each, event)]
                is_known = any(_same(event, known) for known in self.stored)
            if not is_known:
                self.stored.append(event)
                new += 1
        return new

    async def lasting(self, since: datetime) -> Sequence[EndDeviceEvent]:
        newest: dict[tuple[str | None, EventCode], EndDeviceEvent] = {}
        for event in sorted(self.stored, key=lambda event: event.at):
            if event.at >= since and event.badge is not None and event.code in NOTICEABLE:
                newest[event.badge, event.code] = event
        return [event for event in newest.values() if event.noticed and not event.cleared]

    def _gives_way(self, told: EndDeviceEvent, event: EndDeviceEvent) -> bool:
        alike = (told.badge, told.code, told.cleared) == (event.badge, event.code, event.cleared)
        if not alike or not told.noticed or not _SLACK <= told.at - event.at <= timedelta(days=1):
            return False
        return not any(
            (turn.badge, turn.code, turn.cleared) == (event.badge, event.code, not event.cleared)
            and event.at < turn.at <= told.at
            for turn in self.stored
        )

    async def within(
        self, period: Period, *, badge: str | None = None, count_max: int | None = None
    ) -> Sequence[EndDeviceEvent]:
        found = [
            event
            for event in self.stored
            if period.start_utc <= event.at < period.end_utc and badge in (None, event.badge)
        ]
        return sorted(found, key=lambda event: event.at)[:count_max]


_SLACK = timedelta(seconds=-5)


def _was_said(event: EndDeviceEvent, stored: Sequence[EndDeviceEvent]) -> bool:
    """Tell whether the newest event before one that was noticed says the same."""
    before = [
        known
        for known in stored
        if (known.badge, known.code) == (event.badge, event.code) and event.at - known.at >= _SLACK
    ]
    if not before:
        return False
    newest = max(before, key=lambda known: known.at)
    fresh = newest.cleared or event.at - newest.at < timedelta(days=1)
    return newest.cleared == event.cleared and fresh


def _same(event: EndDeviceEvent, known: EndDeviceEvent) -> bool:
    whose = (event.badge, event.badge or event.collector_id, event.code, event.cleared)
    return (
        whose == (known.badge, known.badge or known.collector_id, known.code, known.cleared)
        and abs((event.at - known.at).total_seconds()) <= 5
    )


class FakeGapStore:
    """Counts and holes in dictionaries."""

    def __init__(self) -> None:
        self.by_collector: dict[int, BatchCount] = {}
        self.by_id: dict[int, Hole] = {}
        self._ids = itertools.count(1)

    async def counted(
        self, collector_ids: Iterable[int]
    ) -> tuple[Mapping[int, BatchCount], Sequence[Hole]]:
        named = list(collector_ids)
        known = {key: self.by_collector[key] for key in named if key in self.by_collector}
        return known, await self.holes(named)

    async def holes(
        self, collector_ids: Iterable[int] | None = None, *, lost: bool = False
    ) -> Sequence[Hole]:
        wanted = None if collector_ids is None else set(collector_ids)
        return [
            hole
            for hole in self.by_id.values()
            if (wanted is None or hole.collector_id in wanted) and (lost or hole.lost_at is None)
        ]

    async def given_up(self, batches: Iterable[tuple[int, int]]) -> Sequence[Hole]:
        def holds(hole: Hole, seq: int) -> bool:
            first, last = hole.span.first_seq, hole.span.last_seq
            return first is not None and last is not None and first <= seq <= last

        came = set(batches)
        return [
            hole
            for hole in self.by_id.values()
            if hole.lost_at is not None
            and any(hole.collector_id == who and holds(hole, seq) for who, seq in came)
        ]

    async def move_on(self, changes: Sequence[CountChange], at: datetime, due_at: datetime) -> None:
        for change in changes:
            collector_id = change.count.collector_id
            self.by_collector[collector_id] = change.count
            await self.open(collector_id, change.opened, at, due_at)
            await self.open(collector_id, change.lost, at, due_at, lost_at=at)
            for hole_id, spans in change.remaining.items():
                before = self.by_id.pop(hole_id)
                for span in spans:
                    self._put(replace(before, span=span))

    async def open(
        self,
        collector_id: int,
        spans: Sequence[Span],
        at: datetime,
        due_at: datetime,
        *,
        lost_at: datetime | None = None,
    ) -> None:
        for span in spans:
            self._put(Hole(0, collector_id, span, at, due_at, 0, lost_at))

    def _put(self, hole: Hole) -> None:
        hole_id = next(self._ids)
        self.by_id[hole_id] = replace(hole, hole_id=hole_id)

    async def asked(self, due_at: Mapping[int, datetime]) -> None:
        for key, due in due_at.items():
            hole = self.by_id[key]
            self.by_id[key] = replace(hole, asked_count=hole.asked_count + 1, due_at=due)

    async def due_now(self, collector_ids: Iterable[int], at: datetime) -> None:
        wanted = set(collector_ids)
        for key, hole in self.by_id.items():
            if hole.collector_id in wanted and hole.lost_at is None:
                self.by_id[key] = replace(hole, due_at=min(hole.due_at, at))

    async def lose(self, hole_ids: Iterable[int], at: datetime) -> None:
        for key in hole_ids:
            self.by_id[key] = replace(self.by_id[key], lost_at=at)

    async def hurry(self, at: datetime, *, collector_id: int | None = None) -> int:
        keys = [k for k, h in self.by_id.items() if collector_id in (None, h.collector_id)]
        for key in keys:
            again = replace(self.by_id[key], due_at=at, opened_at=at, asked_count=0, lost_at=None)
            self.by_id[key] = again
        return len(keys)


class FakeCollectorStore:
    """States by collector."""

    def __init__(self) -> None:
        self.by_collector: dict[int, CollectorState] = {}

    async def states(
        self, collector_ids: Iterable[int] | None = None
    ) -> Mapping[int, CollectorState]:
        wanted = None if collector_ids is None else set(collector_ids)
        return {k: v for k, v in self.by_collector.items() if wanted is None or k in wanted}

    async def note(self, states: Sequence[CollectorState]) -> None:
        self.by_collector |= {state.collector_id: state for state in states}


class FakeAnswers:
    """The part of ControlStore that ingest writes to."""

    def __init__(self) -> None:
        self.received: list[ReceivedAnswer] = []

    async def receive(self, records: Sequence[ReceivedAnswer]) -> None:
        self.received += records


class FakeUnitOfWork:
    """One transaction after the other on stores in memory; call it to open the next."""

    def __init__(self, channels: ChannelTable, collector_ids: Iterable[int]) -> None:
        self.registry = FakeRegistryStore(channels, collector_ids)
        self.messages = FakeMessageStore()
        self.readings = FakeReadingStore()
        self.touches = FakeTouches()
        self.events = FakeEventStore()
        self.gaps = FakeGapStore()
        self.collectors = FakeCollectorStore()
        self.controls = FakeAnswers()
        self.failures: list[Exception | None] = []
        """What the next commits end with, first one first; None is success."""
        self.commit_count = 0

    def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return cast("AbstractAsyncContextManager[UnitOfWork]", self)

    @property
    def vee(self) -> FakeTouches:
        return self.touches

    @property
    def _stores(
        self,
    ) -> tuple[
        FakeMessageStore,
        FakeReadingStore,
        FakeTouches,
        FakeEventStore,
        FakeGapStore,
        FakeCollectorStore,
        FakeAnswers,
    ]:
        return (
            self.messages,
            self.readings,
            self.touches,
            self.events,
            self.gaps,
            self.collectors,
            self.controls,
        )

    async def __aenter__(self) -> Self:
        self._before = copy.deepcopy(self._stores)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failure = (self.failures.pop(0) if self.failures else None) or error
        if failure is not None:
            (
                self.messages,
                self.readings,
                self.touches,
                self.events,
                self.gaps,
                self.collectors,
                self.controls,
            ) = self._before
            raise failure
        self.commit_count += 1
