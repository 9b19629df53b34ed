"""A day is measured at its marks, once, from what is stored by then."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from prometheus_client import REGISTRY

from mdms.domain.readings import IntervalReads, RegisterReads, Source, rule_bit
from mdms.domain.registry import Commodity
from mdms.domain.service_levels import Mark, ServiceLevel
from mdms.domain.time import Period, to_epoch_us
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay
from mdms.services.service_levels import ServiceLevelService
from tests.fakes import FakeClock
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
DAY = date(2026, 11, 3)
PERIOD = Period.of_days(DAY, DAY, PACIFIC)
NEXT_MORNING = datetime(2026, 11, 4, 14, tzinfo=UTC)  # 06:00 in Los Angeles


@pytest.fixture
async def channels(store):
    """Two electric channels and one of water."""
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        *electric, wet = sorted(set((await work.registry.channels()).channel_id.tolist()))
    assert len(electric) == 2
    return [*electric, wet]


async def receive(store: UnitOfWorkFactory, channel_id: int, slots: range, source: Source) -> None:
    start_s = PERIOD.start_s + 900 * np.array(slots)
    reads = IntervalReads.raw(
        np.full(len(slots), channel_id), start_s, np.ones(len(slots), int),
        recorded_us=to_epoch_us(NEXT_MORNING), source=source,
    )  # fmt: skip
    async with store() as work:
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)


async def judge(store: UnitOfWorkFactory, *days: VeeDay) -> None:
    async with store() as work:
        await work.vee.append_days(days)


def judged(channel_id: int, version: int = 0, *, actual: int, estimated: int = 0) -> VeeDay:
    missing = 96 - actual - estimated
    return VeeDay(
        channel_id, DAY, version, NEXT_MORNING, "abc", 96, actual, estimated, missing, 0, 0
    )


async def newest(store: UnitOfWorkFactory) -> list[ServiceLevel]:
    async with store() as work:
        return list(await work.service_levels.newest())


async def test_a_day_is_measured_on_the_next_morning_and_when_it_has_settled(store, channels):
    first, second, wet = channels
    clock = FakeClock(NEXT_MORNING)
    service = ServiceLevelService(store, clock, PACIFIC)
    await receive(store, first, range(96), Source.UPLINK)
    await receive(store, second, range(90), Source.UPLINK)
    await judge(
        store, judged(first, actual=96), judged(second, actual=90, estimated=4),
        judged(wet, actual=0),
    )  # fmt: skip

    await service.run()
    raw = await newest(store)
    await receive(store, second, range(90, 95), Source.BACKFILL)
    await judge(store, judged(second, 1, actual=95, estimated=1))
    clock.advance(timedelta(days=3))
    await service.run()

    assert raw == [
        ServiceLevel(
            DAY, Commodity.ELECTRIC, Mark.RAW, NEXT_MORNING, channel_count=2, expected=192,
            uplink=186, received=186, estimated=4, held=0, missing=2,
        ),
        ServiceLevel(
            DAY, Commodity.WATER, Mark.RAW, NEXT_MORNING, channel_count=1, expected=96,
            uplink=0, received=0, estimated=0, held=0, missing=96,
        ),
    ]  # fmt: skip
    settled = [level for level in await newest(store) if level.mark is Mark.SETTLED]
    assert [(level.uplink, level.received, level.estimated) for level in settled] == [
        (186, 191, 1),
        (0, 0, 0),
    ]
    sample = {"commodity": "electric", "mark": "settled"}
    assert REGISTRY.get_sample_value("mdms_vee_received_ratio", sample) == 191 / 192
    assert REGISTRY.get_sample_value("mdms_vee_estimated_ratio", sample) == 1 / 192
    ended = REGISTRY.get_sample_value(
        "mdms_vee_measured_day_end_timestamp_seconds", {"mark": "settled"}
    )
    assert ended == PERIOD.end_s


async def test_what_was_measured_once_stands(store, channels):
    clock = FakeClock(NEXT_MORNING)
    service = ServiceLevelService(store, clock, PACIFIC)
    await judge(store, judged(channels[0], actual=0))
    await service.run()
    await receive(store, channels[0], range(96), Source.BACKFILL)

    clock.advance(timedelta(hours=9))
    await service.run()

    (level,) = await newest(store)
    assert (level.received, level.measured_at) == (0, NEXT_MORNING)


async def test_a_day_that_nobody_judged_is_not_measured(store, channels):
    await receive(store, channels[0], range(96), Source.UPLINK)

    await ServiceLevelService(store, FakeClock(NEXT_MORNING), PACIFIC).run()

    assert await newest(store) == []


async def test_the_least_flow_of_a_night_is_that_of_its_hour_with_most_meters(store, channels):
    *_, wet = channels
    hours = PERIOD.start_s + 3600 * np.array([0, 1, 2, 5])
    flow = np.array([40, 12, 15, 3])  # five in the morning is no night
    reads = IntervalReads.raw(
        np.full(4, wet), hours, flow, recorded_us=to_epoch_us(NEXT_MORNING), source=Source.UPLINK
    )
    async with store() as work:
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)

    await ServiceLevelService(store, FakeClock(NEXT_MORNING), PACIFIC).run()

    async with store() as work:
        cursor = await work.service_levels._connection.execute(
            "SELECT local_day, commodity, at_utc, flow, channel_count FROM night_flow"
        )
        assert await cursor.fetchall() == [
            (DAY, "water", PERIOD.start_utc + timedelta(hours=1), 12, 1)
        ]


async def test_rules_that_struck_are_counted_as_they_stand(store, channels):
    async def rules() -> list[tuple[object, ...]]:
        async with store() as work:
            cursor = await work.service_levels._connection.execute(
                "SELECT commodity, rule, channel_day_count FROM report.vee_rule_day ORDER BY 1, 2"
            )
            return list(await cursor.fetchall())

    first, second, wet = channels
    struck = rule_bit(8) | rule_bit(58) | 1  # the lowest bit is no rule
    service = ServiceLevelService(store, FakeClock(NEXT_MORNING), PACIFIC)
    for channel_id in (first, second):
        await judge(store, replace(judged(channel_id, actual=90), flags=struck))
    await judge(store, judged(wet, actual=90))
    await service.run()
    before = await rules()

    await judge(store, replace(judged(second, 1, actual=96), flags=rule_bit(24)))
    await service.run()

    assert before == [("electric", "V08", 2), ("electric", "V58", 2)]
    assert await rules() == [("electric", "V08", 1), ("electric", "V24", 1), ("electric", "V58", 1)]
