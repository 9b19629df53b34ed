"""A whole database in memory, for tests of services; what it keeps can be looked at."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

import numpy as np

from mdms.billing.formats.csv_v1 import services_digest
from mdms.domain.audit import AuditEntry
from mdms.domain.dials import DialRead
from mdms.domain.errors import UnavailableError
from mdms.domain.facts import CisFact
from mdms.domain.field_orders import FieldOrder
from mdms.domain.programme import BillingEvent
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import (
    STILL_INSTALLED_S,
    WIRE_COMMODITY,
    ChannelTable,
    Radio,
    Registry,
)
from mdms.domain.time import Period, to_epoch_s, to_epoch_us
from mdms.ports.billing import (
    Acknowledgement,
    BilledBefore,
    BilledService,
    BillingBlock,
    BillingDeterminant,
    BillingEstimate,
    Correction,
    SwitchRead,
    WindowSummary,
)
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

    async def channels_of(self, badges: Collection[str]) -> ChannelTable:
        table = await self.channels()
        return table.take(np.isin(table.badge, list(badges)))

    async def channels_at(self, name: str) -> ChannelTable:
        table = await self.channels()
        return table.take((table.badge == name) | (table.usage_point_id == name))

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


class MemoryFieldOrders:
    """What people are to do."""

    def __init__(self) -> None:
        self.orders: list[FieldOrder] = []

    async def open(self, order: FieldOrder) -> bool:
        if (order.badge, order.reason) in {(each.badge, each.reason) for each in self.orders}:
            return False
        self.orders.append(order)
        return True


class MemoryFacts:
    """What was stated, as the test says."""

    def __init__(self) -> None:
        self.statements: list[CisFact] = []

    async def stated(self, facts: Collection[str], at: datetime) -> list[CisFact]:
        said = [each for each in self.statements if each.fact in facts and each.known_at <= at]
        return sorted(said, key=lambda each: each.known_at)


class MemoryDials:
    """What further registers showed, as the test says."""

    def __init__(self) -> None:
        self.reads: list[DialRead] = []

    async def of(self, channel_ids: Sequence[int], period: Period) -> list[DialRead]:
        first, last = to_epoch_s(period.start_utc), to_epoch_s(period.end_utc)
        return [
            each
            for each in self.reads
            if each.channel_id in channel_ids and first <= each.at_s <= last
        ]


class MemoryAudit:
    """What was noted."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


PartKey = tuple[int, str, int]
"""Channel, usage point, period."""


