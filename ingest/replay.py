"""
Replay: raw messages put through today's decoder again.

What is stored must be what the raw messages say; a check proves it, and a replay makes it so again
where a decoder was mended or a registry was put right since.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Final

import numpy as np

from ingest.again import Restored, store_again
from ingest.assembly import Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.known import channel_of, keys, time_of
from ingest.late import VeeHorizon
from ingest.tags import TagCheck
from mdms.domain.readings import RAW_VERSION, Int64, IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, from_epoch_s, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope, UplinkMessage
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

_STRETCH: Final = timedelta(days=1)
"""Compared at a time: of a city, half a gigabyte."""
_SLACK: Final = timedelta(hours=1)
"""What is stored within a stretch may have come before it, when the database was away."""
_MESSAGES_MAX: Final = 200
_PAIRS_MAX: Final = 4_000_000
"""Gathered before copies are dropped."""
_DAY_S: Final = 86_400
_BY_RADIO: Final = (Source.UPLINK, Source.BACKFILL)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """
    What today's decoder makes of raw messages, beside what is stored.

    Attributes:
        message_count: Raw messages with readings.
        read_count: Interval and register values in them, each once.
        same_count: Of these, stored as they are.
        disputed_count: Stored with another value, and this one kept as a conflict.
        changed_count: Stored with another value, and this one nowhere.
        missing_count: Not stored.
        unfounded_count: Stored within the period as received by radio, and in no message.
        restored_count: Stored by this replay.
    """

    message_count: int = 0
    read_count: int = 0
    same_count: int = 0
    disputed_count: int = 0
    changed_count: int = 0
    missing_count: int = 0
    unfounded_count: int = 0
    restored_count: int = 0

    @property
    def agrees(self) -> bool:
        """Whether the same messages give the same rows."""
        return not (self.changed_count or self.missing_count or self.unfounded_count)

    def __add__(self, other: "ReplayReport") -> "ReplayReport":
        names = [field.name for field in fields(self)]
        return ReplayReport(*(getattr(self, name) + getattr(other, name) for name in names))


class _Pairs:
    """Key and value of reads, each pair once."""

    def __init__(self) -> None:
        self._parts: list[Int64] = []
        self._waiting = 0

    def add(self, reads: IntervalReads | RegisterReads) -> None:
        self._parts.append(np.column_stack([keys(reads), reads.value]))
        self._waiting += len(reads)
        if self._waiting > _PAIRS_MAX:
            self._parts, self._waiting = [self.unique()], 0

    def unique(self) -> Int64:
        """Return the pairs, sorted, shape (n, 2)."""
        return np.unique(np.concatenate([np.empty((0, 2), np.int64), *self._parts]), axis=0)


class Replay:
    """
    Reads raw messages again.

    Args:
        unit_of_work: Opens a transaction.
        clock: What time it is.
        horizon: How far VEE has come.
        tags: Checks meters' tags; None where no keys are known.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        horizon: VeeHorizon,
        *,
        tags: TagCheck | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._horizon = horizon
        self._tags = tags

    async def check(self, period: Period) -> ReplayReport:
        """
        Compare what came in a period with what is stored, and write nothing.

        Raises:
            UnavailableError: The database is away.
        """
        report, start = ReplayReport(), period.start_utc
        while start < period.end_utc:
            stretch = Period(start, min(start + _STRETCH, period.end_utc))
            report += await self._check(stretch)
            start = stretch.end_utc
        return report

    async def run(self, period: Period) -> ReplayReport:
        """
        Store what raw messages of a period say and is not stored, then compare.

        Raises:
            UnavailableError: The database is away; what was stored before that stays.
        """
        restored = Restored()
        async with self._unit_of_work() as reader:
            async for _, assembled in self._assembled(reader, period):
                async with self._unit_of_work() as work:
                    restored += await store_again(work, assembled, self._horizon)
        restored_count = restored.interval_count + restored.register_count
        return replace(await self.check(period), restored_count=restored_count)

    async def sample(self, period: Period, count_max: int) -> ReplayReport:
        """
        Look whether what the first messages of a period say is stored; of nothing else.

        Args:
            period: When messages were closed by their collectors.
            count_max: So many messages at most.

        Raises:
            UnavailableError: The database is away.
        """
        intervals, registers = _Pairs(), _Pairs()
        async with self._unit_of_work() as work:
            roster = await _roster(work)
            messages = await work.raw_messages.sent(period, count_max)
            for message in messages:
                assembled = self._assemble([message], roster)
                intervals.add(assembled.intervals)
                registers.add(assembled.registers)
            report = ReplayReport(message_count=len(messages))
            report += await _compared(work, "interval", intervals.unique(), period, range(0))
            report += await _compared(work, "register", registers.unique(), period, range(0))
        return replace(report, unfounded_count=0)  # what other messages brought

    async def _check(self, stretch: Period) -> ReplayReport:
        intervals, registers, message_count = _Pairs(), _Pairs(), 0
        async with self._unit_of_work() as work:
            before = Period(stretch.start_utc - _SLACK, stretch.end_utc)
            async for messages, assembled in self._assembled(work, before):
                message_count += sum(m.received_at >= stretch.start_utc for m in messages)
                intervals.add(assembled.intervals)
                registers.add(assembled.registers)
            own = range(stretch.start_s // _DAY_S, (stretch.end_s - 1) // _DAY_S + 1)
            return (
                ReplayReport(message_count=message_count)
                + await _compared(work, "interval", intervals.unique(), stretch, own)
                + await _compared(work, "register", registers.unique(), stretch, own)
            )

    async def _assembled(
        self, work: UnitOfWork, period: Period
    ) -> AsyncIterator[tuple[Sequence[UplinkMessage], Assembled]]:
        """Yield raw messages in the order in which they came, and what they hold."""
        roster = await _roster(work)
        async for messages in work.raw_messages.received(period, _MESSAGES_MAX):
            yield messages, self._assemble(messages, roster)

    def _assemble(self, messages: Sequence[UplinkMessage], roster: Roster) -> Assembled:
        """Return what messages hold that came at one time."""
        envelopes = [
            Envelope(f"ami/v1/replay/col/{each.collector_id}/up/{each.kind}", each.payload)
            for each in messages
        ]
        # Their trailers were verified when they came, under the keys of that day.
        return assemble(
            envelopes,
            roster,
            {},
            received_at=messages[0].received_at,
            recorded_at=self._clock.now(),
            tags=self._tags,
        )


async def _roster(work: UnitOfWork) -> Roster:
    table = await work.registry.channels()
    return Roster(ChannelIndex(table), await work.registry.collector_ids())


async def _compared(
    work: UnitOfWork, kind: str, pairs: Int64, stretch: Period, own: range
) -> ReplayReport:
    """
    Compare what was sent, as pairs of key and value, with what is stored, day by day.

    Args:
        work: The transaction.
        kind: "interval" or "register".
        pairs: What was sent, shape (n, 2).
        stretch: When what was sent came.
        own: Days since 1970 of which everything is compared that is stored.
    """
    report = ReplayReport()
    day = time_of(pairs[:, 0]) // _DAY_S
    for number in np.union1d(day, np.array(own, np.int64)).tolist():
        sent = pairs[day == number]
        # Of a day that only few late reads are about, the others are left where they are.
        channel_ids = None if number in own else np.unique(channel_of(sent[:, 0])).tolist()
        period = Period(from_epoch_s(number * _DAY_S), from_epoch_s((number + 1) * _DAY_S))
        report += await _compared_day(
            work, kind, sent, await _stored(work, kind, period, channel_ids), stretch
        )
    return report


async def _compared_day(
    work: UnitOfWork,
    kind: str,
    sent: Int64,
    stored: IntervalReads | RegisterReads,
    stretch: Period,
) -> ReplayReport:
    key, said = sent[:, 0], sent[:, 1]
    stored = stored.take(np.argsort(keys(stored), kind="stable"))
    known = keys(stored)
    place = np.minimum(np.searchsorted(known, key), max(len(known) - 1, 0))
    found = known[place] == key if len(known) else np.zeros(len(key), np.bool_)
    same = found & (stored.value[place] == said) if len(known) else found
    rows = np.flatnonzero(found & ~same)
    disputed = await work.conflicts.known(
        kind, channel_of(key[rows]), time_of(key[rows]), said[rows]
    )
    unfounded = np.isin(stored.source, _BY_RADIO) & ~np.isin(known, key)
    unfounded &= stored.recorded_us >= to_epoch_us(stretch.start_utc)
    unfounded &= stored.recorded_us < to_epoch_us(stretch.end_utc)
    return ReplayReport(
        read_count=len(key),
        same_count=int(same.sum()),
        disputed_count=int(disputed.sum()),
        changed_count=int((~disputed).sum()),
        missing_count=int((~found).sum()),
        unfounded_count=int(unfounded.sum()),
    )


async def _stored(
    work: UnitOfWork, kind: str, day: Period, channel_ids: Sequence[int] | None
) -> IntervalReads | RegisterReads:
    """Return the raw reads of a day."""
    reads: IntervalReads | RegisterReads
    if kind == "interval":
        reads = await work.readings.intervals(day, channel_ids=channel_ids)
    else:
        reads = await work.readings.registers(day, channel_ids=channel_ids)
        reads = reads.take(reads.at_s < day.end_s)  # the end belongs to the next day
    return reads.take(reads.version == RAW_VERSION)
