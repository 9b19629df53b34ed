"""
A shadow run: what a candidate would have made of past days, beside the rules in force.

Nothing is written. The days are taken as one bill window, so that it also says which bills would
differ, by how many whole units, and which could not be frozen.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import reduce
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import BilledChannel, billed_channels, service_periods
from mdms.billing.determinants import determine
from mdms.billing.window import BillWindow
from mdms.domain.readings import (
    Bool,
    Int32,
    Int64,
    IntervalReads,
    RegisterReads,
    Status,
    rule_bit,
)
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day
from mdms.ports.clock import Clock
from mdms.ports.edits import EditMarks
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook
from mdms.services.mass_events import silent_days
from mdms.services.vee_context import ContextLoader
from mdms.services.vee_evidence import load_evidence
from mdms.services.vee_gaps import GapFacts, GapLoader
from mdms.services.vee_plan import TWO_SIDED_DAYS, ChannelDays
from mdms.services.vee_stages import CELLS_MAX, meter_parts
from vee import engine, gridding
from vee.amend import Amended, Stored, amend
from vee.block import Block, SlotTable
from vee.catalogue import RULES
from vee.editions import Editions, Reign
from vee.findings import Finding, findings
from vee.rules import RuleSet
from vee.scope import Scope
from vee.tally import tally


@dataclass(slots=True)
class Verdicts:
    """
    What one set of rules makes of the days.

    Attributes:
        rules: Channel-days by rule that marks them.
        exceptions: What waits for a person, by rule.
        statuses: Intervals by status letter.
        energy: Quanta by status letter; commodities are not told apart.
        units: Whole billing units by channel, of windows that could be frozen.
        blocked: Channels whose window could not be, by reason.
    """

    rules: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    energy: Counter[str] = field(default_factory=Counter)
    units: dict[int, int] = field(default_factory=dict)
    blocked: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Shadow:
    """Both verdicts on the same days."""

    channel_days: int
    in_force: Verdicts
    candidate: Verdicts

    def rows(self) -> list[dict[str, object]]:
        """Return what differs, as plain values: kind, name, both figures."""
        kinds = ("rules", "exceptions", "statuses", "energy", "blocked")
        listed: list[dict[str, object]] = []
        for kind in kinds:
            now, then = getattr(self.in_force, kind), getattr(self.candidate, kind)
            listed += [
                {"what": kind, "name": name, "in_force": now[name], "candidate": then[name]}
                for name in sorted(now.keys() | then.keys())
                if now[name] != then[name]
            ]
        both = self.in_force.units.keys() & self.candidate.units.keys()
        changed = [
            (self.in_force.units[channel], self.candidate.units[channel])
            for channel in sorted(both)
            if self.in_force.units[channel] != self.candidate.units[channel]
        ]
        bills = {
            "bills": (len(self.in_force.units), len(self.candidate.units)),
            "bills that change": (0, len(changed)),
            "whole units of these": (sum(a for a, _ in changed), sum(b for _, b in changed)),
        }
        listed += [
            {"what": "billing", "name": name, "in_force": now, "candidate": then}
            for name, (now, then) in bills.items()
        ]
        return listed


@dataclass(slots=True)
class ShadowRun:
    """Judges past days twice, within one transaction that writes nothing."""

    work: UnitOfWork
    clock: Clock
    zone: ZoneInfo
    editions: Editions
    candidate: RuleSet
    book: CustomerBook | None = None

    async def run(self, table: ChannelTable, first: date, last: date) -> Shadow:
        """Judge the local days first..last of these channels by both rule sets."""
        wanted = ChannelDays.expected(table, first, last, self.zone)
        spans = [(each, wanted.between(each.first, each.last)) for each in self.editions.reigns()]
        now = _Side([(reign, days) for reign, days in spans if len(days)])
        then = _Side([(Reign(self.candidate, date.min, date.max), wanted)])
        window = BillWindow(first, last + timedelta(days=1))
        periods = service_periods(window, await self.work.registry.load())
        billed = billed_channels(window, self.zone, table, periods)
        now_at = self.clock.now()
        facts = await GapFacts.load(
            self.work,
            self.zone,
            self.book,
            now_at,
            silent_days=await silent_days(self.work, first, last, now_at),
            table=table,
        )
        every = [reign.rules for side in (now, then) for reign, _ in side.judged]
        for interval_s in np.unique(table.interval_s).tolist():
            alike = table.take(table.interval_s == interval_s)
            slots = self._slots(every, first, last, interval_s)
            due = wanted.of_channels(alike.channel_id)
            count_max = max(1, CELLS_MAX // len(slots))
            for channel_ids in meter_parts(alike, np.unique(due.channel_id), count_max):
                ids = set(channel_ids.tolist())
                paying = [channel for channel in billed if channel.channel_id in ids]
                part = await self._load(alike, channel_ids, slots, every)
                for side in (now, then):
                    in_turn = [
                        await self._judged(part, reign, mine, facts)
                        for reign, days in side.judged
                        if len(mine := days.of_channels(channel_ids))
                    ]
                    versions = _count(side.verdicts, reduce(_Seen.followed_by, in_turn))
                    intervals = IntervalReads.concat(part.intervals, versions)
                    _bill(side.verdicts, window, paying, intervals, part.registers)
        return Shadow(len(wanted), now.verdicts, then.verdicts)

    def _slots(
        self, every: Sequence[RuleSet], first: date, last: date, interval_s: int
    ) -> SlotTable:
        beside = timedelta(days=max(rules.estimate.reach_days for rules in every) + 2)
        today = local_day(self.clock.now(), self.zone)
        return SlotTable.of_days(
            first - beside, min(last + beside, today), interval_s=interval_s, zone=self.zone
        )

    async def _load(
        self, alike: ChannelTable, channel_ids: Int32, slots: SlotTable, every: Sequence[RuleSet]
    ) -> "_Part":
        start_s, end_s, ids = int(slots.start_s[0]), slots.end_s, channel_ids.tolist()
        align_s = max(rules.bookend.align_s for rules in every)
        span = Period(from_epoch_s(start_s), from_epoch_s(end_s))
        edges = Period(from_epoch_s(start_s - align_s), from_epoch_s(end_s + align_s))
        return _Part(
            alike,
            alike.take(np.isin(alike.channel_id, channel_ids)),
            slots,
            await self.work.readings.intervals(span, channel_ids=ids),
            await self.work.readings.registers(edges, channel_ids=ids),
            await self.work.edits.marks(span, ids),
        )

    async def _judged(
        self, part: "_Part", reign: Reign, days: ChannelDays, facts: GapFacts
    ) -> "_Seen":
        """Judge those of some channel-days that lie in a part."""
        rules = reign.rules
        block, stored = gridding.grid(
            part.table,
            part.slots,
            part.intervals,
            part.registers,
            rules,
            temporary=part.marks.temporary,
            waived=part.marks.waived,
            vouched=part.marks.vouched,
        )
        target = days.mask(block.channel_id, part.slots.days)
        known = await ContextLoader(self.work, rules, self.zone).load(block, part.table, target)
        evidence = await load_evidence(self.work.circumstances, block)
        block = replace(block, known=known, evidence=evidence)
        gaps = GapLoader(self.work, rules, self.zone, part.alike, facts)
        block = replace(block, evidence=await gaps.add(block, part.table, evidence, target))
        return await asyncio.to_thread(self._judge, block, stored, target, reign)

    def _judge(self, block: Block, stored: Stored, target: Bool, reign: Reign) -> "_Seen":
        """Call the pure core; runs in a thread, so that the event loop stays free."""
        rules, days = reign.rules, block.slots.days
        today = local_day(self.clock.now(), self.zone)
        two_sided_until = today - timedelta(days=TWO_SIDED_DAYS + 1)
        ahead = np.array([day <= two_sided_until for day in days])
        found = engine.validate(block, rules, ahead=ahead)
        scope = Scope.of(found, target, reign.mask(days))
        amended = amend(engine.judge(scope, rules, ahead=ahead, final=False), stored, found)
        return _Seen(
            block,
            amended,
            scope.covered,
            scope.target & block.expected,
            tally(found, amended, rules).flags[target],
            findings(found, amended, target),
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """Which rules judge which channel-days, and what they make of them."""

    judged: Sequence[tuple[Reign, ChannelDays]]
    verdicts: Verdicts = field(default_factory=Verdicts)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some channels as they are stored, among those of their interval length."""

    alike: ChannelTable
    table: ChannelTable
    slots: SlotTable
    intervals: IntervalReads
    registers: RegisterReads
    marks: EditMarks


