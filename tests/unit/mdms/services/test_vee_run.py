"""Nights of VEE on a store in memory, checked by a loop over everything that is stored."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.dials import DialRead
from mdms.domain.errors import UnavailableError, UsageError
from mdms.domain.facts import CisFact, Subject
from mdms.domain.mass_events import Brought, MassEvent, Silence
from mdms.domain.readings import (
    FLAG_EST_UNSCALED,
    IntervalReads,
    Method,
    RegisterReads,
    Source,
)
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from mdms.domain.time import (
    Period,
    from_epoch_s,
    local_day,
    local_midnight,
    to_epoch_s,
    to_epoch_us,
)
from mdms.ports.circumstances import Circumstances, ConfirmedLeak, PastPeak
from mdms.ports.edits import EditMarks
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import StoredRuleset, VeeDay, VeeException, VeeRun
from mdms.services.vee_run import VeeService
from mdms.services.vee_stages import NEIGHBOURS_H
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.memory import MemoryDials, MemoryFacts
from vee.rules import RuleSet

ZONE = ZoneInfo("America/Los_Angeles")
RULES = RuleSet.load(Path(__file__).parents[4] / "config/vee/residential.toml")
FIRST_DAY = date(2026, 10, 28)
"""Four days before the clocks go back."""
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
        return EditMarks(IntervalReads.empty(), IntervalReads.empty())

    @property
    def circumstances(self) -> Self:
        return self

    async def of(
        self, channel_ids: Sequence[int], period: Period, first: date, last: date
    ) -> Circumstances:
        return Circumstances(frozenset(), frozenset(), [], [], [])

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


def channel_table(
    channels: int = 4,
    *,
    interval_s: int = 3600,
    commodity: str = "electric",
    service_class: str = "electric_200a",
) -> ChannelTable:
    def each(value: object, kind: type | str) -> np.ndarray:
        return np.full(channels, value, kind)

    number = np.arange(1, channels + 1)
    return ChannelTable(
        channel_id=number.astype(np.int32),
        badge=np.array([f"M{n}" for n in number], object),
        reading_type=each("0.0.7.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0", object),
        commodity=each(commodity, object),
        service_class=each(service_class, object),
        usage_point_id=np.array([f"U{n}" for n in number], object),
        transformer_id=each("T1", object),
        radio_id=number.astype(np.int64),
        wire_channel=each(0x10, np.uint8),
        interval_s=each(interval_s, np.int32),
        installed_s=each(at(date(2020, 1, 1)), np.int64),
        removed_s=each(STILL_INSTALLED_S, np.int64),
        radio_on=each(True, np.bool_),
        register_modulus=each(10**9, np.int64),
        register_resolution=each(1, np.int64),
        multiplier=each(1, np.int64),
    )


def at(day: date, hour: float = 0) -> int:
    return to_epoch_s(local_midnight(day, ZONE)) + round(hour * 3600)


class World:
    """A fleet with a truth that is heard only in part."""

    def __init__(self, table: ChannelTable, *, days: int, seed: int = 1) -> None:
        self.store = FakeStore(table)
        self.clock = FakeClock(local_midnight(FIRST_DAY, ZONE))
        self.service = VeeService(self.store, self.clock, RULES, ZONE, book=BOOK)
        self.interval_s = int(table.interval_s[0])
        self.start_s = np.arange(at(FIRST_DAY), at(FIRST_DAY + days * DAY), self.interval_s)
        rng = np.random.default_rng(seed)
        shape = (len(table), len(self.start_s))
        self.truth = rng.poisson(400, shape).astype(np.int64)
        self.register = np.cumsum(np.pad(self.truth, ((0, 0), (1, 0))), axis=1) + 5000
        self.sent = np.zeros(shape, np.bool_)
        self.lost = np.zeros(shape, np.bool_)

    def lose(self, channel: int, first_s: int, last_s: int) -> None:
        """Lose the intervals of channel (1..) that start in [first_s, last_s)."""
        self.lost[channel - 1] |= (self.start_s >= first_s) & (self.start_s < last_s)

    def hear(self, until_s: int, *, registers_every: int = 4) -> None:
        """Receive what was not lost and ended by now; registers only beside what is heard."""
        heard = (self.start_s + self.interval_s <= until_s) & ~self.lost & ~self.sent
        channel, slot = np.nonzero(heard)
        self.sent |= heard
        now_us = to_epoch_us(self.clock.now())
        self.store.reads = IntervalReads.concat(
            self.store.reads,
            IntervalReads.raw(
                channel + 1,
                self.start_s[slot],
                self.truth[channel, slot],
                recorded_us=now_us,
                source=Source.UPLINK,
            ),
        )
        carried = (slot + 1) % registers_every == 0
        self.add_registers(channel[carried], slot[carried] + 1)

    def add_registers(self, channel: Sequence[int] | np.ndarray, boundary: np.ndarray) -> None:
        reads = RegisterReads.raw(
            np.asarray(channel) + 1,
            self.start_s[0] + np.asarray(boundary) * self.interval_s,
            self.register[np.asarray(channel), np.asarray(boundary)],
            recorded_us=to_epoch_us(self.clock.now()),
            source=Source.UPLINK,
        )
        self.store.register_reads = RegisterReads.concat(self.store.register_reads, reads)

    async def nights(self, first: date, last: date, *, hour: float = 5) -> None:
        """Live through the nights after these days."""
        day = first
        while day <= last:
            await self.to(at(day + DAY, hour))
            self.hear(at(day + DAY, hour))
            await self.service.nightly()
            day += DAY

    async def to(self, second: int) -> None:
        await self.clock.sleep(second - to_epoch_s(self.clock.now()))

    def current(self, channel: int) -> dict[int, tuple[int, str]]:
        """Return value and status of each stored start of a channel."""
        reads = self.store.reads.current()
        mine = reads.take(reads.channel_id == channel)
        return {
            start: (value, chr(status))
            for start, value, status in zip(
                mine.start_s.tolist(), mine.value.tolist(), mine.status.tolist(), strict=True
            )
        }

    def check(self) -> int:
        """Check every bracket of the store that holds an estimate; return how many there were."""
        every = self.store.reads
        keys = np.stack([every.channel_id, every.start_s, every.version])
        assert np.unique(keys, axis=1).shape == keys.shape, "a version is written once"
        checked = 0
        for channel in self.store.table.channel_id.tolist():
            current = self.current(channel)
            reads = self.store.register_reads
            mine = reads.take(reads.channel_id == channel)
            books = sorted(zip(mine.at_s.tolist(), mine.value.tolist(), strict=True))
            for (first, before), (last, after) in pairwise(books):
                slots = [
                    current.get(start, (0, ".")) for start in range(first, last, self.interval_s)
                ]
                if {"E", "F", "D"} & {status for _, status in slots}:
                    checked += 1
                    assert sum(value for value, _ in slots) == after - before
        return checked


async def test_nights_leave_every_expected_interval_actual_or_estimated_to_the_register():
    world = World(channel_table(6), days=21)
    rng = np.random.default_rng(3)
    world.lost = rng.random(world.lost.shape) < 0.1
    world.lose(2, at(FIRST_DAY + 9 * DAY, 13), at(FIRST_DAY + 12 * DAY, 7))

    await world.nights(FIRST_DAY, FIRST_DAY + 19 * DAY)

    assert world.check() > 100
    for (_, day), versions in world.store.outcomes.items():
        newest = versions[-1]
        assert newest.expected == (at(day + DAY) - at(day)) // 3600
        assert newest.expected == newest.actual + newest.estimated + newest.missing + newest.held
        assert newest.held == 0
    settled = FIRST_DAY + 10 * DAY
    assert {v[-1].missing for (_, day), v in world.store.outcomes.items() if day >= settled} == {0}
    assert len(world.store.outcomes) == 6 * 20


async def test_a_second_run_over_everything_appends_nothing():
    world = World(channel_table(3), days=16)
    world.lost = np.random.default_rng(5).random(world.lost.shape) < 0.1
    await world.nights(FIRST_DAY, FIRST_DAY + 14 * DAY)
    await world.service.run(FIRST_DAY, FIRST_DAY + 14 * DAY)
    reads, outcomes = len(world.store.reads), sum(map(len, world.store.outcomes.values()))

    result = await world.service.run(FIRST_DAY, FIRST_DAY + 14 * DAY)
    single = await world.service.run(FIRST_DAY + 6 * DAY, FIRST_DAY + 6 * DAY)

    assert result.versions == single.versions == 0
    assert len(world.store.reads) == reads
    assert sum(map(len, world.store.outcomes.values())) == outcomes


async def test_channels_judged_one_at_a_time_come_to_what_all_together_do(monkeypatch):
    def fleet() -> World:
        world = World(channel_table(5), days=12)
        world.lost = np.random.default_rng(7).random(world.lost.shape) < 0.1
        return world

    together, apart = fleet(), fleet()
    await together.nights(FIRST_DAY, FIRST_DAY + 10 * DAY)
    monkeypatch.setattr("mdms.services.vee_stages.PART_CELLS", 1)
    await apart.nights(FIRST_DAY, FIRST_DAY + 10 * DAY)

    def sorted_reads(world: World) -> list[tuple[int, ...]]:
        reads = world.store.reads
        return sorted(zip(*(getattr(reads, f.name).tolist() for f in fields(reads)), strict=True))

    assert sorted_reads(apart) == sorted_reads(together)
    assert apart.store.outcomes == together.store.outcomes
    assert apart.store.exceptions == together.store.exceptions
    assert len(apart.store.loaded) > len(together.store.loaded)


async def test_a_part_that_cannot_be_loaded_ends_the_run(monkeypatch):
    world = World(channel_table(3), days=2)
    monkeypatch.setattr("mdms.services.vee_stages.PART_CELLS", 1)
    whole = world.store.intervals

    async def once(period: Period, *, channel_ids: Sequence[int]) -> IntervalReads:
        if world.store.loaded:
            raise UnavailableError("the database is away")
        return await whole(period, channel_ids=channel_ids)

    monkeypatch.setattr(world.store, "intervals", once)
    with pytest.raises(UnavailableError):
        await world.service.run(FIRST_DAY - DAY, FIRST_DAY - DAY)

    assert world.store.outcomes == {}


async def test_a_day_that_passed_unchanged_writes_no_read():
    world = World(channel_table(2), days=3)

    await world.nights(FIRST_DAY, FIRST_DAY)

    assert set(world.store.reads.version.tolist()) == {0}
    assert [v[-1].actual for v in world.store.outcomes.values()] == [24, 24]


async def test_a_night_without_gaps_loads_hours_beside_its_day_and_no_more():
    world = World(channel_table(2), days=4)
    await world.nights(FIRST_DAY, FIRST_DAY)
    world.store.loaded.clear()

    await world.nights(FIRST_DAY + DAY, FIRST_DAY + DAY)

    day = Period.of_days(FIRST_DAY + DAY, FIRST_DAY + DAY, ZONE)
    hours = timedelta(hours=NEIGHBOURS_H)
    assert world.store.loaded == [Period(day.start_utc - hours, day.end_utc + hours)]


async def test_brackets_that_reach_far_beyond_a_day_are_judged_by_whole_days():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 2 * DAY
    await world.to(at(day + DAY, 13))
    world.hear(at(day + DAY, 13), registers_every=10_000)
    noons = np.arange(12, 96, 24)  # no register but at noon
    world.add_registers(np.zeros(len(noons), np.int64), noons)

    await world.service.run(day, day)

    judged = world.store.outcomes[1, day][-1]
    assert (judged.actual, judged.held, judged.missing) == (24, 0, 0)
    assert len(world.store.loaded) > 1


async def test_a_gap_over_midnight_is_scaled_when_its_register_arrives():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 22), at(day + DAY, 3))
    await world.nights(FIRST_DAY, day - DAY)
    await world.to(at(day + DAY, 2))
    world.hear(at(day + DAY, 2))
    await world.service.nightly()
    first = world.store.reads.take(world.store.reads.version == 1)
    assert ((first.flags & FLAG_EST_UNSCALED) != 0).all()
    assert len(first) == 2

    await world.nights(day + DAY, day + DAY)

    assert world.check() == 1
    assert world.current(1)[at(day, 22)][1] == "E"
    assert world.store.outcomes[1, day][-1].estimated == 2


async def test_a_register_that_comes_at_midnight_after_the_night_closes_the_day_before():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 21), at(day + DAY, 0))
    await world.nights(FIRST_DAY, day - DAY)
    await world.to(at(day + DAY, 0.5))
    world.hear(at(day + DAY, 0.5))
    await world.service.nightly()
    assert world.check() == 0
    slot = int(np.searchsorted(world.start_s, at(day + DAY)))
    world.add_registers([0], np.array([slot]))

    await world.nights(day + DAY, day + DAY)

    assert world.check() == 1


async def test_a_late_actual_becomes_current_and_its_bracket_is_scaled_again():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 9), at(day, 14))
    await world.nights(FIRST_DAY, day)
    assert world.current(1)[at(day, 10)][1] == "E"
    world.lost[0, world.start_s == at(day, 10)] = False
    world.hear(at(day + DAY, 5))
    world.store.touches.add((1, day))

    await world.nights(day + DAY, day + DAY)

    slot = int(np.searchsorted(world.start_s, at(day, 10)))
    assert world.current(1)[at(day, 10)] == (int(world.truth[0, slot]), "V")
    assert world.check() > 0
    assert world.store.touches == set()
    newest = world.store.outcomes[1, day][-1]
    assert (newest.version, newest.missing) == (1, 0)


async def test_a_meter_that_was_silent_for_weeks_is_filled_exactly_when_it_is_heard_again():
    world = World(channel_table(2), days=60)
    silent = FIRST_DAY + 10 * DAY
    back = FIRST_DAY + 55 * DAY
    world.lose(1, at(silent, 6), at(back, 9))
    await world.nights(FIRST_DAY, back - DAY)
    assert (1, back - DAY, "V08") in world.store.exceptions

    await world.nights(back, back + DAY)

    assert world.check() >= 1
    assert all(start in world.current(1) for start in world.start_s[: len(world.start_s) - 96])


async def test_a_gap_on_a_meters_first_day_is_filled_once_a_week_of_later_days_is_there():
    world = World(channel_table(1), days=20)
    world.lose(1, at(FIRST_DAY, 1), at(FIRST_DAY, 10))
    await world.nights(FIRST_DAY, FIRST_DAY + 6 * DAY)
    assert world.store.outcomes[1, FIRST_DAY][-1].missing == 9
    assert (1, FIRST_DAY, "V08") in world.store.exceptions

    await world.nights(FIRST_DAY + 7 * DAY, FIRST_DAY + 7 * DAY)

    assert world.store.outcomes[1, FIRST_DAY][-1].estimated == 9
    assert set(world.store.reads.current().method.tolist()) == {Method.NONE, Method.H4}
    assert world.store.exceptions == {}


@pytest.mark.parametrize("used_inside", [False, True])
async def test_an_outage_leaves_zeros_unless_the_meter_used_something_in_it(used_inside):
    world = World(channel_table(1), days=3)
    day = FIRST_DAY + DAY
    slots = range(*np.searchsorted(world.start_s, [at(day, 8), at(day, 14)]))
    world.truth[0, slots] = 0
    world.register = np.cumsum(np.pad(world.truth, ((0, 0), (1, 0))), axis=1) + 5000
    world.lose(1, at(day, 8), at(day, 14))
    if used_inside:
        world.lost[0, slots[2]] = False
        world.truth[0, slots[2]] = 70
    failed, restored = (from_epoch_s(at(day, hour)) for hour in (8, 14))
    world.store.dark.append((1, failed, restored))

    await world.nights(FIRST_DAY, day)

    gap = [world.current(1).get(world.start_s[slot], (0, ".")) for slot in slots]
    if used_inside:
        assert "Z" not in {status for _, status in gap}
    else:
        assert gap == [(0, "Z")] * 6


async def test_a_confirmed_leak_runs_through_a_gap():
    world = World(channel_table(1, commodity="water", service_class="water_5_8"), days=12)
    world.truth[:] = 20
    world.register = np.cumsum(np.pad(world.truth, ((0, 0), (1, 0))), axis=1) + 5000
    day = FIRST_DAY + 10 * DAY
    world.lose(1, at(day, 20), at(day + DAY, 0))
    began = from_epoch_s(at(day, 22))
    world.store.leaking.append(ConfirmedLeak(1, began, None, 3.0, "gal"))

    await world.nights(FIRST_DAY, day)

    gap = [world.current(1)[at(day, hour)] for hour in (20, 21, 22, 23)]
    assert gap == [(15, "E"), (15, "E"), (25, "E"), (25, "E")]  # by the register, 80


def stated(fact: str, value: str, effective_s: int) -> CisFact:
    return CisFact(
        subject=Subject.USAGE_POINT,
        subject_id="U1",
        fact=fact,
        value=value,
        effective_at=from_epoch_s(effective_s),
        known_at=local_midnight(FIRST_DAY, ZONE),
    )


async def test_a_second_meter_stands_in_from_the_day_on_that_it_was_stated():
    world = World(channel_table(2), days=12)
    world.truth[1], world.register[1] = world.truth[0], world.register[0]
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 8), at(day, 14))
    world.lose(2, at(day, 9), at(day, 10))
    world.store.facts.statements = [stated("check_meter", "M2", at(day, 11))]

    await world.nights(FIRST_DAY, day)

    newest = world.store.reads.current()
    mine = newest.take((newest.channel_id == 1) & (newest.method != Method.NONE))
    copied = mine.start_s[mine.method == Method.K1].tolist()
    assert copied == [at(day, hour) for hour in (11, 12, 13)]
    assert mine.start_s.tolist() == [at(day, hour) for hour in range(8, 14)]
    assert world.check() == 2


async def test_time_of_use_registers_say_how_much_of_a_gap_fell_into_their_hours():
    world = World(channel_table(1), days=12)
    day = date(2026, 10, 29)
    world.lose(1, at(day, 12), at(day, 18))
    peak = [16 <= (s - at(day)) // 3600 < 21 for s in world.start_s if s < at(day + DAY)]
    shown = {
        "on_peak": int(world.truth[0, : len(peak)][np.array(peak)].sum()),
        "off_peak": 0,
        "mid_peak": 0,
    }
    there = slice(*np.searchsorted(world.start_s, [at(day), at(day + DAY)]).tolist())
    shown["off_peak"] = int(world.truth[0, there].sum()) - shown["on_peak"]
    world.store.dials.reads = [
        *(DialRead(1, dial, at(day), 10**9 - 50) for dial in shown),
        *(DialRead(1, dial, at(day + DAY) + 20, used - 50) for dial, used in shown.items() if used),
        DialRead(1, "mid_peak", at(day + DAY), 10**9 - 50),
        DialRead(1, "demand", at(day + DAY), 900),
    ]
    world.store.facts.statements = [stated("rate_schedule", "E-1-TOU", at(FIRST_DAY))]

    await world.to(at(day + DAY, 5))
    world.hear(at(day + DAY, 5), registers_every=24)
    await world.service.nightly()

    current = world.current(1)
    estimated = sum(current[at(day, hour)][0] for hour in (16, 17))
    assert {current[at(day, hour)][1] for hour in range(12, 18)} == {"E"}
    assert estimated == world.truth[0, there][16:18].sum()
    assert world.check() == 1


@pytest.mark.parametrize(
    ("stated_days", "low", "high"),
    [pytest.param(40, 42, 52, id="known"), pytest.param(0, 15, 30, id="unknown")],
)
async def test_gas_that_no_register_counts_follows_the_cold_that_was_stated(stated_days, low, high):
    table = channel_table(1, commodity="gas", service_class="gas_250")
    world = World(replace(table, wire_channel=np.full(1, 0x30, np.uint8)), days=40)
    day = FIRST_DAY + 30 * DAY
    days = [local_day(from_epoch_s(second), ZONE) for second in world.start_s.tolist()]
    mean_f = {each: 40.0 if each == day else 50.0 + each.toordinal() % 11 for each in days}
    world.truth[0] = [4 * (65 - round(mean_f[each])) // 2 for each in days]
    world.lose(1, at(day), at(day + DAY))
    world.store.facts.statements = [
        CisFact(
            subject=Subject.UTILITY,
            subject_id="cpau",
            fact="outdoor_mean_f",
            value=str(mean),
            effective_at=local_midnight(each, ZONE),
            known_at=local_midnight(FIRST_DAY, ZONE),
        )
        for each, mean in list(mean_f.items())[:stated_days]
    ]

    await world.to(at(day + DAY, 5))
    world.hear(at(day + DAY), registers_every=10**6)
    await world.service.run(FIRST_DAY, day)

    gap = [world.current(1)[at(day, hour)][0] for hour in range(24)]
    assert low <= min(gap)
    assert max(gap) <= high, "50 it was: as cold as on no day before, which took 10 to 30"


async def silence_of_many() -> tuple[World, date]:
    """Lose 20 of 30 meters from noon of a day to noon of the next, and live through that night."""
    world, day = World(channel_table(30), days=20), FIRST_DAY + 8 * DAY
    for channel in range(1, 21):
        world.lose(channel, at(day, 12), at(day + DAY, 12))
    await world.nights(FIRST_DAY, day)
    return world, day


async def test_what_a_mass_event_takes_waits_for_registers_and_asks_nobody():
    world, day = await silence_of_many()

    [event] = await world.service.incidents(day, day)
    waiting = [world.store.outcomes[channel, day][-1].missing for channel in range(1, 31)]
    exceptions = len(world.store.exceptions)
    await world.nights(day + DAY, day + 2 * DAY)

    assert (event["state"], event["meters_due"], event["meters_silent"]) == ("waiting", 30, 20)
    assert event["collectors_silent"] == ["C-NORTH"]
    assert waiting == [12] * 20 + [0] * 10
    assert exceptions == 0
    assert {world.current(1)[at(day, hour)][1] for hour in range(12, 24)} == {"E"}
    assert world.check() == 20
    assert [each["state"] for each in await world.service.incidents(day, day + DAY)] == [
        "over", "over",
    ]  # fmt: skip


async def test_bills_do_not_wait_for_a_mass_event_to_end():
    world, day = await silence_of_many()

    await world.service.run(day, day, final=True)

    assert {world.current(1)[at(day, hour)][1] for hour in range(12, 24)} == {"F"}


async def test_a_few_silent_meters_are_estimated_at_once():
    world, day = World(channel_table(30), days=20), FIRST_DAY + 8 * DAY
    for channel in range(1, 10):
        world.lose(channel, at(day, 12), at(day + DAY, 12))

    await world.nights(FIRST_DAY, day)

    assert await world.service.incidents(FIRST_DAY, day) == []
    assert {world.current(1)[at(day, hour)][1] for hour in range(12, 24)} == {"E"}


async def test_a_provisional_estimate_is_made_again_once_a_week_of_later_days_is_there():
    world = World(channel_table(1), days=20)
    day = FIRST_DAY + 6 * DAY
    world.lose(1, at(day, 2), at(day, 10))
    await world.nights(FIRST_DAY, day + 6 * DAY)
    before = world.store.reads.version.max()

    await world.nights(day + 7 * DAY, day + 7 * DAY)

    assert (before, world.store.reads.version.max()) == (1, 2)
    assert world.check() == 1


async def test_a_final_run_turns_estimates_final_and_later_nights_leave_them():
    world = World(channel_table(1), days=14)
    day = FIRST_DAY + 4 * DAY
    world.lose(1, at(day, 2), at(day, 10))
    await world.nights(FIRST_DAY, FIRST_DAY + 10 * DAY)

    await world.service.run(day, day, final=True)
    final = world.current(1)
    again = await world.service.run(day, day)

    assert final[at(day, 5)][1] == "F"
    assert again.versions == 0
    assert world.check() >= 1


async def test_a_never_heard_channel_is_missing_and_waits_for_a_person():
    world = World(channel_table(2), days=3)
    world.lost[1] = True

    await world.nights(FIRST_DAY, FIRST_DAY + DAY)

    assert [key for key in world.store.exceptions if key[0] == 2] == [
        (2, FIRST_DAY, "V08"),
        (2, FIRST_DAY + DAY, "V08"),
    ]
    assert world.store.outcomes[2, FIRST_DAY][-1].missing == 24
    assert world.current(2) == {}
    listed = await world.service.open_exceptions()
    assert listed[0]["meter"] == "M2"
    assert listed[0]["day"] == (FIRST_DAY + DAY).isoformat()


async def test_an_opted_out_meter_expects_nothing():
    table = channel_table(2)
    table.radio_on[1] = False
    world = World(table, days=3)
    world.lost[1] = True

    await world.nights(FIRST_DAY, FIRST_DAY)

    assert {channel for channel, _ in world.store.outcomes} == {1}
    assert world.store.exceptions == {}


async def test_a_value_beyond_the_physical_maximum_is_replaced_by_an_estimate():
    world = World(channel_table(1), days=10)
    slot = int(np.searchsorted(world.start_s, at(FIRST_DAY + 8 * DAY, 10)))
    await world.nights(FIRST_DAY, FIRST_DAY + 7 * DAY)
    good = int(world.truth[0, slot])
    world.truth[0, slot] = 60_000

    await world.nights(FIRST_DAY + 8 * DAY, FIRST_DAY + 8 * DAY)

    assert world.current(1)[int(world.start_s[slot])] == (good, "D")
    assert (1, FIRST_DAY + 8 * DAY, "V21") in world.store.exceptions
    await world.service.run(FIRST_DAY, FIRST_DAY + 8 * DAY)
    assert world.current(1)[int(world.start_s[slot])] == (good, "D")


async def test_intervals_that_do_not_sum_to_their_register_are_held_until_they_do():
    world = World(channel_table(1), days=10)
    day = FIRST_DAY + 2 * DAY
    slot = int(np.searchsorted(world.start_s, at(day, 10)))
    world.truth[0, slot : slot + 2] += 500  # no single value is as large as both errors

    await world.nights(FIRST_DAY, day)

    held = [start for start, (_, status) in world.current(1).items() if status == "S"]
    assert len(held) == world.store.outcomes[1, day][-1].held == 4
    assert (1, day, "V45") in world.store.exceptions

    world.store.register_reads.value[world.store.register_reads.at_s > at(day, 11)] += 1000
    world.register[:, slot + 2 :] += 1000
    await world.service.run(day, day)

    assert {status for start, (_, status) in world.current(1).items() if start in held} == {"V"}
    assert world.store.exceptions == {}


async def test_an_estimate_that_overdraws_a_new_register_is_withdrawn():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 9), at(day, 14))
    await world.nights(FIRST_DAY, day)
    books = world.store.register_reads
    books.value[books.at_s > at(day, 9)] -= 2_500

    await world.service.run(day, day)

    letters = {world.current(1)[at(day, hour)][1] for hour in range(9, 14)}
    assert letters == {"S"}
    assert (1, day, "V46") in world.store.exceptions
    assert world.store.outcomes[1, day][-1].held == 8, "what exceeds the register waits as well"
    assert (await world.service.run(day, day)).versions == 0


async def test_the_first_night_goes_back_to_the_first_day_that_was_heard():
    world = World(channel_table(1), days=10)
    await world.to(at(FIRST_DAY + 9 * DAY, 5))
    world.hear(at(FIRST_DAY + 9 * DAY, 5))

    await world.service.nightly()

    assert min(day for _, day in world.store.outcomes) == FIRST_DAY
    assert world.store.runs[-1].last_day == FIRST_DAY + 8 * DAY


async def test_an_open_day_is_refused_and_days_in_the_wrong_order_too():
    world = World(channel_table(1), days=2)
    await world.to(at(FIRST_DAY + DAY, 5))

    with pytest.raises(UsageError, match="not over yet"):
        await world.service.run(FIRST_DAY + DAY, FIRST_DAY + DAY)
    with pytest.raises(UsageError, match="must not be after"):
        await world.service.run(FIRST_DAY, FIRST_DAY - DAY)


async def test_a_run_of_one_meter_leaves_the_others_alone():
    world = World(channel_table(3), days=2)
    await world.to(at(FIRST_DAY + DAY, 5))
    world.hear(at(FIRST_DAY + DAY, 5))

    result = await world.service.run(FIRST_DAY, FIRST_DAY, channel_ids=[2])

    assert result.channel_days == 1
    assert list(world.store.outcomes) == [(2, FIRST_DAY)]
    assert world.store.runs == []


async def test_a_channel_day_is_untouched_before_its_reads_are_loaded():
    world = World(channel_table(1), days=3)
    await world.nights(FIRST_DAY, FIRST_DAY)
    world.store.touches |= {(1, FIRST_DAY), (1, FIRST_DAY + DAY)}
    world.store.calls.clear()

    await world.service.run(FIRST_DAY, FIRST_DAY)

    assert world.store.calls[:3] == ["turn", "untouch", "load"]
    assert world.store.touches == {(1, FIRST_DAY + DAY)}


async def test_channels_of_two_interval_lengths_are_judged_side_by_side():
    world = World(channel_table(2), days=2)
    quarter = channel_table(3, interval_s=900).take(np.array([2]))
    world.store.table = ChannelTable(
        *(
            np.concatenate([getattr(world.store.table, each.name), getattr(quarter, each.name)])
            for each in fields(ChannelTable)
        )
    )

    await world.nights(FIRST_DAY, FIRST_DAY)

    assert {key[0]: v[-1].expected for key, v in world.store.outcomes.items()} == {
        1: 24,
        2: 24,
        3: 96,
    }


async def test_an_open_day_gets_no_outcome_though_a_bracket_reaches_into_it():
    world = World(channel_table(1), days=12)
    day = FIRST_DAY + 8 * DAY
    world.lose(1, at(day, 22), at(day + DAY, 3))

    await world.nights(FIRST_DAY, day, hour=9)

    assert world.current(1)[at(day + DAY, 1)][1] == "E"
    assert (1, day + DAY) not in world.store.outcomes
    assert world.check() == 1


async def test_a_fleet_without_channels_has_quiet_nights():
    world = World(channel_table(1), days=2)
    world.store.table = world.store.table.take(np.zeros(1, np.bool_))

    await world.nights(FIRST_DAY, FIRST_DAY)

    assert world.store.runs == []


async def test_a_second_night_on_the_same_day_judges_only_what_was_touched():
    world = World(channel_table(2), days=3)
    await world.nights(FIRST_DAY, FIRST_DAY)
    world.store.touches.add((2, FIRST_DAY))

    result = await world.service.nightly()

    assert result.channel_days == 1
    assert world.store.runs[-1].last_day == FIRST_DAY