class MemoryBilling:
    """Frozen rows by window; of each part and service the last revision comes last."""

    def __init__(self) -> None:
        self.frozen: dict[tuple[date, date], dict[PartKey, list[BillingDeterminant]]] = {}
        self.billed: list[tuple[BilledService, datetime]] = []
        self.left_out: dict[tuple[date, date], list[BillingBlock]] = {}
        self.acknowledgements: list[Acknowledgement] = []
        self.schedule: set[tuple[int, date]] = set()
        self.estimated: list[BillingEstimate] = []

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        blocked: Sequence[BillingBlock],
        at: datetime,
    ) -> None:
        await self.add(window_start, window_end, determinants, (), at)
        self.left_out[window_start, window_end] = list(blocked)

    async def add(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        services: Sequence[BilledService],
        at: datetime,
    ) -> None:
        rows = self.frozen.setdefault((window_start, window_end), {})
        for each in determinants:
            known = rows.setdefault((each.channel_id, each.usage_point_id, each.period), [])
            if each.revision not in {row.revision for row in known}:
                known.append(each)
        taken = {_revision(service) for service, _ in self.billed}
        self.billed += [(each, at) for each in services if _revision(each) not in taken]

    async def determinants(self, window_start: date, window_end: date) -> list[BillingDeterminant]:
        rows = self.frozen.get((window_start, window_end), {})
        newest = {
            _revision(each)[:-1]: each.revision
            for each in await self.services(window_start, window_end)
        }
        return [
            row
            for _, known in sorted(rows.items())
            for row in known
            if row.revision
            == newest.get((window_start, window_end, row.usage_point_id, row.period), 1)
        ]

    async def services(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> list[BilledService]:
        newest: dict[tuple[str, int], BilledService] = {}
        for each, at in sorted(self.billed, key=lambda pair: pair[0].revision):
            known = as_of is None or at <= as_of
            if known and (each.window_start, each.window_end) == (window_start, window_end):
                newest[each.usage_point_id, each.period] = each
        return [newest[key] for key in sorted(newest)]

    async def summary(self, window_start: date, window_end: date) -> WindowSummary:
        rows = await self.determinants(window_start, window_end)
        return WindowSummary(
            len(rows),
            sum(row.quality != "ACTUAL" for row in rows),
            services_digest(await self.services(window_start, window_end)),
        )

    async def services_of(self, usage_point_id: str) -> list[tuple[BilledService, datetime]]:
        return [pair for pair in self.billed if pair[0].usage_point_id == usage_point_id]

    async def billed_elsewhere(
        self, window_start: date, window_end: date
    ) -> list[tuple[str, date, date]]:
        return [
            (each.usage_point_id, each.from_on, each.to_on)
            for each, _ in self.billed
            if each.from_on < window_end and each.to_on > window_start
            if (each.window_start, each.window_end) != (window_start, window_end)
        ]

    async def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        new = acknowledgement.digest not in {each.digest for each in self.acknowledgements}
        self.acknowledgements += [acknowledgement] if new else []
        return new

    async def acknowledged(self, window_start: date, window_end: date) -> list[Acknowledgement]:
        window = (window_start, window_end)
        return [
            each for each in self.acknowledgements if (each.window_start, each.window_end) == window
        ]

    async def estimates(
        self, window_start: date, window_end: date, *, as_of: datetime
    ) -> list[BillingEstimate]:
        window = (window_start, window_end)
        return [
            each
            for each in self.estimated
            if (each.window_start, each.window_end) == window and each.estimated_at <= as_of
        ]

    async def carry_events(self, window_start: date, window_end: date) -> None:
        """There are none."""

    async def events(self, window_start: date, window_end: date) -> list[BillingEvent]:
        return []

    async def switch_reads(
        self, window_start: date, window_end: date, period: Period
    ) -> list[SwitchRead]:
        return []

    async def set_read_days(self, billing_cycle: int, read_on: Sequence[date]) -> None:
        self.schedule = {
            each for each in self.schedule if each[0] != billing_cycle or each[1] < min(read_on)
        } | {(billing_cycle, day) for day in read_on}

    async def read_days(self) -> list[tuple[int, date]]:
        return sorted(self.schedule)

    async def blocked(self, window_start: date, window_end: date) -> list[BillingBlock]:
        return self.left_out.get((window_start, window_end), [])

    async def before(
        self, channel_ids: Sequence[int], *, since: date, until: date
    ) -> list[BilledBefore]:
        names = BilledBefore.__dataclass_fields__.keys() - {"from_on", "to_on"}
        days = {_revision(each): (each.from_on, each.to_on) for each, _ in self.billed}
        found = []
        for start, end in sorted(self.frozen):
            if since <= start and end <= until:
                for row in await self.determinants(start, end):
                    if row.channel_id in channel_ids:
                        from_on, to_on = days.get(_revision(row), (start, end))
                        same: dict[str, Any] = {name: getattr(row, name) for name in names}
                        found.append(BilledBefore(**same, from_on=from_on, to_on=to_on))
        return found

    async def windows(self) -> list[tuple[date, date]]:
        return sorted(self.frozen)


def _revision(service: BilledService | BillingDeterminant) -> tuple[date, date, str, int, int]:
    window = (service.window_start, service.window_end)
    return (*window, service.usage_point_id, service.period, service.revision)


class MemoryCorrections:
    """There are none."""

    async def of_window(self, window_start: date, window_end: date) -> list[Correction]:
        return []


class MemoryDatabase:
    """Call it to open a transaction; one that fails leaves nothing behind."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.readings = MemoryReadings()
        self.dials = MemoryDials()
        self.vee = MemoryVee()
        self.exceptions = MemoryExceptions()
        self.field_orders = MemoryFieldOrders()
        self.facts = MemoryFacts()
        self.audit = MemoryAudit()
        self.billing = MemoryBilling()
        self.corrections = MemoryCorrections()

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
