"""Nights of VEE on a store in memory, checked by a loop over everything that is stored."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest

from mdms.domain.errors import UnavailableError, UsageError
from mdms.domain.readings import (
    IntervalReads,
)
from mdms.domain.registry import ChannelTable
from mdms.domain.time import (
    Period,
    to_epoch_us,
)
from mdms.services.vee_stages import NEIGHBOURS_H
from tests.unit.mdms.services.vee_nights import DAY, FIRST_DAY, ZONE, World, at, channel_table


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


async def test_a_register_that_disagrees_is_looked_at_with_whole_days_beside_it():
    world = World(channel_table(2), days=4)
    world.register[1, 24 + 12 :] += 700
    await world.nights(FIRST_DAY, FIRST_DAY)
    world.store.loaded.clear()

    await world.nights(FIRST_DAY + DAY, FIRST_DAY + DAY)

    assert len(world.store.loaded) > 1
    [held] = [key for key, versions in world.store.outcomes.items() if versions[-1].held]
    assert held == (2, FIRST_DAY + DAY)


async def test_an_outcome_is_said_again_only_to_vouch_for_reads_of_its_day_that_came_since():
    world, day = World(channel_table(2), days=5), FIRST_DAY + DAY
    await world.nights(FIRST_DAY, day + DAY, hour=2)  # the hours beside come after its outcome
    reads, outcomes = world.store.reads, world.store.outcomes
    await world.service.run(day, day)
    before = [len(outcomes[channel, day]) for channel in (1, 2)]
    reads.recorded_us[(reads.channel_id == 2) & (reads.start_s == at(day, 7))] = to_epoch_us(
        world.clock.now()
    )

    await world.service.run(day, day)

    assert before == [1, 1]
    assert [len(outcomes[channel, day]) for channel in (1, 2)] == [1, 2]


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
