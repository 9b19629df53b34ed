"""
Collectors, a broker and a head-end in one process under a simulated clock: two days in a second.

The head-end's code is the real one, on stores in memory; collectors and the broker are written
here, from the format's pages alone. The seed decides everything that goes wrong: batches that are
lost, damaged, doubled and late, backhauls away for up to twelve hours, collectors that start again,
lose their count or have a clock from another century, a broker that drops what it confirmed, a
database that is away, and a daemon that is killed before, in and after its transactions.
"""

import copy
import json
import random
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Self
from unittest.mock import patch
from zoneinfo import ZoneInfo

from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.preparing import Preparer
from mdms.domain.errors import UnavailableError
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import ChannelTable
from mdms.ports.messages import Envelope
from mdms.services.gaps import GapService
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeReadingStore, FakeUnitOfWork
from tests.messages import NOON, frame, message

STEP_S = 900
STEPS, QUIET_STEPS = 2 * 96, 96
HEARD_STEPS = STEPS + 24
"""
For the first hours of the good day meters are still heard: whether a count goes on after a restart
only a batch tells, and a collector in the field is never without one for long.
"""
METERS, COLLECTORS = 6, (1, 2, 3)
FLAG_BACKFILL, FLAG_LAST = 2, 8
KEPT_S = 72 * 3600


class KilledError(Exception):
    """The daemon is gone."""


