"""A typed fake per port, each under 40 lines; what no test needs yet is not faked."""

import copy
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Self, cast

import numpy as np

from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_us
from mdms.ports import (
    CollectorSequence,
    Envelope,
    Rejected,
    UnitOfWork,
    UplinkMessage,
)


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

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self._monotonic_s += seconds
        self._now += timedelta(seconds=seconds)


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
        self.table = channels
        self.ids = frozenset(collector_ids)

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

    async def reject(self, rejected: Sequence[Rejected]) -> None:
        self.rejected += rejected

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

    async def newest(self, slots: int) -> tuple[IntervalReads, RegisterReads]:
        return (
            IntervalReads.raw(*_columns(self.interval_values), recorded_us=0, source=Source.UPLINK),
            RegisterReads.raw(*_columns(self.register_values), recorded_us=0, source=Source.UPLINK),
        )


def _columns(values: dict[tuple[int, int], int]) -> tuple[Int64, Int64, Int64]:
    rows = np.array([(*key, value) for key, value in values.items()], np.int64).reshape(-1, 3)
    return rows[:, 0], rows[:, 1], rows[:, 2]


class FakeTouches:
    """The part of VeeStore that ingest writes to."""

    def __init__(self) -> None:
        self.channel_days: set[tuple[int, date]] = set()

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        self.channel_days.update(channel_days)


class FakeUnitOfWork:
    """One transaction after the other on stores in memory; call it to open the next."""

    def __init__(self, channels: ChannelTable, collector_ids: Iterable[int]) -> None:
        self.registry = FakeRegistryStore(channels, collector_ids)
        self.messages = FakeMessageStore()
        self.readings = FakeReadingStore()
        self.touches = FakeTouches()
        self.failures: list[Exception | None] = []
        """What the next commits end with, first one first; None is success."""
        self.commit_count = 0

    def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return cast("AbstractAsyncContextManager[UnitOfWork]", self)

    @property
    def vee(self) -> FakeTouches:
        return self.touches

    async def __aenter__(self) -> Self:
        self._before = copy.deepcopy((self.messages, self.readings, self.touches))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failure = (self.failures.pop(0) if self.failures else None) or error
        if failure is not None:
            self.messages, self.readings, self.touches = self._before
            raise failure
        self.commit_count += 1
