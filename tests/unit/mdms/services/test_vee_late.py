"""What comes after its night, and what is made of days again."""

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_UNSCALED,
    Method,
)
from tests.unit.mdms.services.vee_nights import DAY, FIRST_DAY, World, at, channel_table


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
