"""The year before and the class: looked up where a meter's own reads hardly tell anything."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest

from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period
from mdms.services.vee_kinds import Kinds
from mdms.services.vee_scarce import ScarceLoader
from tests.unit.mdms.services.vee_nights import FIRST_DAY, RULES, ZONE, World, at, channel_table
from tests.unit.vee.build import block, slot_table
from vee.evidence import Evidence

DAYS = 40
NEW = 1
"""A channel that was hardly heard before."""


def methods(world: World, channel: int) -> set[Method]:
    reads = world.store.reads
    made = reads.take((reads.channel_id == channel) & (reads.version > 0))
    return {Method(int(code)) for code in made.method}


def joined(*tables: ChannelTable) -> ChannelTable:
    """Return the installations of all tables."""
    names = [each.name for each in fields(ChannelTable)]
    return ChannelTable(*(np.concatenate([getattr(t, name) for t in tables]) for name in names))


LAST = FIRST_DAY + timedelta(days=DAYS - 1)


def town(channels: int = 4) -> World:
    """Some meters that are alike; the first is heard on its last day only."""
    world = World(channel_table(channels), days=DAYS)
    world.lose(NEW, at(FIRST_DAY), at(LAST))
    return world


async def judged(world: World) -> World:
    """Hear all that is not lost, no registers, and judge the last day."""
    world.lose(NEW, at(LAST, 9), at(LAST, 12))
    until_s = at(LAST + timedelta(days=1), 5)
    await world.to(until_s)
    world.hear(until_s)
    world.store.register_reads = RegisterReads.empty()
    await world.service.run(LAST, LAST)
    return world


async def test_a_gap_of_a_new_meter_is_shaped_as_its_class_uses_a_day():
    world = await judged(town())

    assert methods(world, NEW) == {Method.C1}


async def test_a_meter_without_likes_is_estimated_by_what_it_has_itself():
    world = await judged(town(1))

    assert not {Method.C1, Method.H3} & methods(world, NEW)


def remember(world: World) -> None:
    """Store a year-old fortnight of the new channel."""
    then = Period.of_days(LAST - timedelta(weeks=53), LAST - timedelta(weeks=51), ZONE)
    start_s = np.arange(then.start_s, then.end_s, 3600)
    world.store.reads = IntervalReads.concat(
        world.store.reads,
        IntervalReads.raw(
            np.full(len(start_s), NEW, np.int32),
            start_s,
            np.full(len(start_s), 500),
            recorded_us=1,
            source=Source.UPLINK,
        ),
    )


async def test_the_same_weeks_of_the_year_before_come_before_the_class():
    world = town()
    remember(world)

    await judged(world)

    assert methods(world, NEW) == {Method.H3}


async def test_weeks_in_which_others_lived_there_are_not_looked_at():
    world = town()
    remember(world)
    world.store.moved = [(NEW, LAST - timedelta(weeks=20))]

    await judged(world)

    assert methods(world, NEW) == {Method.C1}


async def test_a_meter_that_came_from_elsewhere_knows_nothing_of_the_year_before():
    world = town()
    remember(world)
    table = world.store.table
    moved_s = at(LAST - timedelta(weeks=20))
    before = table.take(table.channel_id == NEW)
    elsewhere = replace(
        before, usage_point_id=np.array(["U9"], object), removed_s=np.array([moved_s])
    )
    since_s = np.where(table.channel_id == NEW, moved_s, table.installed_s)
    world.store.table = joined(replace(table, installed_s=since_s), elsewhere)

    await judged(world)

    assert methods(world, NEW) == {Method.C1}


async def test_people_who_moved_in_today_have_no_past_of_their_own():
    world = World(channel_table(4), days=DAYS)
    world.store.moved = [(NEW, LAST)]

    await judged(world)

    assert methods(world, NEW) == {Method.C1}


async def test_nobody_else_is_looked_up_for_meters_that_were_heard():
    world = World(channel_table(3), days=DAYS)

    await judged(world)

    assert Method.C1 not in methods(world, NEW)
    months = timedelta(days=300)
    assert all(LAST - period.start_utc.date() < months for period in world.store.loaded)


GAP = slice(20, 34)
"""Two weeks, which lie in three calendar weeks."""


async def evidence_of(world: World, days: slice, reads: Sequence[int]) -> Evidence:
    """Look up what helps these days of a channel whose register alone was read, at midnights."""
    slots = slot_table(FIRST_DAY, DAYS, interval_s=3600)
    nothing = np.zeros((1, len(slots)), np.bool_)
    expected = nothing.copy()
    expected[0, slots.first[GAP.start] : slots.first[GAP.stop]] = True
    registers = [(int(slots.first[day]), 100 * day) for day in reads]
    unheard = block(slots, present=nothing, expected=expected, registers=registers)
    target = np.zeros((1, DAYS), np.bool_)
    target[0, days] = True
    unheard = replace(unheard, channel_id=np.array([NEW], np.int32))
    async with world.store() as work:
        table = world.store.table
        loader = ScarceLoader(work, RULES, ZONE, table, Kinds(table))
        return await loader.add(unheard, Evidence.none(), target)


@pytest.mark.parametrize("day", range(GAP.start, GAP.stop, 5))
async def test_days_between_two_registers_go_by_the_same_class_whichever_is_judged(
    day: int,
) -> None:
    world = town()
    world.hear(at(LAST))
    reads = GAP.start, GAP.stop

    whole = await evidence_of(world, GAP, reads)
    alone = await evidence_of(world, slice(day, day + 1), reads)

    assert whole.of_class is not None
    assert alone.of_class is not None
    assert len(whole.of_class.peers) == 3
    np.testing.assert_array_equal(alone.of_class.share, whole.of_class.share)
    np.testing.assert_array_equal(alone.of_class.daily, whole.of_class.daily)


async def test_for_a_meter_that_is_never_heard_again_only_the_judged_week_is_looked_up():
    world = town()
    world.hear(at(LAST))

    found = await evidence_of(world, slice(30, 31), [GAP.start])

    assert found.of_class is not None
    assert len(found.of_class.peers) == 1
