"""
A day's backlog while live reads go on coming: how fast it drains, and what live reads wait.

Messages come out of ingest's own lanes, as if the broker had just delivered them; they go through
decode, de-duplication and COPY to a real database. A frame carries twelve intervals, four of them
new, and 2.4 collectors hear it, so seven copies come of each interval.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import quantiles
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import psycopg

from ingest.handover import Handover
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.readings import Int64
from mdms.domain.registry import Collector
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.unit_of_work import open_store
from simulators.encoders import MTYPE_PERIODIC, READING, BatchHeader, backfilled, reading_batch
from tests.bench import server
from tests.bench.ingest_store import EMPTY, within
from tests.bench.load import electric_wh
from tests.bench.measure import Figures, Row, interleave
from tests.bench.queue import BenchClock
from tests.bench.traffic import COLLECTOR_ID, NOW, SLOT_S, WIRE_ELECTRIC, Traffic

ENDPOINTS: Final = 5_000
CITY_ENDPOINTS: Final = 1_000_000
CARRIED, NEW = 12, 4
"""Intervals of a frame, and how many of them no earlier frame had."""
REPORTS: Final = 24
COPIES: Final = 2.4
FRAMES: Final = 500
LIVE_FRAMES: Final = 33
EVERY_S: Final = 0.05
"""Together the live pace of a million endpoints: 667 frames a second."""
IDLE_COUNT: Final = 120
LIVE_MAX: Final = 3_000
COLLECTOR_IDS: Final = (11, 12, 13, 14, 15)
CITY_COPIES_S: Final = CITY_ENDPOINTS * REPORTS * COPIES * CARRIED / 600
"""To be done with a city's day in ten minutes."""

METERS = Traffic(meters=ENDPOINTS + 30 * LIVE_FRAMES, reports=1, intervals=1, frames=1)

UNITS = {
    "ingest.live.idle.p99": "ms",
    "ingest.live.loaded.p99": "ms",
    "ingest.backlog": "copies/s",
    "ingest.backlog.cpu": "copies/CPU-s",
    "ingest.backlog.city": "min",
}


def rows(rounds: int) -> list[Row]:
    """Measure latencies of live reads without and with a backlog, and how fast it goes."""
    with ExitStack() as stack:
        running = stack.enter_context(server.started())
        runner = stack.enter_context(asyncio.Runner())
        opening = open_store(running.dsn, connections_max=8, statement_timeout_s=60)
        store = stack.enter_context(within(runner, opening))
        channel_count = runner.run(_register(store))
        assert channel_count == METERS.meters, "every meter has its channel"
        city = _City(running, runner, store)
        found = interleave([city.drain], UNITS, rounds)
    idle = found["ingest.live.idle.p99"]
    return [
        idle.row(),
        found["ingest.live.loaded.p99"].row(idle, goal="ratio <= 2"),
        found["ingest.backlog"].row(goal=f"value >= {CITY_COPIES_S:,.0f}"),
        found["ingest.backlog.cpu"].row(),
        found["ingest.backlog.city"].row(goal="value < 10"),
    ]


class _Lanes:
    """Ingest's lanes as a message source; notes how long each live message waited."""

    def __init__(self, live: Iterator[Envelope]) -> None:
        self._handover = Handover(BenchClock())
        self._live = live
        self._clock = BenchClock()
        self._put_s: dict[int, float] = {}
        self._behind_count = 0
        self.drained = asyncio.Event()
        self.waited_s: list[float] = []

    def put_backlog(self, backlog: Sequence[Envelope]) -> None:
        self._behind_count = len(backlog)
        self.drained.clear()
        for envelope in backlog:
            self._handover.put(envelope)

    async def live_on(self) -> None:
        """Put a live message every so often, for ever."""
        for envelope in self._live:
            self._put_s[id(envelope)] = self._clock.monotonic()
            self._handover.put(envelope)
            await self._clock.sleep(EVERY_S)

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        while True:
            yield await self._handover.take(
                messages_max=messages_max, bytes_max=bytes_max, age_s_max=age_s_max
            )

    async def ack(self, batch: Sequence[Envelope]) -> None:
        for envelope in batch:
            put_s = self._put_s.pop(id(envelope), None)
            if put_s is None:
                self._behind_count -= 1
            else:
                self.waited_s.append(self._clock.monotonic() - put_s)
        if self._behind_count == 0:
            self.drained.set()


