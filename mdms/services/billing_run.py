"""Freeze what each service used in a bill window, say what blocks the rest, hand out the files."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from mdms.billing.formats import csv_v1
from mdms.billing.formats.csv_extras import Extras
from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN, BillWindow
from mdms.domain.errors import OperatorError, UsageError
from mdms.ports.billing import BillingBlock, ExportSink
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.bill_checks import BillChecks
from mdms.services.billed import acknowledged, must_be_frozen
from mdms.services.billing_asked import not_billed_yet, of_cycle
from mdms.services.billing_reckoning import (
    CHANNELS_PER_BLOCK,
    Reckoning,
    Service,
    bill_window,
    blocks,
    services_in,
)
from mdms.services.customer_rules import CustomerBook
from mdms.telemetry import metrics
from vee.rules import RuleSet

log = structlog.get_logger(__name__)

Finalize = Callable[[date, date, Sequence[int]], Awaitable[None]]
"""Runs the final validation and estimation of the local days first..last, of some channels."""


@dataclass(frozen=True, slots=True)
class FreezeResult:
    """
    What one freeze did.

    Attributes:
        frozen: Channels newly frozen.
        already_frozen: Channels frozen before.
        services: Services newly frozen.
        blocked: Channels left out, by reason.
        flagged: What the period rules found, by rule; V50 counts days, the others bills.
    """

    window: BillWindow
    frozen: int
    already_frozen: int
    services: int
    blocked: Mapping[str, int]
    flagged: Mapping[str, int]


class BillingService:
    """
    Bill windows, from validated reads to files.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        book: The rules that bills go by, and the days of the utility.
        finalize: Makes the window's estimates final before its freeze.
        rules: The rule set that the installation ships with.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        book: CustomerBook,
        finalize: Finalize,
        rules: RuleSet,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._zone = book.zone
        self._finalize = finalize
        self._rules = rules

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        *,
        cycle: int | None = None,
        any_length: bool = False,
    ) -> FreezeResult:
        """
        Freeze every service that is ready; what is frozen stays, what is blocked is tried again.

        Every block of services is a transaction of its own, so an interrupted freeze goes on
        where it stopped. All blocks see the reads as they were known at one instant.

        Args:
            window_start: Day of the opening read, at local midnight.
            window_end: Day of the closing read, at local midnight.
            cycle: The services of this billing cycle only.
            any_length: Also take windows that are shorter or longer than a billing period.

        Raises:
            UsageError: The window is no billing period, or none of the cycle.
            OperatorError: The window is not over, or its days were never validated.
        """
        window = bill_window(window_start, window_end)
        self._refuse_what_is_no_bill(window, any_length=any_length)
        async with self._unit_of_work() as work:
            there = await services_in(work, window, self._book.zone)
            closing = await of_cycle(work, window, there, cycle)
        ids = {channel.channel_id for each in closing for channel in each.channels}
        await self._finalize(window.start, window.last_day, sorted(ids))
        as_of = self._clock.now()
        async with self._unit_of_work() as work:
            reckoning = await Reckoning.prepare(work, window, as_of, self._book, self._rules)
            asked = await of_cycle(work, window, reckoning.services, cycle)
            billed = await work.billing.services(window.start, window.end)
            elsewhere = await work.billing.billed_elsewhere(window.start, window.end)
        done = {(each.usage_point_id, each.period) for each in billed}
        already = sum(len(each.channels) for each in asked if each.key in done)
        waiting, doubled = not_billed_yet(
            [each for each in asked if each.key not in done], elsewhere, billed
        )
        checks = BillChecks.of(
            window, reckoning.rules, reckoning.table, reckoning.registry, self._book.zone
        )
        frozen, services, blocked = 0, 0, doubled
        for block in blocks(waiting, CHANNELS_PER_BLOCK):
            made = await self._freeze_block(reckoning, checks, block)
            frozen, services = frozen + made[0], services + made[1]
            blocked += made[2]
        blocked = list({each.channel_id: each for each in blocked}.values())
        await self._keep_blocked(window, asked, blocked)
        metrics.BILLING_FROZEN.inc(frozen)
        metrics.BILLING_BLOCKED.set(len(blocked))
        log.info(
            "billing.window.frozen",
            window_start=str(window.start),
            window_end=str(window.end),
            frozen_count=frozen,
            already_frozen_count=already,
            blocked_count=len(blocked),
            **checks.flagged,
        )
        reasons = Counter(block.reason for block in blocked)
        return FreezeResult(window, frozen, already, services, reasons, checks.flagged)

    async def status(self) -> list[dict[str, Any]]:
        """
        Return, for every window, how many channels are frozen and one row for each blocked one.

        Rows have window_start, window_end, outcome (`frozen` or a BlockReason), channels (how
        many the row speaks of), meter and detail.
        """
        rows: list[dict[str, Any]] = []
        async with self._unit_of_work() as work:
            for start, end in await work.billing.windows():
                summary = await work.billing.summary(start, end)
                said = f"{summary.not_actual} not on two actual registers"
                told = [said] if summary.not_actual else []
                told.append(await acknowledged(work, start, end, summary.digest))
                detail = "; ".join(told)
                rows.append(
                    _status_row(start, end, "frozen", channels=summary.parts, detail=detail)
                )
                rows += [
                    _status_row(start, end, block.reason, meter=block.badge, detail=block.detail)
                    for block in await work.billing.blocked(start, end)
                ]
        return rows

    async def files(self, window_start: date, window_end: date) -> dict[str, bytes]:
        """
        Return a frozen window's files by name, the manifest last; the same bytes each time.

        Raises:
            UsageError: The window ends before it starts.
            NotFoundError: The window was never frozen.
        """
        window = bill_window(window_start, window_end)
        async with self._unit_of_work() as work:
            await must_be_frozen(work, window)
            determinants = await work.billing.determinants(window.start, window.end)
            services = await work.billing.services(window.start, window.end)
            extras = Extras(
                await work.billing.switch_reads(
                    window.start, window.end, window.period(self._zone)
                ),
                await work.billing.events(window.start, window.end),
                await work.corrections.of_window(window.start, window.end),
            )
        return await asyncio.to_thread(
            csv_v1.files, window, determinants, self._zone, services=services, extras=extras
        )

    async def export(self, window_start: date, window_end: date, sink: ExportSink) -> list[str]:
        """Write a frozen window's files, the manifest last; return their names."""
        made = await self.files(window_start, window_end)
        for name, content in made.items():
            await asyncio.to_thread(sink.write, name, content)
        return list(made)

    def _refuse_what_is_no_bill(self, window: BillWindow, *, any_length: bool) -> None:
        if not (window.is_regular or any_length):
            raise UsageError(
                f"a bill window has {SERVICE_DAYS_MIN} to {SERVICE_DAYS_MAX} days, and "
                f"{window.start} to {window.end} has {window.service_days}; --any-length prorates"
            )
        if self._clock.now() < window.period(self._zone).end_utc:
            raise OperatorError(
                f"the bill window {window.start} to {window.end} is not over; "
                f"freeze it on {window.end} or later"
            )

    async def _freeze_block(
        self, reckoning: Reckoning, checks: BillChecks, block: Sequence[Service]
    ) -> tuple[int, int, list[BillingBlock]]:
        """Add up, check and store one block; count its channels and services, list what waits."""
        window = reckoning.window
        async with self._unit_of_work() as work:
            reckoned = await reckoning.reckon(work, block)
            ready, held = await checks.sort_out(work, reckoned, reckoning.as_of)
            await work.billing.add(
                window.start, window.end, ready.determinants, ready.services, reckoning.as_of
            )
        return len(ready.determinants), len(ready.services), [*ready.blocked, *held]

    async def _keep_blocked(
        self, window: BillWindow, asked: Sequence[Service], blocked: Sequence[BillingBlock]
    ) -> None:
        """Replace what blocks the services that were tried, and let fees go with the others."""
        tried = {channel.channel_id for service in asked for channel in service.channels}
        async with self._unit_of_work() as work:
            others = [
                each
                for each in await work.billing.blocked(window.start, window.end)
                if each.channel_id not in tried
            ]
            await work.billing.freeze(
                window.start, window.end, (), [*others, *blocked], self._clock.now()
            )
            await work.billing.carry_events(window.start, window.end)


def _status_row(
    start: date, end: date, outcome: str, *, channels: int = 1, meter: str = "", detail: str
) -> dict[str, Any]:
    return {
        "window_start": str(start),
        "window_end": str(end),
        "outcome": outcome,
        "channels": channels,
        "meter": meter,
        "detail": detail,
    }
