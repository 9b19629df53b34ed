"""What besides reads fills gaps: outages, leaks, second meters, dials, weather, mass events."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from mdms.domain.dials import DialRead
from mdms.domain.facts import CisFact, Subject
from mdms.domain.readings import (
    Method,
)
from mdms.domain.time import (
    from_epoch_s,
    local_day,
    local_midnight,
)
from mdms.ports.circumstances import ConfirmedLeak
from tests.unit.mdms.services.vee_nights import DAY, FIRST_DAY, ZONE, World, at, channel_table


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
