"""VEE of a whole city: a day of all its meters, how it grows, and from the database and back."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import AsyncConnection, sql

from mdms.app.clock import SystemClock
from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source
from mdms.domain.time import local_midnight
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.vee_run import VeeRunResult, VeeService
from mdms.storage.unit_of_work import open_store
from tests.bench.damage import Received, damaged, undamaged
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, interleave, per_cpu_second
from tests.bench.server import Server, started
from tests.bench.traffic import Traffic
from tests.fakes import FakeClock
from vee.block import Block, Limits, SlotTable
from vee.context import ELECTRIC, GAS, WATER, Context, History
from vee.examination import Examination, examine
from vee.rules import RuleSet

ZONE = ZoneInfo("America/Los_Angeles")
RULES = RuleSet.load(Path(__file__).parents[2] / "config/vee/residential.toml")
DAY = date(2026, 11, 3)
CITY = ((ELECTRIC, 30_000, 900), (GAS, 24_000, 3600), (WATER, 20_000, 3600))
"""Commodity, channels, length of an interval [s]."""
FEW, MANY = 1_000, 100_000
BLOCK_CELLS = 262_144
GAP_SHARE = 0.005
LINE_CHANNELS = 4_000
BATCH_READS = 750
BATCH_EVERY_S = 0.1
"""A second of a million endpoints is 7,500 reads."""
IDLE_BATCHES = 20
CLOCK = SystemClock()
HOURS = 24
TRAFFIC = Traffic(meters=LINE_CHANNELS, reports=1, intervals=1, frames=1)

UNITS = {
    "vee.city_day": "reads/CPU-s",
    "vee.scale.1k": "reads/CPU-s",
    "vee.scale.100k": "reads/CPU-s",
    "vee.line": "reads/s",
    "vee.line.cpu": "reads/CPU-s",
    "vee.live.idle": "ms",
    "vee.live": "ms",
}


def rows(rounds: int) -> list[Row]:
    """Measure a city's day, 1,000 meters beside 100,000, and the way from store to store."""
    city, few, many = blocks(CITY, gap_share=GAP_SHARE), _electric(FEW), _electric(MANY)
    with started() as server, _Line.filled(server, days=2 * (rounds + 1)) as line:
        found = interleave(
            [
                partial(_validate, "vee.city_day", city),
                partial(_validate, "vee.scale.1k", few),
                partial(_validate, "vee.scale.100k", many),
                line.run,
                line.live,
            ],
            UNITS,
            rounds,
        )
    reads = sum(block.value.size for block in city)
    return [
        found["vee.city_day"].row(goal=f"value >= {reads / 2:,.0f}"),
        found["vee.scale.1k"].row(),
        found["vee.scale.100k"].row(found["vee.scale.1k"], goal="ratio >= 0.87"),
        found["vee.line"].row(goal="value >= 500,000"),
        found["vee.line.cpu"].row(),
        found["vee.live.idle"].row(),
        found["vee.live"].row(found["vee.live.idle"], goal="ratio <= 2"),
    ]


def _validate(name: str, blocks: list[Block]) -> Figures:
    def validate() -> list[Examination]:
        return [examine(block, RULES) for block in blocks]

    reads = sum(block.value.size for block in blocks)
    rate, found = per_cpu_second(reads, validate)
    absent = sum(int((~block.present).sum()) for block in blocks)
    assert sum(int(each.missing.sum()) for each in found) >= absent, "every gap is found"
    assert sum(len(each.marks.cells) for each in found), "some values are doubted"
    return {name: rate}


def _electric(channels: int) -> list[Block]:
    return blocks(((ELECTRIC, channels, 900),), gap_share=GAP_SHARE)


def blocks(kinds: tuple[tuple[int, int, int], ...], *, gap_share: float) -> list[Block]:
    """Return a day of these channels in blocks as the service cuts them."""
    cut = []
    for commodity, channels, interval_s in kinds:
        slots = SlotTable.of_days(DAY, DAY, interval_s=interval_s, zone=ZONE)
        most = BLOCK_CELLS // len(slots)
        for first in range(0, channels, most):
            count = min(most, channels - first)
            load = electric_wh(count, SLOTS_A_DAY, seed=first)
            if commodity != ELECTRIC:
                load = load.reshape(count, HOURS, -1).sum(axis=2) // 100
            received = damaged(load, gap_share=gap_share, seed=first)
            cut.append(grid_of(slots, received, commodity))
    return cut


