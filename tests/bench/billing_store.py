"""Billing on a database: a window frozen and handed out, beside the bare SELECT of its reads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Self, TypeVar

import numpy as np
import psycopg

from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import local_midnight, to_epoch_us
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeRun
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_run import BillingService
from mdms.storage.unit_of_work import open_store
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, interleave
from tests.bench.server import Server, started
from tests.bench.traffic import Traffic
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.unit.vee.build import RULES

T = TypeVar("T")

CHANNELS = 240
START, END = date(2026, 11, 3), date(2026, 12, 3)
DAYS = (END - START).days
NOW = datetime(2026, 12, 3, 13, tzinfo=UTC)

UNITS = {
    "limit.billing.select": "windows/s",
    "billing.freeze": "windows/s",
    "billing.diff": "windows/s",
}


def rows(rounds: int) -> list[Row]:
    """Measure a freeze with its files, and a look back, beside the bare SELECT."""
    with started() as server, _Month.filled(server) as month:
        found = interleave([month.select, month.freeze, month.diff], UNITS, rounds)
    bare = found["limit.billing.select"]
    return [
        bare.row(),
        found["billing.freeze"].row(bare),
        found["billing.diff"].row(bare, goal="ratio >= 0.77"),
    ]


class _Month:
    """A month of 15-minute electric channels with a register at each midnight."""

    def __init__(self, server: Server, kwh: list[int]) -> None:
        self._server = server
        self._kwh = kwh

    @classmethod
    @contextmanager
    def filled(cls, server: Server) -> Iterator[Self]:
        """Store the month."""
        yield cls(server, asyncio.run(_with_store(server, _fill)))

    def select(self) -> Figures:
        def bare() -> int:
            with (
                psycopg.connect(self._server.dsn) as connection,
                connection.cursor() as cursor,
                cursor.copy(SELECT, (START_UTC, END_UTC)) as copy,
            ):
                return sum(len(bytes(part)) for part in copy)

        before = self._server.clocks()
        size = bare()
        spent = self._server.clocks() - before
        assert size > CHANNELS * DAYS * SLOTS_A_DAY, "every interval came"
        return {"limit.billing.select": CHANNELS / spent.wall_s}

    def freeze(self) -> Figures:
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("TRUNCATE billing_window CASCADE")

        async def run(store: UnitOfWorkFactory) -> tuple[int, int]:
            billing = BillingService(store, FakeClock(NOW), BOOK, _nothing, RULES)
            result = await billing.freeze(START, END)
            files = await billing.files(START, END)
            return result.frozen, sum(map(len, files.values()))

        before = self._server.clocks()
        frozen, size = asyncio.run(_with_store(self._server, run))
        spent = self._server.clocks() - before
        assert frozen == CHANNELS, "every window is frozen"
        assert size, "and handed out"
        return {"billing.freeze": CHANNELS / spent.wall_s}

    def diff(self) -> Figures:
        async def run(store: UnitOfWorkFactory) -> int:
            corrections = BillingCorrections(store, FakeClock(NOW), BOOK, RULES)
            return len(await corrections.diff(START, END))

        before = self._server.clocks()
        differences = asyncio.run(_with_store(self._server, run))
        spent = self._server.clocks() - before
        assert not differences, "no read has moved"
        return {"billing.diff": CHANNELS / spent.wall_s}


START_UTC, END_UTC = (local_midnight(day, BOOK.zone) for day in (START, END))
SELECT = """
COPY (
    SELECT channel_id, start_utc, version, value, status, method, flags, recorded_at, source
    FROM interval_read WHERE start_utc >= %s AND start_utc < %s
) TO STDOUT (FORMAT binary)
"""


async def _with_store(server: Server, work: Callable[[UnitOfWorkFactory], Awaitable[T]]) -> T:
    async with open_store(server.dsn, connections_max=2, statement_timeout_s=120) as store:
        return await work(store)


async def _nothing(_first: date, _last: date, _channel_ids: Sequence[int]) -> None:
    """Leave the reads as they are."""


async def _fill(store: UnitOfWorkFactory) -> list[int]:
    traffic = Traffic(meters=CHANNELS, reports=1, intervals=1, frames=1)
    async with store() as work:
        await work.registry.merge(traffic.registry())
        ids = np.unique((await work.registry.channels()).channel_id)
    value = electric_wh(len(ids), DAYS * SLOTS_A_DAY, seed=1)
    start_s = int(START_UTC.timestamp()) + 900 * np.arange(value.shape[1])
    shown = np.pad(value.cumsum(axis=1), ((0, 0), (1, 0)))[:, ::SLOTS_A_DAY]
    midnights_s = int(START_UTC.timestamp()) + 86_400 * np.arange(DAYS + 1)
    received_us = to_epoch_us(NOW - timedelta(hours=1))
    async with store() as work:
        await work.readings.append_raw(
            IntervalReads.raw(
                np.repeat(ids, value.shape[1]),
                np.tile(start_s, len(ids)),
                value.ravel(),
                recorded_us=received_us,
                source=Source.UPLINK,
            ),
            RegisterReads.raw(
                np.repeat(ids, DAYS + 1),
                np.tile(midnights_s, len(ids)),
                shown.ravel(),
                recorded_us=received_us,
                source=Source.UPLINK,
            ),
            sure=True,
        )
        await work.vee.record_run(VeeRun(1, NOW, START, END, "bench", len(ids), 0))
    return [int(each) for each in value.sum(axis=1)]
