"""REST: a month of one meter, again and again, through the whole application."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx
import numpy as np

from mdms import api
from mdms.domain.people import Role
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Channel
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.access_log import AccessLogService
from mdms.storage.unit_of_work import open_store
from tests.bench.measure import Figures, Row, interleave
from tests.bench.server import started
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.mdms.api.test_routes import NOW, as_, services
from tests.integration.storage.registries import SMALL_TOWN, W200

METERS: Final = 50
SLOTS: Final = 30 * 96
CALLS: Final = 200
MONTH: Final = {"meter": "E7", "from": "2026-11-03", "to": "2026-12-02", "form": "arrow"}

UNITS: Final = {"api.month.p50": "ms", "api.month.p99": "ms"}


def rows(rounds: int) -> list[Row]:
    """Measure a month of 15-minute values of one meter; each look goes into the log."""
    with started() as server:
        found = interleave([lambda: asyncio.run(_months(server.dsn))], UNITS, rounds)
    median, slow = (found[name] for name in UNITS)
    return [median.row(), slow.row(goal="value <= 30")]


async def _months(dsn: str) -> Figures:
    async with open_store(dsn, connections_max=4, statement_timeout_s=30) as store:
        await _fill(store)
        log = AccessLogService(store.pipelined, FakeClock(NOW), BOOK)
        backend = replace(services(store), access_log=log)
        transport = httpx.ASGITransport(api.create(backend))
        taken_ms = []
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mdms", headers=as_(Role.BILLING)
        ) as client:
            for number in range(-10, CALLS):
                before = time.perf_counter()
                answer = await client.get("/v1/readings", params=MONTH)
                if number >= 0:  # the first ones warm up
                    taken_ms.append(1000 * (time.perf_counter() - before))
                assert answer.is_success, answer.text
                assert len(answer.content) > SLOTS * 8
    median, slow = np.percentile(taken_ms, [50, 99])
    return {"api.month.p50": float(median), "api.month.p99": float(slow)}


async def _fill(store: UnitOfWorkFactory) -> None:
    """Put a street of meters with a month of reads into an empty database, once."""
    badges = [f"E{number}" for number in range(METERS)]
    street = replace(
        SMALL_TOWN,
        meters=tuple(
            replace(W200, badge=badge, serial=badge, radio_id=number + 1, usage_point_id="U1")
            for number, badge in enumerate(badges)
        ),
        channels=tuple(
            Channel(badge, 0, SMALL_TOWN.channels[0].reading_type, 900, "Wh") for badge in badges
        ),
    )
    async with store() as work:
        if len(await work.registry.channels()):
            return
        await work.registry.merge(street)
        ids = np.unique((await work.registry.channels()).channel_id)
        first_s = int(datetime(2026, 11, 3, 8, tzinfo=UTC).timestamp())
        start_s = np.tile(first_s + 900 * np.arange(SLOTS), len(ids))
        reads = IntervalReads.raw(
            ids.repeat(SLOTS), start_s, start_s % 400, recorded_us=0, source=Source.UPLINK
        )
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
