"""What the services of a window come to by the reads known at an instant: to freeze, or compare."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mdms.billing.channels import (
    BilledChannel,
    ServicePeriod,
    billed_channels,
    service_periods,
)
from mdms.billing.determinants import BlockReason, determine, intervals_needed_from_s
from mdms.billing.registers import CARRY_S_MAX, NEAREST_S_MAX
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Part, Terms
from mdms.billing.tou import UncountableError
from mdms.billing.window import SERVICE_DAYS_MAX, BillWindow
from mdms.domain.errors import OperatorError, UsageError
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import ChannelTable, Registry
from mdms.domain.time import Period, from_epoch_s
from mdms.policy import tables
from mdms.ports.billing import BilledBefore, BilledService, BillingBlock, BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billing_terms import BillingTerms
from mdms.services.customer_rules import CustomerBook
from mdms.services.vee_rulesets import editions
from vee.rules import RuleSet

CHANNELS_PER_BLOCK: Final = 256
"""About 800,000 interval rows of 15 minutes: 50 MB, and a transaction of half a second."""

_READS_BEFORE: Final = timedelta(seconds=CARRY_S_MAX)
_READS_AFTER: Final = timedelta(seconds=NEAREST_S_MAX)
BILLS_BEFORE: Final = timedelta(days=2 * SERVICE_DAYS_MAX)

ServiceKey = tuple[str, int]
"""Usage point and number of the period."""


@dataclass(frozen=True, slots=True)
class Service:
    """A period of a service with the parts of its meters."""

    period: ServicePeriod
    channels: tuple[BilledChannel, ...]

    @property
    def key(self) -> ServiceKey:
        """What tells it from the others of its window."""
        return self.period.usage_point_id, self.period.number


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What some services come to, with their parts, and why others come to nothing yet."""

    services: Sequence[BilledService]
    determinants: Sequence[BillingDeterminant]
    blocked: Sequence[BillingBlock]


@dataclass(frozen=True, slots=True)
class Reckoning:
    """
    One window by what was known at one instant; made once, asked block by block.

    Attributes:
        rules: Validation rules in force on its last day.
        ruleset_hash: Of those that judged the reads.
    """

    window: BillWindow
    as_of: datetime
    book: CustomerBook
    table: ChannelTable
    registry: Registry
    rules: RuleSet
    ruleset_hash: str
    terms: BillingTerms
    services: Sequence[Service]
    biller: ServiceBiller

    @classmethod
    async def prepare(
        cls,
        work: UnitOfWork,
        window: BillWindow,
        as_of: datetime,
        book: CustomerBook,
        shipped: RuleSet,
    ) -> "Reckoning":
        """
        Read what is installed, agreed and stated.

        Raises:
            OperatorError: No day was validated yet, or no rules hold on the window's last day.
        """
        last_run = await work.vee.last_run()
        if last_run is None:
            raise OperatorError("no day has been validated yet; run `mdms vee run` first")
        table, registry = await work.registry.channels(), await work.registry.load()
        rules = (await editions(work, shipped)).on(window.last_day)
        customer = book.rulebook.customer_at(window.last_day)
        terms = await BillingTerms.load(work, book, customer.tariff, as_of)
        periods = service_periods(window, registry)
        estimated = {
            each.channel_id: each.reason
            for each in await work.billing.estimates(window.start, window.end, as_of=as_of)
        }
        channels = [
            _by_registers(channel, estimated.get(channel.channel_id))
            for channel in billed_channels(window, book.zone, table, periods)
        ]
        versions = {
            "vee": last_run.ruleset_hash,
            "tariff": tables.content_hash(customer.tariff),
        }
        return cls(
            window=window,
            as_of=as_of,
            book=book,
            table=table,
            registry=registry,
            rules=rules,
            ruleset_hash=last_run.ruleset_hash,
            terms=terms,
            services=_services(periods, channels),
            biller=ServiceBiller(window, book.zone, customer.tariff, versions),
        )

    async def reckon(
        self,
        work: UnitOfWork,
        services: Sequence[Service],
        *,
        revisions: Mapping[ServiceKey, int] | None = None,
    ) -> Reckoned:
        """
        Load a block of services and add them up.

        Args:
            work: The transaction.
            services: Of one block.
            revisions: What the result is to be numbered; 1 where it does not say.
        """
        channels = [channel for service in services for channel in service.channels]
        ids = sorted({channel.channel_id for channel in channels})
        period = self.window.period(self.book.zone)
        registers = await work.readings.registers(
            reads_of(self.window, self.book.zone), channel_ids=ids, as_of=self.as_of
        )
        needed_from = from_epoch_s(intervals_needed_from_s(channels, registers))
        intervals = await work.readings.intervals(
            Period(min(needed_from, period.start_utc), period.end_utc),
            channel_ids=ids,
            as_of=self.as_of,
        )
        until = self.window.start
        if revisions is None:  # a correction moves the bill after; a first freeze fits before it
            until = self.window.end + BILLS_BEFORE
        beside = await work.billing.before(ids, since=self.window.start - BILLS_BEFORE, until=until)
        return await asyncio.to_thread(
            self._add_up, services, intervals, registers, beside, revisions or {}
        )

    def _add_up(
        self,
        services: Sequence[Service],
        intervals: IntervalReads,
        registers: RegisterReads,
        beside: Sequence[BilledBefore],
        revisions: Mapping[ServiceKey, int],
    ) -> Reckoned:
        current = intervals.current()
        determinants, blocked = determine(
            self.window,
            [channel for service in services for channel in service.channels],
            current,
            registers,
            ruleset_hash=self.ruleset_hash,
            before=beside,
        )
        found = {(row.channel_id, row.usage_point_id, row.period): row for row in determinants}
        made: list[BilledService] = []
        parts: list[BillingDeterminant] = []
        for service in services:
            revision = revisions.get(service.key, 1)
            ready = [
                Part(channel, replace(found[key], revision=revision))
                for channel in service.channels
                if (key := (channel.channel_id, *service.key)) in found
            ]
            rows = [part.determinant for part in ready]
            terms = self.terms.of(service.period)
            if terms is None or len(ready) < len(service.channels):
                blocked += _waiting(rows, terms)
                continue
            try:
                bill = self.biller.bill(service.period, terms, ready, current, revision=revision)
            except UncountableError as error:
                blocked += [_block(row, BlockReason.NOT_COUNTED, str(error)) for row in rows]
                continue
            made.append(bill)
            parts += rows
        return Reckoned(made, parts, blocked)


