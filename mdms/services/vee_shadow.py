"""
A shadow run: what a candidate would have made of past days, beside the rules in force.

Nothing is written. The days are taken as one bill window, so that it also says which bills would
differ, by how many whole units, and which could not be frozen.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import BilledChannel, billed_channels, service_periods
from mdms.billing.determinants import determine
from mdms.billing.window import BillWindow
from mdms.domain.readings import (
    Bool,
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
from vee.days import Finding, findings, tally
from vee.editions import Editions
from vee.rules import RuleSet
from vee.scope import Scope


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
        now, then = Verdicts(), Verdicts()
        rules = self.editions.on(last)
        window = BillWindow(first, last + timedelta(days=1))
        periods = service_periods(window, await self.work.registry.load())
        billed = billed_channels(window, self.zone, table, periods)
        wanted = ChannelDays.expected(table, first, last, self.zone)
        now_at = self.clock.now()
        facts = await GapFacts.load(
            self.work,
            self.zone,
            self.book,
            now_at,
            silent_days=await silent_days(self.work, first, last, now_at),
        )
        for interval_s in np.unique(table.interval_s).tolist():
            alike = table.take(table.interval_s == interval_s)
            slots = self._slots(rules, first, last, interval_s)
            due = wanted.of_channels(alike.channel_id)
            count_max = max(1, CELLS_MAX // len(slots))
            for channel_ids in meter_parts(alike, np.unique(due.channel_id), count_max):
                some = alike.take(np.isin(alike.channel_id, channel_ids))
                mine = set(channel_ids.tolist())
                paying = [channel for channel in billed if channel.channel_id in mine]
                intervals, registers, marks = await self._load(slots, channel_ids.tolist())
                for verdicts, by in ((now, rules), (then, self.candidate)):
                    loaded = gridding.grid(
                        some,
                        slots,
                        intervals,
                        registers,
                        by,
                        temporary=marks.temporary,
                        waived=marks.waived,
                    )
                    target = due.mask(loaded[0].channel_id, slots.days)
                    known = await ContextLoader(self.work, by, self.zone).load(
                        loaded[0], some, target
                    )
                    evidence = await load_evidence(self.work, loaded[0])
                    block = replace(loaded[0], known=known, evidence=evidence)
                    gaps = GapLoader(self.work, by, self.zone, alike, facts)
                    block = replace(block, evidence=await gaps.add(block, some, evidence, target))
                    seen = await asyncio.to_thread(self._judge, block, loaded[1], target, by)
                    versions = _count(verdicts, seen, target)
                    current = IntervalReads.concat(intervals, versions)
                    _bill(verdicts, window, paying, current, registers)
        return Shadow(len(wanted), now, then)

    def _slots(self, rules: RuleSet, first: date, last: date, interval_s: int) -> SlotTable:
        reach = max(rules.estimate.reach_days, self.candidate.estimate.reach_days)
        beside = timedelta(days=reach + 2)
        today = local_day(self.clock.now(), self.zone)
        return SlotTable.of_days(
            first - beside, min(last + beside, today), interval_s=interval_s, zone=self.zone
        )

    async def _load(
        self, slots: SlotTable, channel_ids: list[int]
    ) -> tuple[IntervalReads, RegisterReads, EditMarks]:
        start_s, end_s = int(slots.start_s[0]), slots.end_s
        align_s = self.candidate.bookend.align_s
        span = Period(from_epoch_s(start_s), from_epoch_s(end_s))
        edges = Period(from_epoch_s(start_s - align_s), from_epoch_s(end_s + align_s))
        return (
            await self.work.readings.intervals(span, channel_ids=channel_ids),
            await self.work.readings.registers(edges, channel_ids=channel_ids),
            await self.work.edits.marks(span, channel_ids),
        )

    def _judge(self, block: Block, stored: Stored, target: Bool, rules: RuleSet) -> "_Seen":
        """Call the pure core; runs in a thread, so that the event loop stays free."""
        today = local_day(self.clock.now(), self.zone)
        two_sided_until = today - timedelta(days=TWO_SIDED_DAYS + 1)
        ahead = np.array([day <= two_sided_until for day in block.slots.days])
        found = engine.validate(block, rules, ahead=ahead)
        outcome = engine.judge(Scope.of(found, target), rules, ahead=ahead, final=False)
        amended = amend(outcome, stored, found)
        return _Seen(
            block, amended, tally(found, amended).flags[target], findings(found, amended, target)
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A block, judged: its slots, the rule masks of the target days, what waits for a person."""

    block: Block
    amended: Amended
    flags: Int64
    findings: list[Finding]


def _count(verdicts: Verdicts, seen: _Seen, target: Bool) -> IntervalReads:
    """Add up what was made of the target days; return the versions that would be written."""
    for rule in RULES:
        days = int(np.count_nonzero(seen.flags & rule_bit(rule.number)))
        if days:
            verdicts.rules[rule.code] += days
    verdicts.exceptions.update(finding.rule for finding in seen.findings)
    slots = np.take(target, seen.block.slots.day, axis=1) & seen.block.expected
    status, value = seen.amended.status[slots], seen.amended.value[slots]
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
