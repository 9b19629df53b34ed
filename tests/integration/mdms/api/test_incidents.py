"""A night on which too many meters are silent, on a real database and by REST."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import numpy as np
import pytest

from mdms import api
from mdms.domain.people import Role
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Channel, Meter
from mdms.domain.time import Period
from mdms.ports.messages import UplinkMessage
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.mass_events import silent_collectors
from mdms.services.vee_run import VeeService
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import ZONE, as_, services
from tests.integration.storage.registries import E100, SMALL_TOWN
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db

DAY, NEXT = date(2026, 11, 9), date(2026, 11, 10)
METERS, SILENT = 15, 12
NOON_S = Period.of_days(DAY, DAY, ZONE).start_s + 12 * 3600


def meter(number: int) -> Meter:
    return replace(
        E100, badge=f"M{number:02}", serial=f"S{number}", radio_id=number, removed_at=None
    )


async def hear(store: UnitOfWorkFactory, number: int, period: Period) -> None:
    """Store a meter's 100 Wh a quarter of an hour, with its register every hour."""
    async with store() as work:
        table = await work.registry.channels()
        channel_id = int(table.channel_id[table.badge == f"M{number:02}"][0])
        start_s = np.arange(period.start_s, period.end_s, 900)
        at_s = np.arange(period.start_s, period.end_s + 1, 3600)
        await work.readings.append_raw(
            IntervalReads.raw(
                np.full(len(start_s), channel_id), start_s, np.full(len(start_s), 100),
                recorded_us=0, source=Source.UPLINK,
            ),
            RegisterReads.raw(
                np.full(len(at_s), channel_id), at_s, at_s // 9 - 190_000_000,
                recorded_us=0, source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip


async def listed(store: UnitOfWorkFactory) -> list[dict[str, object]]:
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as http:
        answer = await http.get(
            "/v1/vee/incidents",
            params={"from": str(DAY), "to": str(NEXT)},
            headers=as_(Role.VIEWER),
        )
    return list(answer.json()["incidents"])


async def test_silence_of_many_is_one_incident_until_their_registers_come_back(store):
    meters = tuple(meter(number) for number in range(METERS))
    channels = tuple(
        Channel(each.badge, 0, SMALL_TOWN.channels[0].reading_type, 900, "Wh") for each in meters
    )
    day = Period.of_days(DAY, DAY, ZONE)
    async with store() as work:
        await work.registry.merge(replace(SMALL_TOWN, meters=meters, channels=channels))
    for number in range(METERS):
        until_s = NOON_S if number < SILENT else day.end_s
        part = Period(day.start_utc, datetime.fromtimestamp(until_s, UTC))
        await hear(store, number, part)
    clock = FakeClock(day.end_utc + timedelta(hours=5))
    vee = VeeService(store, clock, RULES, ZONE)

    await vee.nightly()
    [during] = await listed(store)
    waits = await vee.open_exceptions()
    for number in range(METERS):
        await hear(store, number, Period.of_days(NEXT, NEXT, ZONE))
    await clock.sleep(86_400)
    await vee.nightly()
    await clock.sleep(86_400)
    await vee.nightly()

    assert (during["state"], during["meters_due"], during["meters_silent"]) == (
        "waiting", METERS, SILENT,
    )  # fmt: skip
    assert waits == []
    [after] = await listed(store)
    assert (after["state"], after["meters_silent"]) == ("over", 0)
    async with store() as work:
        reads = (await work.readings.intervals(day)).current()
    assert reads.value.sum() == METERS * 96 * 100


def batch(collector_id: int, number: int, day: date, frames: int) -> UplinkMessage:
    noon = Period.of_days(day, day, ZONE).start_utc + timedelta(hours=12)
    return UplinkMessage(
        collector_id, 1, number, round(noon.timestamp() * 1e6), "read", frames, b"", noon
    )


async def test_an_incident_names_the_collectors_that_fell_silent(store):
    near = SMALL_TOWN.collectors[0]
    far = replace(near, collector_id=near.collector_id + 1, name="C-FAR")
    days = [DAY - timedelta(days=back) for back in range(4)]
    async with store() as work:
        await work.registry.merge(replace(SMALL_TOWN, collectors=(near, far)))
        await work.messages.record(
            [
                *(batch(near.collector_id, 9 - back, day, 90) for back, day in enumerate(days)),
                batch(far.collector_id, 1, days[3], 200),
                batch(far.collector_id, 2, days[1], 10),
                batch(far.collector_id, 3, days[0], 20),
            ]
        )

    async with store() as work:
        brought = await work.mass_events.brought(Period.of_days(DAY, DAY, ZONE))
        silent = await silent_collectors(work, DAY, ZONE)

    assert brought == [(far.name, 20, 200), (near.name, 90, 90)]
    assert silent == (far.name,)
