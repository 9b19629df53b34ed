"""
A channel-day judged again: by today's code, under its rule set, from what was known when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook
from mdms.services.mass_events import silent_days
from mdms.services.vee_context import ContextLoader
from mdms.services.vee_evidence import load_evidence
from mdms.services.vee_gaps import GapFacts, GapLoader
from mdms.services.vee_plan import TWO_SIDED_DAYS
from mdms.services.vee_stages import Stage, stages, wants_wider
from vee import engine, gridding
from vee.amend import Amended, Stored, amend
from vee.block import Block, SlotTable
from vee.examination import Examination
from vee.rules import RuleSet
from vee.scope import Scope


@dataclass(frozen=True, slots=True)
class Again:
    """
    A channel-day judged again as it was known.

    Attributes:
        then: As known at that instant.
        rules: The rule set that judges the day.
        found: The meter's channels of one interval length, examined.
        stored: Their versions as they were known.
        amended: What they ought to be, by today's code.
        ahead: Days that could look at later days then.
        row: The channel's row.
        badges: The meter of each channel of that interval length.
        wider: A register further away than was looked may have a say.
    """

    then: datetime
    rules: RuleSet
    found: Examination
    stored: Stored
    amended: Amended
    ahead: Bool
    row: int
    badges: Mapping[int, str]
    wider: bool


@dataclass(frozen=True, slots=True)
class Rejudging:
    """
    Judges channel-days again, within one transaction that writes nothing.

    Attributes:
        work: The transaction.
        rules: The rule set that judges the days.
        zone: Where the utility's days begin.
        book: Which hours time-of-use registers count; None: nobody said.
        every: Every channel of one interval length.
        then: Only what was known then counts.
        final: Estimates are final, as at bill close.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    book: CustomerBook | None
    every: ChannelTable
    then: datetime
    final: bool

    async def of(self, channel_id: int, day: date) -> Again:
        """
        Judge a channel-day again, with its meter's other channels of that interval length.

        Loaded is as much as the last stages of a run would: narrower ones come to the same.
        """
        *_, wide, widest = stages(self.rules)
        again = await self._at(wide, channel_id, day)
        return await self._at(widest, channel_id, day) if again.wider else again

    async def _at(self, stage: Stage, channel_id: int, day: date) -> Again:
        every, rules, then = self.every, self.rules, self.then
        table = every.take(every.badge == every.badge[every.channel_id == channel_id][0])
        slots = self._slots(stage, day, int(table.interval_s[0]))
        span = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
        block, stored = await self._laid_out(table, slots, span)
        target = np.zeros((len(block.channel_id), len(slots.days)), np.bool_)
        target[:, slots.days.index(day)] = True
        block = await self._look_up(block, table, target)
        until = local_day(then, self.zone) - timedelta(days=TWO_SIDED_DAYS + 1)
        ahead = np.array([self.final or each <= until for each in slots.days])
        found = engine.validate(block, rules, ahead=ahead)
        scope = Scope.of(found, target)
        row = int(np.searchsorted(block.channel_id, channel_id))
        wider = wants_wider(scope, table, stage, loaded=span, last_day=day, known_at=then)[row]
        judged = engine.judge(scope, rules, ahead=ahead, final=self.final)
        amended = amend(judged, stored, found)
        badges = dict(zip(every.channel_id.tolist(), map(str, every.badge), strict=True))
        return Again(then, rules, found, stored, amended, ahead, row, badges, bool(wider))

    def _slots(self, stage: Stage, day: date, interval_s: int) -> SlotTable:
        beside = timedelta(days=stage.reach_days + stage.context_days)
        today = local_day(self.then, self.zone)
        return SlotTable.of_days(
            day - beside, min(day + beside, today), interval_s=interval_s, zone=self.zone
        )

    async def _laid_out(
        self, table: ChannelTable, slots: SlotTable, span: Period
    ) -> tuple[Block, Stored]:
        work, rules, then = self.work, self.rules, self.then
        ids, align = np.unique(table.channel_id).tolist(), timedelta(seconds=rules.bookend.align_s)
        edges = Period(span.start_utc - align, span.end_utc + align)
        marks = await work.edits.marks(span, ids, as_of=then)
        return gridding.grid(
            table,
            slots,
            await work.readings.intervals(span, channel_ids=ids, as_of=then),
            await work.readings.registers(edges, channel_ids=ids, as_of=then),
            rules,
            temporary=marks.temporary,
            waived=marks.waived,
            vouched=marks.vouched,
        )

    async def _look_up(self, block: Block, table: ChannelTable, target: Bool) -> Block:
        """Return a block with what was known of its channels besides."""
        work, rules, then, days = self.work, self.rules, self.then, block.slots.days
        known = await ContextLoader(work, rules, self.zone, then).load(block, table, target)
        evidence = await load_evidence(work.circumstances.as_known(then), block)
        block = replace(block, known=known, evidence=evidence)
        silent = await silent_days(work, days[0], days[-1], then)
        facts = await GapFacts.load(
            work,
            self.zone,
            self.book,
            then,
            silent_days=frozenset() if self.final else silent,
            table=self.every,
        )
        gaps = GapLoader(work, rules, self.zone, self.every, facts, as_of=then)
        return replace(block, evidence=await gaps.add(block, table, evidence, target))
