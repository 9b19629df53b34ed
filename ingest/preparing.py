"""
What is done with a batch before the database hears of it: decoded, resolved, sieved.

All of it is work for the processor alone, so it runs on a thread of its own while the batch before
is being stored. The windows therefore know what is stored *or stands before us in the line*: a read
that is dropped for a copy in the line belongs to a message that is not acknowledged before that
read is stored, whatever happens in between. So when the registry changes, the whole line is
prepared again, and in its order: whose reads the first one holds, all that follow it build on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from ingest.alarm_bits import AlarmBits, Noticed
from ingest.assembly import Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.clock_watch import ClockWatch, Sighting
from ingest.known import Sieved, Window, take_in, times
from ingest.quota import Quotas
from ingest.tags import TagCheck
from ingest.trailers import TrailerCheck
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import ChannelTable
from mdms.ports.messages import CollectorSequence, Envelope

_REGISTER_STEPS: Final = 2
"""Registers come once a frame, not once an interval: half as many cells reach as far back."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says at the start: who may send, how far each came, which alarms last."""

    table: ChannelTable
    collector_ids: frozenset[int]
    sequences: Sequence[CollectorSequence]
    alarms: Noticed = field(default_factory=Noticed)


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    A batch that waits for its transaction.

    Attributes:
        batch: Messages as they came.
        received_at: When they were taken.
        roster: By whom they were resolved.
        assembled: What they hold.
        intervals: What the database must hear of.
        registers: What the database must hear of.
        clocks_before: What was suspected of meters' clocks before this batch.
        alarms_before: Which alarms lasted before it.
    """

    batch: Sequence[Envelope]
    received_at: datetime
    roster: Roster
    assembled: Assembled
    intervals: Sieved[IntervalReads]
    registers: Sieved[RegisterReads]
    clocks_before: Sighting
    alarms_before: Noticed


class Preparer:
    """
    Everything that ingest knows in memory, touched by one thread only.

    Args:
        window_intervals: Newest intervals per channel by which copies are recognised.
        tags: Checks meters' tags; None where no keys are known.
        trailers: Checks collectors' trailers; None where no keys are known.
    """

    def __init__(
        self, window_intervals: int, tags: TagCheck | None, trailers: TrailerCheck | None = None
    ) -> None:
        self._window_intervals = window_intervals
        self._tags = tags
        self._trailers = trailers or TrailerCheck({})
        self._thread = ThreadPoolExecutor(1, "ingest-prepare")
        self._forget_everything()

    @property
    def roster(self) -> Roster:
        """Who may send, by the registry as it was read last."""
        assert self._roster is not None, "the registry is loaded before the first batch"
        return self._roster

    async def follow(self, table: ChannelTable, collector_ids: frozenset[int]) -> None:
        """Resolve batches by this registry from now on."""
        await self._in_turn(partial(self._follow, table, collector_ids))

    async def start(self, stored: Stored) -> None:
        """Know who may send, and nothing else."""
        await self._in_turn(partial(self._start, stored))

    async def know(self, intervals: IntervalReads, registers: RegisterReads) -> None:
        """Recognise copies of these raw reads, which are stored."""
        await self._in_turn(partial(self._know, intervals, registers))

    async def prepare(self, batch: Sequence[Envelope], received_at: datetime) -> Prepared:
        """Make a batch ready to be stored, as the last of the line."""
        return await self._in_turn(partial(self._join, batch, received_at))

    async def first(self) -> Prepared:
        """Return the first of the line, resolved by the registry as it is now."""
        if self._line[0].roster is not self._roster:
            await self._in_turn(self._prepare_again)
        return self._line[0]

    def leave(self) -> None:
        """Let go of the first of the line: it is stored."""
        self._line.popleft()

    async def _in_turn(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _forget_everything(self) -> None:
        self._line: deque[Prepared] = deque()
        self._roster: Roster | None = None
        self._newest_seq: dict[int, int] = {}
        self._intervals = Window(self._window_intervals)
        self._registers = Window(self._window_intervals // _REGISTER_STEPS)
        self._clocks = ClockWatch()
        self._alarms = AlarmBits()
        self._quotas = Quotas()

    def _start(self, stored: Stored) -> None:
        self._forget_everything()
        self._follow(stored.table, stored.collector_ids)
        self._newest_seq = {each.collector_id: each.batch_seq for each in stored.sequences}
        self._alarms.keep(stored.alarms)

    def _know(self, *newest: IntervalReads | RegisterReads) -> None:
        for window, reads in zip((self._intervals, self._registers), newest, strict=True):
            window.remember(reads.channel_id, times(reads), reads.value)

    def _follow(self, table: ChannelTable, collector_ids: frozenset[int]) -> None:
        self._intervals.cover(table.channel_id, table.interval_s)
        self._registers.cover(table.channel_id, _REGISTER_STEPS * table.interval_s)
        self._roster = Roster(ChannelIndex(table), collector_ids)

    def _join(self, batch: Sequence[Envelope], received_at: datetime) -> Prepared:
        prepared = self._prepare(batch, received_at)
        self._line.append(prepared)
        return prepared

    def _prepare(self, batch: Sequence[Envelope], received_at: datetime) -> Prepared:
        roster = self.roster
        clocks_before, alarms_before = self._clocks.suspected, self._alarms.noticed
        assembled = assemble(
            batch,
            roster,
            self._newest_seq,
            received_at=received_at,
            recorded_at=received_at,
            tags=self._tags,
            trailers=self._trailers,
            clocks=self._clocks,
            alarms=self._alarms,
            quotas=self._quotas,
        )
        intervals = take_in(self._intervals, assembled.intervals)
        registers = take_in(self._registers, assembled.registers)
        self._clocks.keep(assembled.clocks)
        self._alarms.keep(assembled.alarms)
        for message in assembled.messages:
            newest = self._newest_seq.get(message.collector_id, 0)
            self._newest_seq[message.collector_id] = max(newest, message.batch_seq)
        return Prepared(
            batch,
            received_at,
            roster,
            assembled,
            intervals,
            registers,
            clocks_before,
            alarms_before,
        )

    def _prepare_again(self) -> None:
        line, first = tuple(self._line), self._line[0]
        for each in line:
            _forget(self._intervals, each.intervals.sure, each.intervals.unsure)
            _forget(self._registers, each.registers.sure, each.registers.unsure)
        self._clocks.keep(first.clocks_before)
        self._alarms.keep(first.alarms_before)
        self._line = deque(self._prepare(each.batch, each.received_at) for each in line)


def _forget(window: Window, *parts: IntervalReads | RegisterReads) -> None:
    for reads in parts:
        window.forget(reads.channel_id, times(reads), reads.value)