@dataclass(frozen=True, slots=True)
class _Seen:
    """
    A block, judged.

    Attributes:
        block: What was judged.
        amended: Its slots.
        covered: Slots that were judged: the target days, and brackets that share a slot with them.
        expected: Slots of the target days in which something was due, shape (channels, slots).
        flags: Rule masks of the target days.
        findings: What waits for a person.
    """

    block: Block
    amended: Amended
    covered: Bool
    expected: Bool
    flags: Int64
    findings: list[Finding]

    def followed_by(self, later: Self) -> Self:
        """
        Return this block once later days of it were judged as well, by their own edition.

        Of a bracket across both, the later days have the last word, as they have in a run: it adds
        up by one edition.
        """
        amended = Amended(
            *(
                np.where(later.covered, getattr(later.amended, name), getattr(self.amended, name))
                for name in (each.name for each in fields(Amended))
            )
        )
        return replace(
            self,
            amended=amended,
            covered=self.covered | later.covered,
            expected=self.expected | later.expected,
            flags=np.concatenate([self.flags, later.flags]),
            findings=self.findings + later.findings,
        )


def _count(verdicts: Verdicts, seen: _Seen) -> IntervalReads:
    """Add up what was made of the target days; return the versions that would be written."""
    for rule in RULES:
        days = int(np.count_nonzero(seen.flags & rule_bit(rule.number)))
        if days:
            verdicts.rules[rule.code] += days
    verdicts.exceptions.update(finding.rule for finding in seen.findings)
    status, value = seen.amended.status[seen.expected], seen.amended.value[seen.expected]
    for code in np.unique(status).tolist():
        letter = chr(code) if code else Status.MISSING.value
        verdicts.statuses[letter] += int(np.count_nonzero(status == code))
        verdicts.energy[letter] += int(value[status == code].sum())
    return gridding.versions(seen.block, seen.amended, recorded_us=0)


def _bill(
    verdicts: Verdicts,
    window: BillWindow,
    channels: Sequence[BilledChannel],
    intervals: IntervalReads,
    registers: RegisterReads,
) -> None:
    """Add what would be billed, and what could not be."""
    billed, blocked = determine(window, channels, intervals, registers, ruleset_hash="")
    for each in billed:  # a channel has several parts where people moved
        before = verdicts.units.get(each.channel_id, 0)
        verdicts.units[each.channel_id] = before + each.usage_units
    verdicts.blocked.update(each.reason for each in blocked)
