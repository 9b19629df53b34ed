"""A whole database in memory, for tests of services; what it keeps can be looked at."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime
from typing import cast

import numpy as np

from mdms.domain.errors import UnavailableError
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import (
    STILL_INSTALLED_S,
    WIRE_COMMODITY,
    ChannelTable,
    Radio,
    Registry,
)
from mdms.domain.time import Period, to_epoch_s, to_epoch_us
from mdms.ports.billing import BilledBefore, BillingBlock, BillingDeterminant
from mdms.ports.registry import ImportResult
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import StoredRuleset, VeeDay, VeeException, VeeRun


class MemoryRegistry:
    """Merges by adding what is new; channels are numbered from 1 in their order."""

    def __init__(self) -> None:
        self.registry = Registry()

    async def load(self) -> Registry:
        return self.registry

    async def merge(self, registry: Registry) -> ImportResult:
        added, unchanged = {}, {}
        for name in Registry.__dataclass_fields__:
            known, given = getattr(self.registry, name), getattr(registry, name)
            new = tuple(row for row in given if row not in known)
            added[f"{name}.csv"], unchanged[f"{name}.csv"] = len(new), len(given) - len(new)
            self.registry = replace(self.registry, **{name: known + new})
        return ImportResult(added=added, changed={}, unchanged=unchanged)

    async def channels(self) -> ChannelTable:
        points = {point.usage_point_id: point for point in self.registry.usage_points}
        placed = [
            (number, channel, meter, points[meter.usage_point_id])
            for number, channel in enumerate(self.registry.channels, 1)
            for meter in self.registry.meters
            if meter.badge == channel.badge
        ]
        return ChannelTable(
            channel_id=np.array([n for n, *_ in placed], np.int32),
            badge=np.array([c.badge for _, c, _, _ in placed], object),
            reading_type=np.array([c.reading_type for _, c, _, _ in placed], object),
            commodity=np.array([p.commodity.value for *_, p in placed], object),
            service_class=np.array([p.service_class for *_, p in placed], object),
            usage_point_id=np.array([p.usage_point_id for *_, p in placed], object),
            transformer_id=np.full(len(placed), "", object),
            radio_id=np.array([m.radio_id for _, _, m, _ in placed], np.int64),
            wire_channel=np.array(
                [WIRE_COMMODITY[p.commodity] << 4 | c.channel for _, c, _, p in placed], np.uint8
            ),
            interval_s=np.array([c.interval_s for _, c, _, _ in placed], np.int32),
            installed_s=np.array([to_epoch_s(m.installed_at) for _, _, m, _ in placed], np.int64),
            removed_s=np.array(
                [
                    to_epoch_s(m.removed_at) if m.removed_at else STILL_INSTALLED_S
                    for _, _, m, _ in placed
                ],
                np.int64,
            ),
            radio_on=np.array([m.radio is Radio.ON for _, _, m, _ in placed], np.bool_),
            register_modulus=np.array(
                [10**m.register_dials * m.register_resolution for _, _, m, _ in placed], np.int64
            ),
            register_resolution=np.array(
                [m.register_resolution for _, _, m, _ in placed], np.int64
            ),
            multiplier=np.array([m.multiplier for _, _, m, _ in placed], np.int64),
        )


class MemoryReadings:
    """Every version in columns; tests append with `IntervalReads.concat`."""

    def __init__(self) -> None:
        self.interval_reads = IntervalReads.empty()
        self.register_reads = RegisterReads.empty()
        self.unavailable_channels: set[int] = set()
        """Asking for the registers of one of these finds no database."""

    async def intervals(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> IntervalReads:
        reads = self.interval_reads
        wanted = (reads.start_s >= period.start_s) & (reads.start_s < period.end_s)
        wanted &= _selected(reads, channel_ids, as_of)
        reads = reads.take(wanted)
        return reads.take(np.lexsort((reads.version, reads.start_s, reads.channel_id)))

    async def registers(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> RegisterReads:
        if self.unavailable_channels.intersection(channel_ids or ()):
            raise UnavailableError("the database is away")
        reads = self.register_reads
        wanted = (reads.at_s >= period.start_s) & (reads.at_s <= period.end_s)
        wanted &= _selected(reads, channel_ids, as_of)
        reads = reads.take(wanted)
        return reads.take(np.lexsort((reads.version, reads.at_s, reads.channel_id)))


def _selected(
    reads: IntervalReads | RegisterReads, channel_ids: Sequence[int] | None, as_of: datetime | None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    wanted = np.full(len(reads), fill_value=True)
    if channel_ids is not None:
        wanted &= np.isin(reads.channel_id, np.array(channel_ids, np.int64))
    return wanted if as_of is None else wanted & (reads.recorded_us <= to_epoch_us(as_of))


class MemoryVee:
    """Outcomes of channel-days and the last run, as the test says."""

    def __init__(self) -> None:
        self.outcomes: list[VeeDay] = []
        self.run: VeeRun | None = None
        self.exceptions: list[VeeException] = []

    async def days(
        self,
        first: date,
        last: date,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> list[VeeDay]:
        newest: dict[tuple[int, date], VeeDay] = {}
        for day in sorted(self.outcomes, key=lambda day: day.version):
            known = as_of is None or day.recorded_at <= as_of
            asked = channel_ids is None or day.channel_id in channel_ids
            if known and asked and first <= day.local_day <= last:
                newest[day.channel_id, day.local_day] = day
        return list(newest.values())

    async def last_run(self) -> VeeRun | None:
        return self.run

    async def rulesets(self) -> list[StoredRuleset]:
        return []

    async def replace_exceptions(
        self,
        channel_days: Iterable[tuple[int, date]],
        raised: Sequence[VeeException],
        at: datetime,
        *,
        of_bills: bool = False,
    ) -> None:
        judged = set(channel_days)
        self.exceptions = [
            *(each for each in self.exceptions if (each.channel_id, each.local_day) not in judged),
            *raised,
        ]


class MemoryExceptions:
    """What people have answered, as the test says."""

    def __init__(self) -> None:
        self.answers: set[tuple[int, str, str]] = set()

    async def answered(
        self, channel_ids: Sequence[int], local_day: date
    ) -> frozenset[tuple[int, str, str]]:
        return frozenset(each for each in self.answers if each[0] in channel_ids)


class MemoryBilling:
    """Frozen rows by window and channel; blocked channels are replaced by the next freeze."""

    def __init__(self) -> None:
        self.frozen: dict[tuple[date, date], dict[int, BillingDeterminant]] = {}
        self.left_out: dict[tuple[date, date], list[BillingBlock]] = {}

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        blocked: Sequence[BillingBlock],
        at: datetime,
    ) -> None:
        rows = self.frozen.setdefault((window_start, window_end), {})
        for determinant in determinants:
            rows.setdefault(determinant.channel_id, determinant)
        self.left_out[window_start, window_end] = list(blocked)

    async def determinants(self, window_start: date, window_end: date) -> list[BillingDeterminant]:
        return list(self.frozen.get((window_start, window_end), {}).values())

    async def blocked(self, window_start: date, window_end: date) -> list[BillingBlock]:
        return self.left_out.get((window_start, window_end), [])

    async def before(
        self, channel_ids: Sequence[int], *, since: date, until: date
    ) -> list[BilledBefore]:
        names = list(BilledBefore.__dataclass_fields__)
        return [
            BilledBefore(*(getattr(row, name) for name in names))
            for (start, end), rows in sorted(self.frozen.items())
            if since <= start and end <= until
            for row in rows.values()
            if row.channel_id in channel_ids
        ]

    async def windows(self) -> list[tuple[date, date]]:
        return sorted(self.frozen)


class MemoryDatabase:
    """Call it to open a transaction; one that fails leaves nothing behind."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.readings = MemoryReadings()
        self.vee = MemoryVee()
        self.exceptions = MemoryExceptions()
        self.billing = MemoryBilling()

    def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[UnitOfWork]:
        before = deepcopy(self.__dict__)
        try:
            yield cast("UnitOfWork", self)
        except BaseException:
            self.__dict__.update(before)
            raise
