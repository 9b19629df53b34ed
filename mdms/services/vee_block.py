"""
One block of channel-days: load, lay out, judge; the caller owns the transaction.

Most channel-days have no gap, and a few hours on each side are all that judging them takes. The
others are loaded again with whole days beside them, and those with gaps with the weeks of context
that estimates are made from.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int32, IntervalReads, RegisterReads
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day
from mdms.ports.clock import Clock
from mdms.ports.edits import EditMarks
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.vee_context import ContextLoader
from mdms.services.vee_evidence import load_evidence
from mdms.services.vee_gaps import GapFacts, GapLoader
from mdms.services.vee_outcomes import Judgement, Outcomes
from mdms.services.vee_plan import TWO_SIDED_DAYS, ChannelDays
from mdms.services.vee_stages import Stage, meter_parts, meters_of, stages, wants_wider
from vee import engine, gridding
from vee.amend import Stored, amend
from vee.block import Block, SlotTable
from vee.editions import Reign
from vee.examination import Examination
from vee.rules import RuleSet
from vee.scope import Scope


@dataclass(frozen=True, slots=True)
class _Part:
    """
    Some channels of a block on their way.

    Attributes:
        channel_ids: Which.
        table: Their installations.
        intervals: Every version in the span that was asked for.
        registers: Likewise.
        deferred: Channels that were to be in it and need a wider stage.
        marks: Edits that wait for something.
        loaded_at: When these had been loaded.
    """

    channel_ids: Int32
    table: ChannelTable
    intervals: IntervalReads
    registers: RegisterReads
    marks: EditMarks
    deferred: Int32
    loaded_at: datetime


@dataclass(slots=True)
class BlockRun:
    """Judges target channel-days of one interval length within one transaction."""

    work: UnitOfWork
    clock: Clock
    reign: Reign
    """What judges the targets, and which days beside them."""
    zone: ZoneInfo
    table: ChannelTable
    """Installations of channels of that interval length."""
    targets: ChannelDays
    final: bool
    facts: GapFacts
    """What was stated that may help to fill gaps."""
    outcomes: Outcomes = field(init=False)
    """What was appended so far."""

    @property
    def rules(self) -> RuleSet:
        """What the targets are judged by."""
        return self.reign.rules

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.work, self.rules, self.table)

    async def run(self) -> None:
        """Judge the targets and append what changed."""
        waiting = np.unique(self.targets.channel_id)
        every = stages(self.rules)
        for stage in every:
            if len(waiting) == 0:
                break
            deferred = [np.empty(0, np.int32)]
            judged = self._judgements(waiting, stage, deferred, decides=stage is every[-1])
            async with aclosing(judged):
                async for judgement in judged:
                    await self.outcomes.append(judgement)
                    deferred.append(judgement.deferred)
            waiting = np.concatenate(deferred)

    async def _judgements(
        self, waiting: Int32, stage: Stage, deferred: list[Int32], *, decides: bool
    ) -> AsyncGenerator[Judgement, None]:
        """
        Judge channels part by part.

        Three parts are on their way: while the connection loads one and stores another, threads
        lay out and judge those between. Only this task uses the connection. Channels that are not
        judged at all, for a wider stage, are added to `deferred`.
        """
        slots = self._slots(stage, local_day(self.clock.now(), self.zone))
        laid: deque[asyncio.Task[_Laid]] = deque()
        judged: deque[asyncio.Task[Judgement]] = deque()

        async def judge_next() -> None:
            part, block, stored = await laid.popleft()
            block = await self._look_up(part, block, stage)
            judging = asyncio.to_thread(self._judge, part, block, stored, stage, decides=decides)
            judged.append(asyncio.create_task(judging))

        try:
            for channel_ids in meter_parts(self.table, waiting, stage.part_channels(len(slots))):
                part = await self._load(channel_ids, slots, stage)
                deferred.append(part.deferred)
                if len(part.channel_ids) == 0:
                    continue
                laying = asyncio.to_thread(self._lay_out, part, slots)
                laid.append(asyncio.create_task(laying))
                if len(laid) > 1:
                    await judge_next()
                if len(judged) > 1:
                    yield await judged.popleft()
            while laid:
                await judge_next()
            while judged:
                yield await judged.popleft()
        finally:
            for task in (*laid, *judged):
                task.cancel()  # they run on only where something else failed

    def _slots(self, stage: Stage, today: date) -> SlotTable:
        beside = timedelta(days=stage.reach_days + stage.context_days)
        ordinal = self.targets.ordinal
        return SlotTable.of_days(
            date.fromordinal(int(ordinal.min())) - beside,
            min(date.fromordinal(int(ordinal.max())) + beside, today),
            interval_s=int(self.table.interval_s[0]),
            zone=self.zone,
        )

    async def _load(self, channel_ids: Int32, slots: SlotTable, stage: Stage) -> _Part:
        """Load the reads of some channels; where a few hours do, of those that nothing ails."""
        span, align = self._span(slots, stage), timedelta(seconds=self.rules.bookend.align_s)
        edges = Period(span.start_utc - align, span.end_utc + align)
        table = self.table.take(np.isin(self.table.channel_id, channel_ids))
        readings, ids = self.work.readings, channel_ids.tolist()
        coming = asyncio.create_task(readings.registers(edges, channel_ids=ids))
        try:
            if stage.hours is None:
                intervals = await readings.intervals(span, channel_ids=ids)
                deferred = np.zeros(0, np.int32)
            else:
                intervals = await readings.unbroken(
                    span, interval_s=slots.interval_s, channel_ids=ids
                )
                deferred = meters_of(table, np.setdiff1d(channel_ids, intervals.channel_id))
                intervals = intervals.take(~np.isin(intervals.channel_id, deferred))
            return _Part(
                channel_ids=np.setdiff1d(channel_ids, deferred),
                table=table.take(~np.isin(table.channel_id, deferred)),
                intervals=intervals,
                registers=await coming,
                marks=await self.work.edits.marks(span, ids),
                deferred=deferred,
                loaded_at=self.clock.now(),
            )
        finally:
            coming.cancel()  # it runs on only where something else failed

    def _lay_out(self, part: _Part, slots: SlotTable) -> "_Laid":
        """Lay reads out as a grid; runs in a thread."""
        block, stored = gridding.grid(
            part.table,
            slots,
            part.intervals,
            part.registers,
            self.rules,
            temporary=part.marks.temporary,
            waived=part.marks.waived,
            vouched=part.marks.vouched,
        )
        return part, block, stored

    async def _look_up(self, part: _Part, block: Block, stage: Stage) -> Block:
        """Return a block with what is known of its channels besides."""
        target = self.targets.mask(block.channel_id, block.slots.days)
        loader = ContextLoader(self.work, self.rules, self.zone)
        known = await loader.load(block, part.table, target)
        block = replace(
            block, known=known, evidence=await load_evidence(self.work.circumstances, block)
        )
        if stage.context_days:
            gaps = GapLoader(self.work, self.rules, self.zone, self.table, self.facts)
            block = replace(
                block, evidence=await gaps.add(block, part.table, block.evidence, target)
            )
        return block

    def _span(self, slots: SlotTable, stage: Stage) -> Period:
        """Return the intervals that a stage loads."""
        whole = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
        if stage.hours is None:
            return whole
        first, last = (
            date.fromordinal(int(day))
            for day in (self.targets.ordinal.min(), self.targets.ordinal.max())
        )
        days, beside = Period.of_days(first, last, self.zone), timedelta(hours=stage.hours)
        near = whole.intersect(Period(days.start_utc - beside, days.end_utc + beside))
        assert near is not None, "the target lies within its slots"
        return near

    def _judge(
        self, part: _Part, block: Block, stored: Stored, stage: Stage, *, decides: bool
    ) -> Judgement:
        """Call the pure core; runs in a thread, so that the event loop stays free."""
        slots = block.slots
        last_day = date.fromordinal(int(self.targets.ordinal.max()))
        today = local_day(self.clock.now(), self.zone)
        target = self.targets.mask(block.channel_id, slots.days)
        two_sided_until = today - timedelta(days=TWO_SIDED_DAYS + 1)
        ahead = np.array([self.final or day <= two_sided_until for day in slots.days])
        found = engine.validate(block, self.rules, ahead=ahead)
        reign = self.reign.mask(slots.days)
        scope = Scope.of(found, target, reign)
        if decides:
            wider = np.zeros(len(block.channel_id), np.bool_)
        else:
            wider = wants_wider(
                scope,
                part.table,
                stage,
                loaded=self._span(slots, stage),
                last_day=last_day,
                known_at=self.clock.now(),
            )
        if stage.hours is not None:  # registers further off may know better
            wider |= _off(found)
        if wider.any():
            target &= ~wider[:, None]
            scope = Scope.of(found, target, reign)
        outcome = engine.judge(scope, self.rules, ahead=ahead, final=self.final)
        amended = amend(outcome, stored, found)
        if stage.hours is not None:  # a day that is not all there cannot be counted anew
            elsewhere = ~np.take(target, slots.day, axis=1)
            beside: Bool = np.logical_or.reduce(amended.changed & elsewhere, axis=1)
            wider |= beside
            target &= ~beside[:, None]
            amended = replace(amended, changed=amended.changed & ~beside[:, None])
        return Judgement.of(
            found,
            stored,
            amended,
            self.rules,
            target=target,
            deferred=block.channel_id[wider],
            loaded_at=part.loaded_at,
        )


def _off(found: Examination) -> Bool:
    """Return the channels whose registers do not agree with each other or with the intervals."""
    off = np.zeros(len(found.block.channel_id), np.bool_)
    for reads in (found.sums.refused, found.sums.stuck):
        off[reads.channel] = True
    off[found.brackets.channel[found.unequal | found.overdrawn]] = True
    return off


_Laid = tuple[_Part, Block, Stored]