class _City:
    """Some endpoints with a day behind them, and some that report now."""

    def __init__(
        self, running: server.Server, runner: asyncio.Runner, store: UnitOfWorkFactory
    ) -> None:
        self._running, self._runner, self._store = running, runner, store
        self._backlog = list(_backlog())
        self._frame_count = round(ENDPOINTS * REPORTS * COPIES)
        self._round = 0

    def drain(self) -> Figures:
        """Wait for live messages alone, then with the backlog behind them."""
        with psycopg.connect(self._running.dsn, autocommit=True) as database:
            database.execute(EMPTY)
            figures = self._runner.run(self._drain())
            (count,) = database.execute(COUNT, {"last": ENDPOINTS}).fetchone() or (0,)
        assert count == ENDPOINTS * (REPORTS * NEW + CARRIED - NEW), "all of it is stored, once"
        return figures

    async def _drain(self) -> Figures:
        lanes = _Lanes(_live())
        horizon = VeeHorizon(ZoneInfo("America/Los_Angeles"))
        pipeline = Pipeline(lanes, self._store, BenchClock(), IngestConfig(), horizon)
        tasks = [asyncio.create_task(pipeline.run()), asyncio.create_task(lanes.live_on())]
        while len(lanes.waited_s) < IDLE_COUNT:
            await BenchClock().sleep(EVERY_S)
        idle_s, lanes.waited_s = lanes.waited_s, []
        begun = self._running.clocks()
        lanes.put_backlog(self._backlog)
        await lanes.drained.wait()
        spent = self._running.clocks() - begun
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        copy_count = self._frame_count * CARRIED
        rate = copy_count / spent.wall_s
        return {
            "ingest.live.idle.p99": _p99_ms(idle_s),
            "ingest.live.loaded.p99": _p99_ms(lanes.waited_s),
            "ingest.backlog": rate,
            "ingest.backlog.cpu": copy_count / spent.cpu_s,
            "ingest.backlog.city": CITY_ENDPOINTS * REPORTS * COPIES * CARRIED / rate / 60,
        }


def _backlog() -> Iterator[Envelope]:
    """Yield a day of all endpoints, report by report, from each collector that heard it."""
    generator = np.random.default_rng(7)
    value = electric_wh(ENDPOINTS, REPORTS * NEW + CARRIED - NEW, seed=8)
    seqs = [0] * len(COLLECTOR_IDS)
    for report in range(REPORTS):
        newest = CARRIED + NEW * report
        end_s = to_epoch_s(NOW) - SLOT_S * NEW * (REPORTS - 1 - report)
        carried = value[:, newest - CARRIED : newest][:, ::-1]
        # Three collectors hear two homes in five, two hear the others.
        third = generator.permutation(ENDPOINTS) < round(ENDPOINTS * (COPIES - 2))
        for number, collector_id in enumerate(COLLECTOR_IDS):
            place = (np.arange(ENDPOINTS) + number) % len(COLLECTOR_IDS)
            heard = np.flatnonzero((place < 2) | ((place == 2) & third))
            for first in range(0, len(heard), FRAMES):
                meters = heard[first : first + FRAMES]
                seqs[number] += 1
                header = BatchHeader(collector_id, 1, seqs[number], to_epoch_us(NOW))
                frames = _frames(meters, carried[meters], end_s)
                payload = backfilled(reading_batch(header, frames), last=False)
                yield Envelope(f"ami/v1/cpau/col/{collector_id}/up/backfill", payload)


def _live() -> Iterator[Envelope]:
    """Yield messages of other meters, a few at a time, each with new intervals."""
    groups = (METERS.meters - ENDPOINTS) // LIVE_FRAMES
    for seq in range(1, LIVE_MAX):
        report, group = divmod(seq - 1, groups)
        meters = ENDPOINTS + LIVE_FRAMES * group + np.arange(LIVE_FRAMES)
        end_s = to_epoch_s(NOW) - SLOT_S * CARRIED * (LIVE_MAX // groups - report)
        carried = electric_wh(LIVE_FRAMES, CARRIED, seed=seq)
        header = BatchHeader(COLLECTOR_ID, 1, seq, to_epoch_us(NOW))
        payload = reading_batch(header, _frames(meters, carried, end_s))
        yield Envelope(f"ami/v1/cpau/col/{COLLECTOR_ID}/up/read", payload)


def _frames(
    meters: npt.NDArray[np.intp], carried: Int64, end_s: int
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    frames = np.zeros(len(meters), READING)
    frames["meter_id"] = METERS.radio_ids()[0] + meters
    frames["t_newest"] = end_s
    frames["register"] = end_s
    frames["mtype"] = MTYPE_PERIODIC
    frames["chan"] = WIRE_ELECTRIC
    frames["ilen"] = SLOT_S // 60
    frames["n"] = CARRIED
    frames["delta"][:, :CARRIED] = carried
    return frames


def _p99_ms(waited_s: Sequence[float]) -> float:
    return quantiles(waited_s, n=100)[-1] * 1000


async def _register(store: UnitOfWorkFactory) -> int:
    registry = METERS.registry()
    more = tuple(Collector(each, f"bench {each}", 37.4, -122.1) for each in COLLECTOR_IDS)
    async with store() as work:
        await work.registry.merge(replace(registry, collectors=(*registry.collectors, *more)))
    async with store() as work:
        return len((await work.registry.channels()).channel_id)


COUNT = """
SELECT count(*) FROM interval_read r JOIN channel c USING (channel_id)
WHERE c.badge < 'E' || lpad(%(last)s::text, 6, '0')
"""
