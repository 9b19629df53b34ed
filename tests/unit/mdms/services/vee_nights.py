"""A few meters, what they used, and nights that judge them."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import (
    IntervalReads,
    RegisterReads,
    Source,
)
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from mdms.domain.time import (
    local_midnight,
    to_epoch_s,
    to_epoch_us,
)
from mdms.services.vee_run import VeeService
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.unit.mdms.services.vee_store import FakeStore
from vee.rules import RuleSet

ZONE = ZoneInfo("America/Los_Angeles")
RULES = RuleSet.load(Path(__file__).parents[4] / "config/vee/residential.toml")
FIRST_DAY = date(2026, 10, 28)
"""Four days before the clocks go back."""
DAY = timedelta(days=1)


def channel_table(
    channels: int = 4,
    *,
    interval_s: int = 3600,
    commodity: str = "electric",
    service_class: str = "electric_200a",
) -> ChannelTable:
    def each(value: object, kind: type | str) -> np.ndarray:
        return np.full(channels, value, kind)

    number = np.arange(1, channels + 1)
    return ChannelTable(
        channel_id=number.astype(np.int32),
        badge=np.array([f"M{n}" for n in number], object),
        reading_type=each("0.0.7.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0", object),
        commodity=each(commodity, object),
        service_class=each(service_class, object),
        usage_point_id=np.array([f"U{n}" for n in number], object),
        transformer_id=each("T1", object),
        radio_id=number.astype(np.int64),
        wire_channel=each(0x10, np.uint8),
        interval_s=each(interval_s, np.int32),
        installed_s=each(at(date(2020, 1, 1)), np.int64),
        removed_s=each(STILL_INSTALLED_S, np.int64),
        radio_on=each(True, np.bool_),
        register_modulus=each(10**9, np.int64),
        register_resolution=each(1, np.int64),
        multiplier=each(1, np.int64),
    )


def at(day: date, hour: float = 0) -> int:
    return to_epoch_s(local_midnight(day, ZONE)) + round(hour * 3600)


class World:
    """A fleet with a truth that is heard only in part."""

    def __init__(self, table: ChannelTable, *, days: int, seed: int = 1) -> None:
        self.store = FakeStore(table)
        self.clock = FakeClock(local_midnight(FIRST_DAY, ZONE))
        self.service = VeeService(self.store, self.clock, RULES, ZONE, book=BOOK)
        self.interval_s = int(table.interval_s[0])
        self.start_s = np.arange(at(FIRST_DAY), at(FIRST_DAY + days * DAY), self.interval_s)
        rng = np.random.default_rng(seed)
        shape = (len(table), len(self.start_s))
        self.truth = rng.poisson(400, shape).astype(np.int64)
        self.register = np.cumsum(np.pad(self.truth, ((0, 0), (1, 0))), axis=1) + 5000
        self.sent = np.zeros(shape, np.bool_)
        self.lost = np.zeros(shape, np.bool_)

    def lose(self, channel: int, first_s: int, last_s: int) -> None:
        """Lose the intervals of channel (1..) that start in [first_s, last_s)."""
        self.lost[channel - 1] |= (self.start_s >= first_s) & (self.start_s < last_s)

    def hear(self, until_s: int, *, registers_every: int = 4) -> None:
        """Receive what was not lost and ended by now; registers only beside what is heard."""
        heard = (self.start_s + self.interval_s <= until_s) & ~self.lost & ~self.sent
        channel, slot = np.nonzero(heard)
        self.sent |= heard
        now_us = to_epoch_us(self.clock.now())
        self.store.reads = IntervalReads.concat(
            self.store.reads,
            IntervalReads.raw(
                channel + 1,
                self.start_s[slot],
                self.truth[channel, slot],
                recorded_us=now_us,
                source=Source.UPLINK,
            ),
        )
        carried = (slot + 1) % registers_every == 0
        self.add_registers(channel[carried], slot[carried] + 1)

    def add_registers(self, channel: Sequence[int] | np.ndarray, boundary: np.ndarray) -> None:
        reads = RegisterReads.raw(
            np.asarray(channel) + 1,
            self.start_s[0] + np.asarray(boundary) * self.interval_s,
            self.register[np.asarray(channel), np.asarray(boundary)],
            recorded_us=to_epoch_us(self.clock.now()),
            source=Source.UPLINK,
        )
        self.store.register_reads = RegisterReads.concat(self.store.register_reads, reads)

    async def nights(self, first: date, last: date, *, hour: float = 5) -> None:
        """Live through the nights after these days."""
        day = first
        while day <= last:
            await self.to(at(day + DAY, hour))
            self.hear(at(day + DAY, hour))
            await self.service.nightly()
            day += DAY

    async def to(self, second: int) -> None:
        await self.clock.sleep(second - to_epoch_s(self.clock.now()))

    def current(self, channel: int) -> dict[int, tuple[int, str]]:
        """Return value and status of each stored start of a channel."""
        reads = self.store.reads.current()
        mine = reads.take(reads.channel_id == channel)
        return {
            start: (value, chr(status))
            for start, value, status in zip(
                mine.start_s.tolist(), mine.value.tolist(), mine.status.tolist(), strict=True
            )
        }

    def check(self) -> int:
        """Check every bracket of the store that holds an estimate; return how many there were."""
        every = self.store.reads
        keys = np.stack([every.channel_id, every.start_s, every.version])
        assert np.unique(keys, axis=1).shape == keys.shape, "a version is written once"
        checked = 0
        for channel in self.store.table.channel_id.tolist():
            current = self.current(channel)
            reads = self.store.register_reads
            mine = reads.take(reads.channel_id == channel)
            books = sorted(zip(mine.at_s.tolist(), mine.value.tolist(), strict=True))
            for (first, before), (last, after) in pairwise(books):
                slots = [
                    current.get(start, (0, ".")) for start in range(first, last, self.interval_s)
                ]
                if {"E", "F", "D"} & {status for _, status in slots}:
                    checked += 1
                    assert sum(value for value, _ in slots) == after - before
        return checked