@dataclass(slots=True)
class Tower:
    """A collector with a disk: what it closed it keeps for three days."""

    collector_id: int
    rng: random.Random
    boot_id: int = 1
    seq: int = 0
    up: bool = True
    clock_off_s: int = 0
    kept: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(closed at, number, payload)"""
    waiting: list[bytes] = field(default_factory=list)
    counting_since_s: int = 0

    def close(self, frames: Sequence[bytes], now_s: int) -> None:
        self.seq += 1
        said_s = max(now_s + self.clock_off_s, 0)
        payload = message(
            *frames, collector_id=self.collector_id, boot_id=self.boot_id, batch_seq=self.seq,
            batch_time_us=said_s * 1_000_000,
        )  # fmt: skip
        self.kept = [each for each in self.kept if each[0] >= now_s - KEPT_S]
        self.kept.append((now_s, self.seq, payload))
        self.waiting.append(payload)

    def restart(self, now_s: int, *, forgets: bool) -> None:
        self.boot_id = self.rng.randrange(2, 1 << 32)
        if forgets:
            self.seq, self.counting_since_s = 0, now_s

    def answer(self, request: dict[str, Any]) -> list[bytes]:
        if request["op"] == "backfill":
            first, last = request["from_seq"], request["to_seq"]
            wanted = [p for _, seq, p in self.kept if first <= seq <= last]
        else:
            first = max(self.seq, 1)
            wanted = [
                p for at_s, _, p in self.kept
                if request["from_us"] <= at_s * 1_000_000 <= request["to_us"]
            ]  # fmt: skip
        if not wanted:
            empty = message(
                collector_id=self.collector_id, boot_id=self.boot_id, batch_seq=first,
                flags=FLAG_BACKFILL | FLAG_LAST,
            )  # fmt: skip
            return [empty]
        return [_again(p, last=p is wanted[-1]) for p in wanted[:1000]]

    def state(self, now: datetime) -> bytes:
        numbers = [seq for at_s, seq, _ in self.kept if at_s >= self.counting_since_s]
        said = {
            "s": "online", "id": self.collector_id, "boot": self.boot_id, "seq": self.seq,
            "oldest_seq": min(numbers, default=self.seq + 1), "t": now.isoformat(),
        }  # fmt: skip
        return json.dumps(said).encode()


def _again(payload: bytes, *, last: bool) -> bytes:
    flags = FLAG_BACKFILL | (FLAG_LAST if last else 0)
    head = payload[:6] + struct.pack("<H", flags) + payload[8:60]
    return head + struct.pack("<I", zlib.crc32(head + payload[64:])) + payload[64:]


class Broker:
    """Confirms everything; hands out what it kept, and again what was not acknowledged."""

    def __init__(self, rng: random.Random, queued_max: int) -> None:
        self._rng, self._queued_max = rng, queued_max
        self._queue: list[Envelope] = []
        self.ends_at: int | None = None
        """The daemon dies before it acknowledges so many more batches."""

    @property
    def has_any(self) -> bool:
        return bool(self._queue)

    def publish(self, topic: str, payload: bytes) -> None:
        # A request by time is answered without numbers: who drops of that is not found out.
        if len(self._queue) < self._queued_max or topic.endswith("backfill"):
            self._queue.append(Envelope(topic, payload))

    async def batches(self, **_bounds: object) -> AsyncIterator[Sequence[Envelope]]:
        handed: set[int] = set()
        while rest := [each for each in self._queue if id(each) not in handed]:
            batch = rest[: self._rng.randrange(1, 40)]
            handed.update(map(id, batch))
            yield batch

    async def ack(self, batch: Sequence[Envelope]) -> None:
        if self.ends_at is not None:
            self.ends_at -= 1
            if self.ends_at < 0:
                raise KilledError
        done = set(map(id, batch))
        self._queue = [each for each in self._queue if id(each) not in done]


class RecentReadings(FakeReadingStore):
    """Knows what is newest without looking through all of it."""

    async def newest(self, slots: int, channel_ids: range) -> tuple[IntervalReads, RegisterReads]:
        recent = FakeReadingStore()
        of_all = slots * METERS
        recent.interval_values = dict(islice(reversed(self.interval_values.items()), of_all))
        recent.register_values = dict(islice(reversed(self.register_values.items()), of_all))
        return await FakeReadingStore.newest(recent, slots, channel_ids)


class QuickStores(FakeUnitOfWork):
    """Copies containers, and only where the transaction will fail: nothing in them ever changes."""

    def __init__(self, channels: ChannelTable, collector_ids: Iterable[int]) -> None:
        super().__init__(channels, collector_ids)
        self.readings = RecentReadings()

    async def __aenter__(self) -> Self:
        if self.failures and self.failures[0] is not None:
            self._before = tuple(map(_copied, self._stores))  # type: ignore[assignment] # the same
        return self


def _copied(store: object) -> object:
    twin = copy.copy(store)
    for name, value in vars(store).items():
        if isinstance(value, dict | list | set):
            setattr(twin, name, value.copy())
    return twin


class World:
    """Everything of one seed; `play` lets two bad days and a good one pass."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock(NOON)
        self.towers = [Tower(each, self.rng) for each in COLLECTORS]
        self.broker = Broker(self.rng, self.rng.choice([60, 300, 10_000]))
        table = channel_table(*(Installed(channel_id=n, radio_id=100 + n) for n in range(METERS)))
        self.work = QuickStores(table, COLLECTORS)
        self.gaps = GapService(self.work, self.clock, self._tell)
        self.truth: dict[tuple[int, int], int] = {}
        self.registers: dict[tuple[int, int], int] = {}
        self.kills = 0
        self._values: list[list[int]] = [[] for _ in range(METERS)]
        self._bad = True
        self._late: list[tuple[int, str, bytes]] = []
        self._events: dict[int, tuple[int, int]] = {}

    async def play(self) -> None:
        with patch.object(Preparer, "_in_turn", _at_once):
            await self._play()

    async def _play(self) -> None:
        for step in range(STEPS + QUIET_STEPS):
            self._bad = step < STEPS
            self.clock.advance(timedelta(seconds=STEP_S))
            now_s = int(self.clock.now().timestamp())
            if step < HEARD_STEPS:
                self._measure(step, now_s)
            for tower in self.towers:
                self._mishaps(tower, step, now_s)
                self._send(tower, now_s)
                if tower.up and step % 4 == 0:
                    topic = f"ami/v1/cpau/col/{tower.collector_id}/state"
                    self.broker.publish(topic, tower.state(self.clock.now()))
            await self._take()
            with suppress(UnavailableError):
                await self.gaps.run_due(self.clock.now())

    def _measure(self, step: int, now_s: int) -> None:
        """Let meters measure, and send the newest twelve intervals to whoever hears them."""
        heard: dict[int, list[bytes]] = {tower.collector_id: [] for tower in self.towers}
        for meter in range(METERS):
            values = self._values[meter]
            values.append(self.rng.randrange(5000))
            if (step + meter) % self.rng.choice([2, 4]):
                continue
            newest = values[:-13:-1]
            read = frame(meter_id=100 + meter, t_newest=now_s, register=sum(values), deltas=newest)
            hearing = [each for each in COLLECTORS if self.rng.random() < 0.6]
            for collector_id in hearing:
                heard[collector_id].append(read)
            if hearing:
                self.registers[meter, now_s] = sum(values)
                for back, value in enumerate(newest):
                    self.truth[meter, now_s - STEP_S * (back + 1)] = value
        for tower in self.towers:
            if heard[tower.collector_id]:
                tower.close(heard[tower.collector_id], now_s)

    def _mishaps(self, tower: Tower, step: int, now_s: int) -> None:
        """Let the backhaul go for up to twelve hours, the clock be wrong, the collector restart."""
        until, clock_until = self._events.get(tower.collector_id, (0, 0))
        if not self._bad:
            until = clock_until = 0
        elif step >= until and self.rng.random() < 0.01:
            until = step + self.rng.randrange(1, 49)
        if self._bad and step >= clock_until and self.rng.random() < 0.01:
            clock_until = step + self.rng.randrange(2, 24)
            tower.clock_off_s = self.rng.choice([
                -now_s, (1 << 32) - 1 - now_s, self.rng.randrange(-18_000, 18_000), 200,
            ])  # fmt: skip
        tower.up = step >= until
        if step >= clock_until:
            tower.clock_off_s = 0
            if self._bad and self.rng.random() < 0.02:
                tower.restart(now_s, forgets=self.rng.random() < 0.3)
        self._events[tower.collector_id] = until, clock_until

    def _send(self, tower: Tower, now_s: int) -> None:
        prefix = f"ami/v1/cpau/col/{tower.collector_id}"
        for at_s, topic, payload in list(self._late):
            if at_s <= now_s or not self._bad:
                self._late.remove((at_s, topic, payload))
                self.broker.publish(topic, payload)
        if not tower.up:
            return
        while tower.waiting:
            payload, topic = tower.waiting.pop(0), f"{prefix}/up/read"
            fate = self.rng.random() if self._bad else 1.0
            if fate < 0.03:
                continue  # lost, and nobody knows
            if fate < 0.06:
                at = self.rng.randrange(len(payload))
                payload = payload[:at] + bytes([payload[at] ^ 0x55]) + payload[at + 1 :]
            elif fate < 0.10:
                self._late.append((now_s + self.rng.randrange(900, 7200), topic, payload))
                continue
            elif fate < 0.15:
                self._late.append((now_s + self.rng.randrange(900, 7200), topic, payload))
            self.broker.publish(topic, payload)

    async def _take(self) -> None:
        """Run the daemon until the queue is empty or it is killed, and start another one."""
        while self.broker.has_any:
            kill = self._bad and self.rng.random() < 0.1
            self.broker.ends_at = self.rng.randrange(3) if kill else None
            self.work.failures = [
                self.rng.choice([None, None, None, UnavailableError("away"), KilledError()])
                if self._bad and self.rng.random() < 0.2
                else None
                for _ in range(60)
            ]
            pipeline = Pipeline(
                self.broker, self.work, _Still(self.clock), IngestConfig(),
                VeeHorizon(ZoneInfo("America/Los_Angeles")), on_holes=self.gaps.wake,
            )  # fmt: skip
            try:
                await pipeline.run()
            except KilledError:
                self.kills += 1
            else:
                break
        self.work.failures = []
        self.broker.ends_at = None

    async def _tell(self, collector_id: int, payload: bytes) -> None:
        tower = self.towers[COLLECTORS.index(collector_id)]
        if not tower.up:
            return  # the broker keeps it no longer than this step
        topic = f"ami/v1/cpau/col/{collector_id}/up/backfill"
        request = json.loads(payload)
        for answer in tower.answer(request):
            if request["op"] == "backfill_time" or not self._bad or self.rng.random() > 0.05:
                self.broker.publish(topic, answer)


async def _at_once(_: Preparer, work: Callable[[], Any]) -> Any:
    """Work here and now: a thread of its own would make the order another one each time."""
    return work()


class _Still:
    """The world's clock for the daemon, whose patience takes no time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return at once: nothing else happens within a step."""
