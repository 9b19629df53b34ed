"""
VEE on stored reads: which channel-days are due, judged a block and a transaction at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from mdms.domain.errors import UsageError
from mdms.domain.readings import Int32
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, days_between, local_day
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.ports.vee import VeeRun
from mdms.services.customer_rules import CustomerBook
from mdms.services.mass_events import MassEvents, view
from mdms.services.vee_block import BlockRun
from mdms.services.vee_gaps import GapFacts
from mdms.services.vee_plan import TWO_SIDED_DAYS, ChannelDays
from mdms.services.vee_rulesets import RulesetService, editions
from mdms.services.vee_shadow import Shadow, ShadowRun
from mdms.services.vee_stages import CELLS_MAX, meter_parts, parts
from mdms.telemetry import metrics
from vee.block import DAY_S
from vee.editions import Editions, Reign
from vee.rules import RuleSet
from vee.rules_file import written

log = structlog.get_logger()

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class VeeRunResult:
    """What a run did."""

    first_day: date | None
    """None when there was nothing to judge."""
    last_day: date | None
    channel_days: int = 0
    versions: int = 0
    exceptions: int = 0


class VeeService:
    """Judges closed local days, every night and on demand."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        rules: RuleSet,
        zone: ZoneInfo,
        *,
        book: CustomerBook | None = None,
    ) -> None:
        """
        Wire the service.

        Args:
            unit_of_work: Opens a transaction.
            clock: The one source of time.
            rules: What reads are judged by, unless another rule set was promoted since.
            zone: Where the utility's days begin.
            book: Which hours time-of-use registers count; None: nobody said.
        """
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._zone = zone
        self._book = book
        self.rulesets = RulesetService(unit_of_work, clock, rules, zone)

    async def run(
        self,
        first_day: date,
        last_day: date,
        *,
        channel_ids: Sequence[int] | None = None,
        final: bool = False,
    ) -> VeeRunResult:
        """
        Judge local days again, both included; the open day is left for its night.

        Args:
            first_day: First local day.
            last_day: Last local day.
            channel_ids: Only these channels; None for all.
            final: Write final estimates (F), as at bill close.

        Raises:
            UsageError: The days are in the wrong order, or none of them is over.
        """
        yesterday = self._yesterday()
        if first_day > last_day:
            raise UsageError(f"The first day, {first_day}, must not be after the last, {last_day}.")
        if first_day > yesterday:
            raise UsageError(f"{first_day} is not over yet; the last closed day is {yesterday}.")
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            touched = ChannelDays.of(await work.vee.touched())
            waiting = await self._mass_events(work).waiting()
        wanted = ChannelDays.expected(table, first_day, min(last_day, yesterday), self._zone)
        if channel_ids is not None:
            wanted = wanted.of_channels(np.array(channel_ids, np.int32))
        # bills that close wait for nothing
        return await self._run(
            table, wanted, touched, frozenset() if final else waiting, final=final
        )

    async def nightly(self) -> VeeRunResult:
        """
        Judge what the day brought.

        These are the days that closed since the last night, the channel-days that late reads
        touched, and the gaps that now have a week of later days to be estimated from.
        """
        started_at, yesterday = self._clock.now(), self._yesterday()
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            last = await work.vee.last_run()
            known = await editions(work, self._rules)
        if last is None:
            first = await self._first_heard(table, yesterday)
            ripe = ChannelDays.of([])
        else:
            first = last.last_day + _DAY
            ripe = await self._ripe(last.last_day, yesterday)
        async with self._unit_of_work() as work:
            new = days_between(first, yesterday)
            waiting = await self._mass_events(work, known).look(new, started_at)
            touched = ChannelDays.of(await work.vee.touched())
        fresh = ChannelDays.expected(table, first, yesterday, self._zone)
        late = touched.until(yesterday).of_channels(table.channel_id)
        result = await self._run(table, fresh.union(late, ripe), touched, waiting, final=False)
        if result.channel_days:
            async with self._unit_of_work() as work:
                await work.vee.take_turn()
                newest = await work.vee.last_run()
                await work.vee.record_run(
                    VeeRun(
                        run_id=1 if newest is None else newest.run_id + 1,
                        started_at=started_at,
                        first_day=min(first, yesterday),
                        last_day=yesterday,
                        ruleset_hash=known.on(yesterday).hash,
                        channel_days=result.channel_days,
                        versions=result.versions,
                        finished_at=self._clock.now(),
                    )
                )
        return result

    async def shadow(
        self,
        text: str,
        first_day: date,
        last_day: date,
        *,
        channel_ids: Sequence[int] | None = None,
    ) -> Shadow:
        """
        Judge past days by a candidate too, beside the rules in force; nothing is written.

        Args:
            text: The candidate rule set, as a file would hold it.
            first_day: First local day.
            last_day: Last local day; both bound the bill window that is tried.
            channel_ids: Only these channels; None for all.

        Raises:
            RuleSetError: The candidate cannot be used.
            UsageError: The days are in the wrong order, or not over yet.
        """
        candidate = RuleSet.parse(text, name="candidate")
        if not first_day <= last_day <= self._yesterday():
            raise UsageError(f"{first_day} to {last_day} are no closed days in order.")
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            if channel_ids is not None:
                table = table.take(np.isin(table.channel_id, channel_ids))
            known = await editions(work, self._rules)
            shadow = ShadowRun(work, self._clock, self._zone, known, candidate, self._book)
            return await shadow.run(table, first_day, last_day)

    async def incidents(self, first_day: date, last_day: date) -> list[dict[str, Any]]:
        """Return days on which so many meters were silent that it is one incident."""
        async with self._unit_of_work() as work:
            found = await work.mass_events.within(first_day, last_day)
            return [await view(work, each, self._zone) for each in found]

    async def open_exceptions(self) -> list[dict[str, object]]:
        """Return what waits for a person, newest day first, as plain values."""
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            listed = await work.vee.open_exceptions()
        badges = dict(zip(table.channel_id.tolist(), table.badge.tolist(), strict=True))
        kinds = dict(zip(table.channel_id.tolist(), table.reading_type.tolist(), strict=True))
        return [
            {
                "meter": badges.get(each.channel_id),
                "reading_type": kinds.get(each.channel_id),
                "day": each.local_day.isoformat(),
                "rule": each.rule,
                "severity": each.severity,
                "detail": each.detail,
                "opened_at": each.opened_at.isoformat(),
            }
            for each in sorted(
                listed, key=lambda each: (-each.local_day.toordinal(), each.channel_id, each.rule)
            )
        ]

    def _mass_events(self, work: UnitOfWork, known: Editions | None = None) -> MassEvents:
        rules = known.on(self._yesterday()) if known else self._rules
        return MassEvents(work, rules.mass_event, self._zone)

    def _today(self) -> date:
        return local_day(self._clock.now(), self._zone)

    def _yesterday(self) -> date:
        return self._today() - _DAY

    async def _first_heard(self, table: ChannelTable, yesterday: date) -> date:
        """Go back to the day after the last one on which nothing was heard at all."""
        channel_ids = np.unique(table.channel_id)
        day = yesterday
        while len(channel_ids) and await self._heard(channel_ids, day):
            day -= _DAY
        return day + _DAY

    async def _heard(self, channel_ids: Int32, day: date) -> bool:
        period = Period.of_days(day, day, self._zone)
        for part in parts(channel_ids, CELLS_MAX * 300 // DAY_S):
            async with self._unit_of_work() as work:
                if len(await work.readings.intervals(period, channel_ids=part.tolist())):
                    return True
        return False

    async def _ripe(self, last_judged: date, yesterday: date) -> ChannelDays:
        """Return gaps that have had a week of later days since the last night."""
        first = last_judged - timedelta(days=TWO_SIDED_DAYS - 1)
        last = yesterday - timedelta(days=TWO_SIDED_DAYS)
        if first > last:
            return ChannelDays.of([])
        async with self._unit_of_work() as work:
            days = await work.vee.days(first, last)
        return ChannelDays.of(
            (day.channel_id, day.local_day) for day in days if day.estimated or day.missing
        )

    async def _run(
        self,
        table: ChannelTable,
        wanted: ChannelDays,
        touched: ChannelDays,
        waiting: frozenset[date],
        *,
        final: bool,
    ) -> VeeRunResult:
        """Judge these channel-days, a block and a transaction at a time."""
        began_s = self._clock.monotonic()
        days = [date.fromordinal(ordinal) for ordinal in np.unique(wanted.ordinal).tolist()]
        if days:
            async with self._unit_of_work() as work:
                # before the load: a read that comes meanwhile sends its day back
                await work.vee.advance(days[-1])
        result = VeeRunResult(*((days[0], days[-1]) if days else (None, None)))
        async with self._unit_of_work() as work:
            now = self._clock.now()
            await work.vee.keep_shipped(self._rules.hash, written(self._rules), now)
            known = await editions(work, self._rules)
            facts = await GapFacts.load(
                work,
                self._zone,
                self._book,
                self._clock.now(),
                silent_days=waiting,
                table=table,
            )
        for reign, span in _by_edition(known, wanted):
            for interval_s in np.unique(table.interval_s).tolist():
                alike = table.take(table.interval_s == interval_s)
                due = span.of_channels(alike.channel_id)
                width = int(np.ptp(span.ordinal)) + 1
                count_max = CELLS_MAX * interval_s // ((width + 2) * DAY_S)
                for channel_ids in meter_parts(alike, np.unique(due.channel_id), count_max):
                    targets = due.of_channels(channel_ids)
                    async with self._unit_of_work() as work:
                        # two runs at once would both append the next version
                        await work.vee.take_turn()
                        # before the load: who touches one of these meanwhile, touches it again
                        await work.vee.untouch(touched.intersection(targets))
                        block = BlockRun(
                            work,
                            self._clock,
                            reign,
                            self._zone,
                            alike,
                            targets,
                            final,
                            facts,
                        )
                        await block.run()
                    result = replace(
                        result,
                        channel_days=result.channel_days + len(targets),
                        versions=result.versions + block.outcomes.versions,
                        exceptions=result.exceptions + block.outcomes.exceptions,
                    )
        async with self._unit_of_work() as work:
            metrics.VEE_EXCEPTIONS_OPEN.set(len(await work.vee.open_exceptions()))
        metrics.VEE_RUNS.inc()
        metrics.VEE_RUN_SECONDS.observe(self._clock.monotonic() - began_s)
        metrics.VEE_LAST_RUN.set(self._clock.now().timestamp())
        log.info(
            "vee.run.committed",
            first_day=str(result.first_day),
            last_day=str(result.last_day),
            channel_day_count=result.channel_days,
            version_count=result.versions,
            exception_count=result.exceptions,
            duration_s=round(self._clock.monotonic() - began_s, 3),
        )
        return result


def _by_edition(known: Editions, wanted: ChannelDays) -> Iterator[tuple[Reign, ChannelDays]]:
    """
    Cut channel-days into weeks and parts of weeks that one rule set judges, earliest first.

    What a class did in the weeks before speaks for its gaps (C1): all of it was judged by then.
    The register at the first midnight of an edition may be what the evening before waited for, and
    no other day asks for that evening: it is judged again too, by its own edition.
    """
    for before, after in pairwise(known.reigns()):
        begun = wanted.between(after.first, after.first).channel_id.tolist()
        wanted = wanted.union(ChannelDays.of((channel, before.last) for channel in begun))
    for reign in known.reigns():
        for span in wanted.between(reign.first, reign.last).weeks():
            yield reign, span