def bill_window(start: date, end: date) -> BillWindow:
    """
    Return the window between two read days.

    Raises:
        UsageError: It ends before it starts.
    """
    try:
        return BillWindow(start, end)
    except ValueError as error:
        raise UsageError(str(error)) from error


def reads_of(window: BillWindow, zone: ZoneInfo) -> Period:
    """Return when a register may have been read that a window's bills rest on."""
    period = window.period(zone)
    return Period(period.start_utc - _READS_BEFORE, period.end_utc + _READS_AFTER)


def blocks(services: Sequence[Service], channel_count: int) -> Iterator[Sequence[Service]]:
    """
    Yield services in blocks of about so many channels, all periods of a place in one of them.

    Places follow each other by database number, so that a block reads neighbouring rows.
    """
    places: dict[str, list[Service]] = {}
    for service in services:
        places.setdefault(service.period.usage_point_id, []).append(service)
    block: list[Service] = []
    for place in sorted(places.values(), key=_first_channel):
        if block and sum(len(each.channels) for each in (*block, *place)) > channel_count:
            yield block
            block = []
        block += place
    if block:
        yield block


def _by_registers(channel: BilledChannel, reason: str | None) -> BilledChannel:
    """Return a channel as it is billed where a person had it estimated: without intervals."""
    if reason is None:
        return channel
    return replace(channel, intervals_expected=False, estimated_because=reason)


def _first_channel(place: Sequence[Service]) -> int:
    return min(channel.channel_id for service in place for channel in service.channels)


async def services_in(work: UnitOfWork, window: BillWindow, zone: ZoneInfo) -> Sequence[Service]:
    """Return the services with days in a window, whatever became of their reads."""
    table, registry = await work.registry.channels(), await work.registry.load()
    periods = service_periods(window, registry)
    return _services(periods, billed_channels(window, zone, table, periods))


def _services(
    periods: Mapping[str, Sequence[ServicePeriod]], channels: Sequence[BilledChannel]
) -> list[Service]:
    """Return the periods that a meter measured, each with its channels."""
    found: dict[ServiceKey, list[BilledChannel]] = {}
    for channel in channels:
        found.setdefault((channel.usage_point_id, channel.period), []).append(channel)
    return [
        Service(period, tuple(found[period.usage_point_id, period.number]))
        for place in periods.values()
        for period in place
        if (period.usage_point_id, period.number) in found
    ]


def _waiting(ready: Sequence[BillingDeterminant], terms: Terms | None) -> Iterator[BillingBlock]:
    """Yield why the channels that could be billed are not."""
    reason, detail = BlockReason.OTHER_METER, "another channel of the service is not ready"
    if terms is None:
        reason, detail = BlockReason.NO_TERMS, "its rate schedule is none of config/policy"
    for row in ready:
        yield _block(row, reason, detail)


def _block(row: BillingDeterminant, reason: BlockReason, detail: str) -> BillingBlock:
    return BillingBlock(row.channel_id, row.badge, reason.value, f"{row.reading_type}: {detail}")
