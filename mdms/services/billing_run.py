"""Freeze what each meter used in a bill window, say what blocks the rest, hand out the files."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from mdms.billing.channels import BilledChannel, billed_channels
from mdms.billing.determinants import determine, intervals_needed_from_s
from mdms.billing.formats import csv_v1
from mdms.billing.registers import CARRY_S_MAX, NEAREST_S_MAX, Quality
from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN, BillWindow
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.time import Period, from_epoch_s
from mdms.ports.billing import BillingBlock, ExportSink
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.bill_checks import BillChecks
from mdms.services.vee_rulesets import editions
from mdms.telemetry import metrics
from vee.rules import RuleSet

log = structlog.get_logger(__name__)

CHANNELS_PER_BLOCK: Final = 256
"""About 800,000 interval rows of 15 minutes: 50 MB, and a transaction of half a second."""

_READS_BEFORE: Final = timedelta(seconds=CARRY_S_MAX)
_READS_AFTER: Final = timedelta(seconds=NEAREST_S_MAX)

Finalize = Callable[[date, date], Awaitable[None]]
"""Runs the final validation and estimation of the local days first..last, both included."""


@dataclass(frozen=True, slots=True)
class FreezeResult:
    """What one freeze did: channels newly frozen, frozen before, and blocked, by reason; flags."""

    window: BillWindow
    frozen: int
    already_frozen: int
    blocked: Mapping[str, int]
    flagged: Mapping[str, int]
    """What the period rules found, by rule; V50 counts days, the others bills."""


class BillingService:
    """
    Bill windows, from validated reads to files.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        zone: Where the utility's days begin.
        finalize: Makes the window's estimates final before its freeze.
        rules: The rule set that the installation ships with.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
        finalize: Finalize,
        rules: RuleSet,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._finalize = finalize
        self._rules = rules

    async def freeze(
        self, window_start: date, window_end: date, *, any_length: bool = False
    ) -> FreezeResult:
        """
        Freeze every channel that is ready; what is frozen stays, what is blocked is tried again.

        Every block of channels is a transaction of its own, so an interrupted freeze goes on
        where it stopped. All blocks see the reads as they were known at one instant.

        Args:
            window_start: Day of the opening read, at local midnight.
            window_end: Day of the closing read, at local midnight.
            any_length: Also take windows that are shorter or longer than a billing period.

        Raises:
            UsageError: The window is no billing period.
            OperatorError: The window is not over, or its days were never validated.
        """
        window = _window(window_start, window_end)
        self._refuse_what_is_no_bill(window, any_length=any_length)
        await self._finalize(window.start, window.last_day)
        as_of = self._clock.now()
        async with self._unit_of_work() as work:
            last_run = await work.vee.last_run()
            done = {
                row.channel_id for row in await work.billing.determinants(window.start, window.end)
            }
            table, registry = await work.registry.channels(), await work.registry.load()
            rules = (await editions(work, self._rules)).on(window.last_day)
        if last_run is None:
            raise OperatorError("no day has been validated yet; run `mdms vee run` first")
        channels = billed_channels(window, self._zone, table, registry)
        checks = BillChecks.of(window, rules, table, registry)
        waiting = [channel for channel in channels if channel.channel_id not in done]
        frozen, blocked = 0, list[BillingBlock]()
        for block in _blocks(waiting):
            count, refused = await self._freeze_block(checks, block, as_of, last_run.ruleset_hash)
            frozen += count
            blocked += refused
        async with self._unit_of_work() as work:
            await work.billing.freeze(window.start, window.end, (), blocked, as_of)
        metrics.BILLING_FROZEN.inc(frozen)
        metrics.BILLING_BLOCKED.set(len(blocked))
        log.info(
            "billing.window.frozen",
            window_start=str(window.start),
            window_end=str(window.end),
            frozen_count=frozen,
            already_frozen_count=len(done),
            blocked_count=len(blocked),
            **checks.flagged,
        )
        reasons = Counter(block.reason for block in blocked)
        return FreezeResult(window, frozen, len(done), reasons, checks.flagged)

    async def status(self) -> list[dict[str, Any]]:
        """
        Return, for every window, how many channels are frozen and one row for each blocked one.

        Rows have window_start, window_end, outcome (`frozen` or a BlockReason), channels (how
        many the row speaks of), meter and detail.
        """
        rows: list[dict[str, Any]] = []
        async with self._unit_of_work() as work:
            for start, end in await work.billing.windows():
                frozen = await work.billing.determinants(start, end)
                estimated = sum(row.quality != Quality.ACTUAL for row in frozen)
                detail = f"{estimated} not on two actual registers" if estimated else ""
                rows.append(_status_row(start, end, "frozen", channels=len(frozen), detail=detail))
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
        window = _window(window_start, window_end)
        async with self._unit_of_work() as work:
            known = (window.start, window.end) in await work.billing.windows()
            determinants = await work.billing.determinants(window.start, window.end)
        if not known:
            raise NotFoundError(
                f"the bill window {window.start} to {window.end} was never frozen; "
                "`mdms billing status` lists those that were"
            )
        return await asyncio.to_thread(csv_v1.files, window, determinants, self._zone)

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
                f"{window.start} to {window.end} has {window.service_days}"
            )
        if self._clock.now() < window.period(self._zone).end_utc:
            raise OperatorError(
                f"the bill window {window.start} to {window.end} is not over; "
                f"freeze it on {window.end} or later"
            )

    async def _freeze_block(
        self,
        checks: BillChecks,
        channels: Sequence[BilledChannel],
        as_of: datetime,
        ruleset_hash: str,
    ) -> tuple[int, list[BillingBlock]]:
        """Load, determine, check and store one block of channels of one interval length."""
        window = checks.window
        period = window.period(self._zone)
        ids = [channel.channel_id for channel in channels]
        async with self._unit_of_work() as work:
            registers = await work.readings.registers(
                Period(period.start_utc - _READS_BEFORE, period.end_utc + _READS_AFTER),
                channel_ids=ids,
                as_of=as_of,
            )
            needed_from = from_epoch_s(intervals_needed_from_s(channels, registers))
            intervals = await work.readings.intervals(
                Period(needed_from, period.end_utc), channel_ids=ids, as_of=as_of
            )
            determinants, blocked = await asyncio.to_thread(
                determine, window, channels, intervals, registers, ruleset_hash=ruleset_hash
            )
            ready, held = await checks.sort_out(work, determinants, as_of)
            await work.billing.freeze(window.start, window.end, ready, (), as_of)
        return len(ready), [*blocked, *held]


def _window(start: date, end: date) -> BillWindow:
    try:
        return BillWindow(start, end)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _blocks(channels: Sequence[BilledChannel]) -> Iterator[Sequence[BilledChannel]]:
    """Yield channels by database number, so that a block reads neighbouring rows."""
    ordered = sorted(channels, key=attrgetter("channel_id"))
    for first in range(0, len(ordered), CHANNELS_PER_BLOCK):
        yield ordered[first : first + CHANNELS_PER_BLOCK]


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
