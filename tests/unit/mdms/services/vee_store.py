"""A store of versions, outcomes and exceptions in memory, for nights of VEE."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from itertools import takewhile
from types import TracebackType
from typing import Self, cast

import numpy as np

from mdms.domain.mass_events import Brought, MassEvent, Silence
from mdms.domain.readings import (
    IntervalReads,
    RegisterReads,
    Status,
)
from mdms.domain.registry import ChannelTable
from mdms.domain.time import (
    Period,
    from_epoch_us,
    to_epoch_us,
)
from mdms.ports.circumstances import Circumstances, ConfirmedLeak, PastPeak
from mdms.ports.edits import EditMarks
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import StoredRuleset, VeeDay, VeeException, VeeRun
from tests.memory import MemoryDials, MemoryFacts
from vee.rules import RuleSet

DAY = timedelta(days=1)


class FakeStore:
    """Versions, outcomes and exceptions in memory, as the ports word them; never rolls back."""

    def __init__(self, table: ChannelTable) -> None:
        self.table = table
        self.reads = IntervalReads.empty()
        self.register_reads = RegisterReads.empty()
        self.outcomes: dict[tuple[int, date], list[VeeDay]] = {}
        self.touches: set[tuple[int, date]] = set()
        self.exceptions: dict[tuple[int, date, str], VeeException] = {}
        self.runs: list[VeeRun] = []
        self.calls: list[str] = []
        self.loaded: list[Period] = []
        self.moved: list[tuple[int, date]] = []
        self.dark: list[tuple[int, datetime, datetime]] = []
        self.leaking: list[ConfirmedLeak] = []
        self.rulesets_stored: list[StoredRuleset] = []
        self.facts = MemoryFacts()
        self.dials = MemoryDials()
        self.events: dict[date, MassEvent] = {}

    @property
    def registry(self) -> Self:
        return self

    @property
    def readings(self) -> Self:
        return self

    @property
    def vee(self) -> Self:
        return self

    @property
    def edits(self) -> Self:
        return self

    async def keep_shipped(self, hash_: str, toml: str, at: datetime) -> None:
        assert RuleSet.parse(toml, name="kept").hash == hash_

    async def marks(self, period: Period, channel_ids: Sequence[int]) -> EditMarks:
        return EditMarks(IntervalReads.empty(), IntervalReads.empty(), RegisterReads.empty())

    @property
    def circumstances(self) -> Self:
        return self

    async def of(
        self, channel_ids: Sequence[int], period: Period, first: date, last: date
    ) -> Circumstances:
        moves = await self.moves(channel_ids, first, last)
        return Circumstances(frozenset(), frozenset(), [], [], [], moves=moves)

    async def moves(
        self, channel_ids: Sequence[int], first: date, last: date
    ) -> Sequence[tuple[int, date]]:
        return [
            (channel, day)
            for channel, day in self.moved
            if channel in channel_ids and first < day <= last
        ]

    async def outages(
        self, channel_ids: Sequence[int], period: Period
    ) -> Sequence[tuple[int, datetime, datetime]]:
        return [each for each in self.dark if each[0] in set(channel_ids)]

    async def leaks(self, channel_ids: Sequence[int], period: Period) -> Sequence[ConfirmedLeak]:
        return [each for each in self.leaking if each.channel_id in set(channel_ids)]

    def _past(self, channel: int, first: date, before: date) -> list[VeeDay]:
        return [
            versions[-1]
            for (each, day), versions in sorted(self.outcomes.items())
            if each == channel and first <= day < before
        ]

    async def peaks(
        self, channel_days: Sequence[tuple[int, date]], *, before: date, days: int
    ) -> Sequence[PastPeak]:
        found = []
        for channel, day in channel_days:
            past = self._past(channel, day - days * DAY, min(day, before))
            peaks = [each.peak for each in past if each.peak is not None]
            if peaks:
                found.append(PastPeak(channel, day, max(peaks), len(peaks)))
        return found

    async def idle_days(
        self, channel_ids: Sequence[int], *, before: date, days_max: int
    ) -> Mapping[int, int]:
        idle = {}
        for channel in channel_ids:
            past = self._past(channel, before - days_max * DAY, before)
            idle[channel] = len(list(takewhile(lambda day: day.usage == 0, reversed(past))))
        return idle

    async def siblings_heard(
        self, silent: Sequence[tuple[int, date, Period]]
    ) -> Sequence[tuple[int, date]]:
        assert len(set(silent)) == len(silent), "each is asked once"
        return []

    @property
    def mass_events(self) -> Self:
        return self

    async def silence(self, day: Period, *, silent_s: int) -> Silence:
        reads = self.reads
        raw = reads.take(
            (reads.version == 0) & (reads.start_s >= day.start_s) & (reads.start_s < day.end_s)
        )
        heard_s = [
            int((raw.channel_id == channel).sum()) * int(self.table.interval_s[0])
            for channel in self.table.channel_id
        ]
        silent = [day.end_s - day.start_s - each > silent_s for each in heard_s]
        return Silence(len(heard_s), sum(silent))

    async def missing(self, local_day: date, *, silent_s: int) -> int:
        outcomes = [each[-1] for (_, day), each in self.outcomes.items() if day == local_day]
        return sum(each.missing * int(self.table.interval_s[0]) > silent_s for each in outcomes)

    async def brought(self, day: Period) -> Sequence[Brought]:
        usual = (day.end_s - day.start_s) // 900
        return [Brought("C-NORTH", 10, usual), Brought("C-SOUTH", usual - 10, usual)]

    async def keep(self, event: MassEvent) -> None:
        self.events[event.local_day] = event

    async def open(self) -> Sequence[MassEvent]:
        return [each for _, each in sorted(self.events.items()) if each.ended_at is None]

    async def within(self, first: date, last: date) -> Sequence[MassEvent]:
        return [each for day, each in sorted(self.events.items()) if first <= day <= last]

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        self.touches |= set(channel_days)

    def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return cast("AbstractAsyncContextManager[UnitOfWork]", self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def channels(self) -> ChannelTable:
        return self.table

    async def append_versions(self, intervals: IntervalReads) -> None:
        assert (intervals.version >= 1).all()
        self.reads = IntervalReads.concat(self.reads, intervals)

    async def intervals(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> IntervalReads:
        assert channel_ids is not None, "a run never loads the whole fleet at once"
        self.calls.append("load")
        self.loaded.append(period)
        reads = self.reads
        inside = (reads.start_s >= period.start_s) & (reads.start_s < period.end_s)
        return reads.take(inside & np.isin(reads.channel_id, channel_ids))

    async def unbroken(
        self, period: Period, *, interval_s: int, channel_ids: Sequence[int]
    ) -> IntervalReads:
        reads = await self.intervals(period, channel_ids=channel_ids)
        reads = reads.take(np.lexsort((reads.start_s, reads.channel_id)))
        plain = (reads.version == 0) & (reads.status == Status.RAW.code) & (reads.flags == 0)
        broken = set(reads.channel_id[~plain].tolist())
        follows = np.diff(reads.start_s) == interval_s
        follows |= np.diff(reads.channel_id) != 0
        broken |= set(reads.channel_id[1:][~follows].tolist())
        runs = reads.take(~np.isin(reads.channel_id, list(broken)))
        for channel in np.unique(runs.channel_id):  # all are told to be known when the newest is
            mine = runs.channel_id == channel
            runs.recorded_us[mine] = runs.recorded_us[mine].max()
        return runs

    async def newest_known(
        self, stretches: Sequence[tuple[int, Period]], *, as_of: datetime
    ) -> Sequence[datetime | None]:
        found: list[datetime | None] = []
        for channel, period in stretches:
            reads = await self.intervals(period, channel_ids=[channel])
            known = reads.recorded_us[
                (reads.version == 0) & (reads.recorded_us <= to_epoch_us(as_of))
            ]
            found.append(from_epoch_us(int(known.max())) if len(known) else None)
        return found

    async def registers(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> RegisterReads:
        assert channel_ids is not None, "a run never loads the whole fleet at once"
        reads = self.register_reads
        inside = (reads.at_s >= period.start_s) & (reads.at_s <= period.end_s)
        return reads.take(inside & np.isin(reads.channel_id, channel_ids))

    async def take_turn(self) -> None:
        self.calls.append("turn")

    async def advance(self, last_day: date) -> None:
        self.judged_until = last_day

    async def touched(self) -> Sequence[tuple[int, date]]:
        return sorted(self.touches)

    async def untouch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        self.calls.append("untouch")
        self.touches -= set(channel_days)

    async def days(
        self,
        first: date,
        last: date,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> Sequence[VeeDay]:
        return [
            versions[-1]
            for (channel, day), versions in self.outcomes.items()
            if first <= day <= last and (channel_ids is None or channel in channel_ids)
        ]

    async def append_days(self, days: Sequence[VeeDay]) -> None:
        for day in days:
            versions = self.outcomes.setdefault((day.channel_id, day.local_day), [])
            assert day.version == len(versions)
            versions.append(day)

    async def replace_exceptions(
        self,
        channel_days: Iterable[tuple[int, date]],
        raised: Sequence[VeeException],
        at: datetime,
        *,
        of_bills: bool = False,
    ) -> None:
        assert not of_bills
        judged = set(channel_days)
        keys = {(each.channel_id, each.local_day, each.rule) for each in raised}
        assert len(keys) == len(raised)
        assert {key[:2] for key in keys} <= judged
        self.exceptions = {
            key: value
            for key, value in self.exceptions.items()
            if key[:2] not in judged or key in keys
        }
        for each in raised:
            self.exceptions.setdefault((each.channel_id, each.local_day, each.rule), each)

    async def open_exceptions(self) -> Sequence[VeeException]:
        return list(self.exceptions.values())

    async def rulesets(self) -> Sequence[StoredRuleset]:
        return self.rulesets_stored

    async def add_ruleset(self, ruleset: StoredRuleset) -> None:
        self.rulesets_stored.append(ruleset)

    async def record_run(self, run: VeeRun) -> None:
        self.runs.append(run)

    async def last_run(self) -> VeeRun | None:
        return self.runs[-1] if self.runs else None
