"""
One block of channel-days: load, judge, append; the caller owns the transaction.

Most channel-days have no gap, and a few hours on each side are all that judging them takes. The
others are loaded again with whole days beside them, and those with gaps with the weeks of context
that estimates are made from.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int32, Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import VeeDay, VeeException
from mdms.services.customer_rules import CustomerBook
from mdms.services.vee_context import ContextLoader
from mdms.services.vee_evidence import load_evidence
from mdms.services.vee_gaps import GapLoader
from mdms.services.vee_plan import TWO_SIDED_DAYS, ChannelDays
from mdms.services.vee_stages import PART_CELLS, Stage, meter_parts, stages
from mdms.telemetry import metrics
from vee import engine, gridding
from vee.amend import Amended, Stored, amend
from vee.block import Block, SlotTable
from vee.days import Tally, findings, tally
from vee.examination import Examination
from vee.rules import RuleSet
from vee.scope import Scope

_OUTCOMES = {
    "validated": Status.VALIDATED,
    "derived": Status.DERIVED,
    "estimated": Status.ESTIMATED,
    "final": Status.FINAL_ESTIMATE,
    "held": Status.SUSPECT,
}


@dataclass(frozen=True, slots=True)
class _Judgement:
    """
    What the pure core made of a block.

    Attributes:
        found: The block, examined.
        stored: What is stored of it.
        amended: What it ought to be.
        target: Channel-days that were judged, shape (channels, days).
        deferred: Channels that need a wider stage: nothing was decided about them.
    """

    found: Examination
    stored: Stored
    amended: Amended
    target: Bool
    deferred: Int32


@dataclass(slots=True)
class BlockRun:
    """
    Judges target channel-days of one interval length within one transaction.

    Attributes:
        versions: Interval versions appended so far.
        exceptions: Exceptions raised so far.
    """

    work: UnitOfWork
    clock: Clock
    rules: RuleSet
    zone: ZoneInfo
    table: ChannelTable
    """Installations of channels of that interval length."""
    targets: ChannelDays
    final: bool
    versions: int = field(default=0, init=False)
    exceptions: int = field(default=0, init=False)

    book: CustomerBook | None = None
    """Which hours time-of-use registers count; None: nobody said."""
    async def run(self) -> None:
        """Judge the targets and append what changed."""
        waiting = np.unique(self.targets.channel_id)
        every = stages(self.rules)
        for stage in every:
            if len(waiting) == 0:
                break
            deferred = [np.empty(0, np.int32)]
            judged = self._judgements(waiting, stage, decides=stage is every[-1])
            async with aclosing(judged):
                async for judgement, recorded_at in judged:
                    await self._append(judgement, recorded_at)
                    deferred.append(judgement.deferred)
            waiting = np.concatenate(deferred)

    async def _judgements(
        self, waiting: Int32, stage: Stage, *, decides: bool
    ) -> AsyncGenerator[tuple[_Judgement, datetime], None]:
        """Judge channels part by part; meanwhile the one before is stored and the next loaded."""
        slots = self._slots(stage, local_day(self.clock.now(), self.zone))
        before: asyncio.Task[tuple[_Judgement, datetime]] | None = None
        try:
            for channel_ids in meter_parts(self.table, waiting, max(1, PART_CELLS // len(slots))):
                table = self.table.take(np.isin(self.table.channel_id, channel_ids))
                loaded = await self._load(table, channel_ids, slots, stage)
                judging = asyncio.create_task(
                    self._judged(*loaded, table, stage, self.clock.now(), decides=decides)
                )
                last, before = before, judging
                if last is not None:
                    yield await last
            if before is not None:
                yield await before
        finally:
            if before is not None:
                before.cancel()  # it runs on only where something else failed

    async def _judged(
        self,
        block: Block,
        stored: Stored,
        table: ChannelTable,
        stage: Stage,
        loaded_at: datetime,
        *,
        decides: bool,
    ) -> tuple[_Judgement, datetime]:
        """Judge in a thread, so that the event loop stays free; tell when all had been loaded."""
        judgement = await asyncio.to_thread(
            self._judge, block, stored, table, stage, decides=decides
        )
        return judgement, loaded_at

    def _slots(self, stage: Stage, today: date) -> SlotTable:
        beside = timedelta(days=stage.reach_days + stage.context_days)
        ordinal = self.targets.ordinal
        return SlotTable.of_days(
            date.fromordinal(int(ordinal.min())) - beside,
            min(date.fromordinal(int(ordinal.max())) + beside, today),
            interval_s=int(self.table.interval_s[0]),
            zone=self.zone,
        )

    async def _load(
        self, table: ChannelTable, channel_ids: Int32, slots: SlotTable, stage: Stage
    ) -> tuple[Block, Stored]:
        start_s, align_s = int(slots.start_s[0]), self.rules.bookend.align_s
        span = self._span(slots, stage)
        edges = Period(from_epoch_s(start_s - align_s), from_epoch_s(slots.end_s + align_s))
        ids = channel_ids.tolist()
        intervals = await self.work.readings.intervals(span, channel_ids=ids)
        registers = await self.work.readings.registers(edges, channel_ids=ids)
        marks = await self.work.edits.marks(span, ids)
        block, stored = await asyncio.to_thread(  # live data is stored by this event loop, too
            gridding.grid,
            table,
            slots,
            intervals,
            registers,
            self.rules,
            temporary=marks.temporary,
            waived=marks.waived,
        )
        target = self.targets.mask(block.channel_id, slots.days)
        loader = ContextLoader(self.work, self.rules, self.zone)
        known = await loader.load(block, table, target)
        block = replace(block, known=known, evidence=await load_evidence(self.work, block))
        if stage.context_days:
            gaps = GapLoader(
                self.work, self.rules, self.zone, self.table, self.book, self.clock.now()
            )
            block = replace(block, evidence=await gaps.add(block, table, block.evidence, target))
        return block, stored

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
        self, block: Block, stored: Stored, table: ChannelTable, stage: Stage, *, decides: bool
    ) -> _Judgement:
        """Call the pure core."""
        slots = block.slots
        last_day = date.fromordinal(int(self.targets.ordinal.max()))
        today = local_day(self.clock.now(), self.zone)
        target = self.targets.mask(block.channel_id, slots.days)
        two_sided_until = today - timedelta(days=TWO_SIDED_DAYS + 1)
        ahead = np.array([self.final or day <= two_sided_until for day in slots.days])
        found = engine.validate(block, self.rules, ahead=ahead)
        scope = Scope.of(found, target)
        if decides:
            wider = np.zeros(len(block.channel_id), np.bool_)
        else:
            wider = self._wider(scope, table, stage, last_day, today)
        if wider.any():
            target &= ~wider[:, None]
            scope = Scope.of(found, target)
        outcome = engine.judge(scope, self.rules, ahead=ahead, final=self.final)
        amended = amend(outcome, stored, found)
        if stage.hours is not None:  # a day that is not all there cannot be counted anew
            elsewhere = ~np.take(target, slots.day, axis=1)
            beside: Bool = np.logical_or.reduce(amended.changed & elsewhere, axis=1)
            wider |= beside
            target &= ~beside[:, None]
            amended = replace(amended, changed=amended.changed & ~beside[:, None])
        return _Judgement(found, stored, amended, target, block.channel_id[wider])

    def _wider(
        self, scope: Scope, table: ChannelTable, stage: Stage, last_day: date, today: date
    ) -> Bool:
        """Return the channels that a wider stage would judge better."""
        block = scope.examination.block
        slots = block.slots
        installed_s = np.full(len(block.channel_id), np.iinfo(np.int64).max)
        row = np.searchsorted(block.channel_id, table.channel_id)
        np.minimum.at(installed_s, row, table.installed_s)
        inner_days = len(slots.days) - (slots.days[-1] - last_day).days + stage.reach_days
        wider = scope.needs_wider(
            earlier=installed_s < slots.start_s[0],
            later=np.full(len(block.channel_id), slots.days[-1] < today),
            first_slot=int(slots.first[stage.context_days]),
            last_slot=int(slots.first[min(inner_days, len(slots.days))]),
        )
        return wider if stage.context_days else wider | scope.has_gaps

    async def _append(self, judgement: _Judgement, recorded_at: datetime) -> None:
        """Store new versions, outcomes of days and exceptions."""
        found, amended = judgement.found, judgement.amended
        block = found.block
        versions = gridding.versions(block, amended, recorded_us=to_epoch_us(recorded_at))
        if len(versions):
            await self.work.readings.append_versions(versions)
            self.versions += len(versions)
        counts = tally(found, amended)
        touched = np.logical_or.reduceat(amended.changed, block.slots.first[:-1], axis=1)
        concerned = (judgement.target | touched) & (counts.expected > 0)
        if not concerned.any():
            return
        judged, rows = await self._outcomes(judgement, counts, concerned, recorded_at)
        await self.work.vee.append_days(rows)
        raised = [
            VeeException(
                channel_id=int(block.channel_id[finding.channel]),
                local_day=block.slots.days[finding.day],
                rule=finding.rule,
                severity=finding.severity,
                detail=finding.detail,
                opened_at=recorded_at,
            )
            for finding in findings(found, amended, judged)
        ]
        where = zip(*(axis.tolist() for axis in np.nonzero(judged)), strict=True)
        await self.work.vee.replace_exceptions(
            [(int(block.channel_id[row]), block.slots.days[day]) for row, day in where],
            raised,
            recorded_at,
        )
        self.exceptions += len(raised)
        self._count(judgement)

    async def _outcomes(
        self, judgement: _Judgement, counts: Tally, concerned: Bool, recorded_at: datetime
    ) -> tuple[Bool, list[VeeDay]]:
        """
        Return the channel-days that have an outcome now, and the outcomes that are new.

        A day beside the target whose estimates changed gets a new outcome if it had one; an open
        day waits for its night.
        """
        block, stored = judgement.found.block, judgement.stored
        days = block.slots.days
        channels, columns = np.nonzero(concerned)
        known = await self.work.vee.days(
            days[columns.min()],
            days[columns.max()],
            channel_ids=block.channel_id[np.unique(channels)].tolist(),
        )
        before = {(day.channel_id, day.local_day): day for day in known}
        judged, rows, ruleset_hash = np.zeros_like(concerned), [], self.rules.hash
        for channel, column in zip(channels.tolist(), columns.tolist(), strict=True):
            key = int(block.channel_id[channel]), days[column]
            old = before.get(key)
            if old is None and not judgement.target[channel, column]:
                continue
            judged[channel, column] = True
            sound = counts.sound[channel, column]
            new = VeeDay(
                channel_id=key[0],
                local_day=key[1],
                version=0 if old is None else old.version + 1,
                recorded_at=recorded_at,
                ruleset_hash=ruleset_hash,
                expected=int(counts.expected[channel, column]),
                actual=int(counts.actual[channel, column]),
                estimated=int(counts.estimated[channel, column]),
                missing=int(counts.missing[channel, column]),
                held=int(counts.held[channel, column]),
                flags=int(counts.flags[channel, column]),
                peak=int(counts.peak[channel, column]) if sound else None,
                usage=int(counts.usage[channel, column]) if sound else None,
            )
            if old is None or _differs(old, new, int(stored.newest_us[channel, column])):
                rows.append(new)
        return judged, rows

    def _count(self, judgement: _Judgement) -> None:
        """Count what became of the target's intervals."""
        found = judgement.found
        target = np.take(judgement.target, found.block.slots.day, axis=1) & found.block.expected
        status = judgement.amended.status[target]
        metrics.VEE_CHANNEL_DAYS.inc(int(judgement.target.sum()))
        for outcome, letter in _OUTCOMES.items():
            metrics.VEE_INTERVALS.labels(outcome).inc(int((status == letter.code).sum()))
        metrics.VEE_INTERVALS.labels("missing").inc(int((status == 0).sum()))


def _differs(old: VeeDay, new: VeeDay, newest_us: int) -> bool:
    """Return whether an outcome says something new, or vouches for reads that came after it."""
    same = replace(old, version=new.version, recorded_at=new.recorded_at) == new
    return newest_us > to_epoch_us(old.recorded_at) or not same
