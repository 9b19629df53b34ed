"""VEE on a real database: alone, and with others at the same time."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.vee_run import VeeService
from mdms.settings import config_dir
from tests.fakes import FakeClock
from tests.integration.storage.registries import SMALL_TOWN
from vee.rules import RuleSet

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
FIRST, LAST = date(2026, 11, 3), date(2026, 11, 9)
WEEK = Period.of_days(FIRST, LAST, PACIFIC)
GAP = slice(200, 230)


def service(store: UnitOfWorkFactory) -> VeeService:
    rules = RuleSet.load(config_dir() / "vee" / "residential.toml")
    return VeeService(store, FakeClock(datetime(2026, 11, 10, 13, tzinfo=UTC)), rules, PACIFIC)


@pytest.fixture
async def gappy(store: UnitOfWorkFactory) -> tuple[UnitOfWorkFactory, int]:
    """A week of one electric channel with a gap, and a register read every quarter but there."""
    start_s = np.arange(WEEK.start_s, WEEK.end_s, 900)
    value = 100 + start_s // 900 % 96
    heard = np.ones(len(start_s), np.bool_)
    heard[GAP] = False
    register = np.append(0, np.cumsum(value))
    at_s = np.append(start_s, WEEK.end_s)
    known = np.append(heard, True)
    async with store() as work:
        meters = tuple(replace(meter, multiplier=1) for meter in SMALL_TOWN.meters)
        await work.registry.merge(replace(SMALL_TOWN, meters=meters))
        table = await work.registry.channels()
        mine = (table.badge == "E100") & (table.wire_channel == 0x10)
        channel_id = int(table.channel_id[mine][0])
        await work.readings.append_raw(
            IntervalReads.raw(
                np.full(heard.sum(), channel_id), start_s[heard], value[heard],
                recorded_us=0, source=Source.UPLINK,
            ),
            RegisterReads.raw(
                np.full(known.sum(), channel_id), at_s[known], register[known],
                recorded_us=0, source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip
    return store, channel_id


async def versions(store: UnitOfWorkFactory, channel_id: int) -> IntervalReads:
    async with store() as work:
        return await work.readings.intervals(WEEK, channel_ids=[channel_id])


async def test_a_gap_is_estimated_to_what_the_register_says(gappy):
    store, channel_id = gappy

    await service(store).run(FIRST, LAST)

    reads = await versions(store, channel_id)
    filled = reads.take(reads.version > 0)
    assert set(filled.status.tolist()) == {Status.ESTIMATED.code}
    assert filled.start_s.tolist() == np.arange(WEEK.start_s, WEEK.end_s, 900)[GAP].tolist()
    assert filled.value.sum() == (100 + filled.start_s // 900 % 96).sum()


async def test_runs_at_the_same_time_take_turns_and_append_each_version_once(gappy):
    store, channel_id = gappy

    results = await asyncio.gather(*(service(store).run(FIRST, LAST) for _ in range(3)))

    assert sorted(result.versions for result in results) == [0, 0, 30]
    assert (await versions(store, channel_id)).version.max() == 1


async def test_nights_at_the_same_time_are_both_recorded(gappy):
    store, _ = gappy

    nights = await asyncio.gather(*(service(store).nightly() for _ in range(2)))

    async with store() as work:
        last = await work.vee.last_run()
    assert sorted(night.versions for night in nights) == [0, 30]
    assert (last.run_id, last.last_day) == (2, LAST)


async def test_a_late_actual_takes_the_place_of_its_estimate_and_the_rest_is_shared_anew(gappy):
    store, channel_id = gappy
    vee = service(store)
    await vee.run(FIRST, LAST)
    late_s = int(np.arange(WEEK.start_s, WEEK.end_s, 900)[GAP][0])
    async with store() as work:
        late = IntervalReads.raw(
            np.array([channel_id]), np.array([late_s]), np.array([900]),
            recorded_us=1, source=Source.BACKFILL,
        )  # fmt: skip
        await work.readings.append_raw(late, RegisterReads.empty(), sure=False)
        await work.vee.touch([(channel_id, FIRST + timedelta(days=2))])

    await vee.run(FIRST, LAST)

    current = (await versions(store, channel_id)).current()
    at = current.start_s == late_s
    estimated = current.status == Status.ESTIMATED.code
    gap_s = np.arange(WEEK.start_s, WEEK.end_s, 900)[GAP]
    assert (current.value[at], current.status[at]) == (900, Status.VALIDATED.code)
    assert current.value[estimated].sum() + 900 == (100 + gap_s // 900 % 96).sum()