def grid_of(slots: SlotTable, received: Received, commodity: int) -> Block:
    """Return channels of a commodity, with a history to compare with, as a block."""
    shape, days = received.value.shape, (received.value.shape[0], len(slots.days))

    def each(number: int) -> Int64:
        return np.full(shape[0], number, np.int64)

    plain = Context.plain(np.full(shape[0], commodity, np.uint8), days[1])
    history = replace(History.none(*days), peak=np.full(days, 1_500), valid_days=np.full(days, 60))
    return Block(
        slots=slots,
        channel_id=np.arange(shape[0], dtype=np.int32),
        limits=Limits(
            v_max=each(6_300),
            modulus=each(10**9),
            resolution=each(1),
            multiplier=each(1),
            linear=np.full(shape[0], commodity == ELECTRIC),
            reversible=np.full(shape[0], commodity == WATER),
        ),
        value=received.value,
        present=received.present,
        expected=np.ones(shape, np.bool_),
        flags=np.broadcast_to(np.int64(0), shape),
        registers=received.registers,
        known=replace(plain, history=history),
    )


class _Line:
    """
    A day of complete electric channels, from the store through VEE to committed outcomes.

    Every run judges another day, so each writes its outcomes anew.
    """

    def __init__(self, server: Server, days: int) -> None:
        self._server = server
        self._days = iter(DAY + timedelta(days=1 + number) for number in range(days))
        self._live_from_s = int(local_midnight(DAY + timedelta(days=days + 3), ZONE).timestamp())
        self._batches = itertools.count()

    @classmethod
    @contextmanager
    def filled(cls, server: Server, *, days: int) -> Iterator[Self]:
        """Store the reads of so many days, and one beside them on each side."""
        asyncio.run(_fill(server, days + 2))
        yield cls(server, days)

    def run(self) -> Figures:
        before = self._server.clocks()
        result = asyncio.run(_judge(self._server, next(self._days)))
        spent = self._server.clocks() - before
        assert result.channel_days == LINE_CHANNELS, "every channel is judged"
        reads = LINE_CHANNELS * SLOTS_A_DAY
        return {"vee.line": reads / spent.wall_s, "vee.line.cpu": reads / spent.cpu_s}

    def live(self) -> Figures:
        """Store batches of new reads at a pace, first alone and then while a day is judged."""
        idle, busy = asyncio.run(self._live(next(self._days)))
        assert idle, "there is something to compare with"
        assert busy, "something came while the day was judged"
        return {"vee.live.idle": 1000 * median(idle), "vee.live": 1000 * median(busy)}

    async def _live(self, day: date) -> tuple[list[float], list[float]]:
        async with open_store(
            self._server.dsn, connections_max=3, statement_timeout_s=120
        ) as store:
            idle = [await self._commit(store) for _ in range(IDLE_BATCHES)]
            judging = asyncio.create_task(_run(store, day))
            busy = []
            while not judging.done():
                busy.append(await self._commit(store))
            assert (await judging).channel_days == LINE_CHANNELS, "every channel is judged"
        return idle, busy

    async def _commit(self, store: UnitOfWorkFactory) -> float:
        """Wait for the next batch, store it, and return the seconds from when it was due."""
        due_s = CLOCK.monotonic() + BATCH_EVERY_S
        await CLOCK.sleep(BATCH_EVERY_S)
        start_s = self._live_from_s + 900 * next(self._batches)
        ids = np.arange(1, BATCH_READS + 1)
        reads = IntervalReads.raw(
            ids, np.full(BATCH_READS, start_s), 100 + ids, recorded_us=1, source=Source.UPLINK
        )
        async with store() as work:
            taken, _ = await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
        assert len(taken) == 0, "all of it is new"
        return CLOCK.monotonic() - due_s


async def _fill(server: Server, days: int) -> None:
    async with open_store(server.dsn, connections_max=2, statement_timeout_s=120) as store:
        async with store() as work:
            await work.registry.merge(TRAFFIC.registry())
            ids = np.unique((await work.registry.channels()).channel_id)
        start_s = int(local_midnight(DAY, ZONE).timestamp())
        load = undamaged(electric_wh(len(ids), days * SLOTS_A_DAY, seed=1))
        columns = np.arange(days * SLOTS_A_DAY)
        async with store() as work:
            await work.readings.append_raw(
                IntervalReads.raw(
                    np.repeat(ids, len(columns)),
                    np.tile(start_s + 900 * columns, len(ids)),
                    load.value.ravel(),
                    recorded_us=1,
                    source=Source.UPLINK,
                ),
                RegisterReads.raw(
                    ids[load.registers.channel],
                    start_s + 900 * load.registers.boundary,
                    load.registers.value,
                    recorded_us=1,
                    source=Source.UPLINK,
                ),
                sure=True,
            )

    async with await AsyncConnection.connect(server.dsn, autocommit=True) as connection:
        for table in ("interval_read", "register_read"):  # not while something is measured
            await connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


async def _judge(server: Server, day: date) -> VeeRunResult:
    async with open_store(server.dsn, connections_max=2, statement_timeout_s=120) as store:
        return await _run(store, day)


async def _run(store: UnitOfWorkFactory, day: date) -> VeeRunResult:
    clock = FakeClock(local_midnight(day + timedelta(days=2), ZONE))
    return await VeeService(store, clock, RULES, ZONE).run(day, day)
