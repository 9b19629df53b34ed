"""
A period that could not be read: estimated by Rule 10.A because a person says why, never in silence.

It rests on what was billed at the premises, whoever lived there and whichever meter measured it; on
what such customers used in the same window only where nothing was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import numpy as np

from mdms.billing.channels import BilledChannel
from mdms.billing.edges import billed_before
from mdms.billing.registers import (
    CARRY_S_MAX,
    IS_ESTIMATE,
    NEAREST_S_MAX,
    EdgeRegister,
    swap_read,
    usable,
)
from mdms.billing.service_parts import DIRECTIONS
from mdms.billing.units import unrounded_units
from mdms.billing.window import BillWindow
from mdms.domain.audit import AuditEntry
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.field_orders import FieldOrder
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import RegisterReads, Source, Status
from mdms.domain.time import from_epoch_s, local_day, local_midnight, to_epoch_s, to_epoch_us
from mdms.policy.estimate_basis import (
    Basis,
    estimated_register,
)
from mdms.policy.reading import EstimateReason, judge_estimate
from mdms.ports.billing import BilledService, BillingEstimate
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.billing_reckoning import (
    BILLS_BEFORE,
    Reckoning,
    Service,
    bill_window,
    reads_of,
)
from mdms.services.customer_rules import CustomerBook
from mdms.services.premise_history import PremiseHistory, newest
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class _Act:
    """Who has something estimated, and why."""

    reason: EstimateReason
    by: str
    at: datetime


class BillingEstimates:
    """
    Estimates what could not be read.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        book: The rules that estimates go by.
        rules: The rule set that the installation ships with.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook, rules: RuleSet
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._rules = rules

    async def estimate(
        self, meter: str, window_start: date, window_end: date, reason: EstimateReason, by: str
    ) -> list[dict[str, Any]]:
        """
        Estimate the register of every channel of a meter at the end of a window.

        The window's next freeze bills by it, without the intervals that are missing.

        Raises:
            NotFoundError: The meter is in no service of the window.
            OperatorError: A register was read near the window's end, the window is estimated
                already or not over, or nothing is known to estimate from.
        """
        window = bill_window(window_start, window_end)
        now = self._clock.now()
        if now < window.period(self._book.zone).end_utc:
            raise OperatorError(f"the window is not over; estimate it on {window.end} or later")
        async with self._unit_of_work() as work:
            reckoning = await Reckoning.prepare(work, window, now, self._book, self._rules)
            service = _service_of(meter, reckoning.services, window.end)
            channels = [each for each in service.channels if each.badge == meter]
            past = [each for each, _ in await work.billing.services_of(channels[0].usage_point_id)]
            alike = await self._alike(work, reckoning, service)
            history = PremiseHistory(window, newest(past), alike)
            decision = judge_estimate(reason, history.estimated_running, self._book.at(now).reading)
            made = [
                await self._estimate(work, window, each, history, _Act(reason, by, now))
                for each in channels
            ]
            sent = "field order" in decision.follow_ups and await work.field_orders.open(
                FieldOrder(
                    field_order_id=uuid4(),
                    badge=meter,
                    usage_point_id=service.period.usage_point_id,
                    control_id=None,
                    reason=decision.code,
                    detail=f"read the register: {window.start} to {window.end} was estimated",
                    is_safety=False,
                    opened_at=now,
                )
            )
        return [
            _view(each, channel, decision.code, sent=sent)
            for each, channel in zip(made, channels, strict=True)
        ]

    async def _alike(
        self, work: UnitOfWork, reckoning: Reckoning, service: Service
    ) -> list[BilledService]:
        """Return what customers of the same class are billed in the same window."""
        classes = {
            each.usage_point_id: each.service_class for each in reckoning.registry.usage_points
        }
        wanted = classes[service.period.usage_point_id]
        window = reckoning.window
        return [
            each
            for each in await work.billing.services(window.start, window.end)
            if classes.get(each.usage_point_id) == wanted
        ]

    async def _estimate(
        self,
        work: UnitOfWork,
        window: BillWindow,
        channel: BilledChannel,
        history: PremiseHistory,
        act: _Act,
    ) -> BillingEstimate:
        """Estimate one channel and append the register that it leads to."""
        now = act.at
        end_at = local_midnight(window.end, self._book.zone)
        known = await work.readings.registers(
            reads_of(window, self._book.zone), channel_ids=[channel.channel_id]
        )
        last = await self._last(work, window, channel, usable(known.current(), channel))
        kind = READING_TYPES[channel.reading_type]
        name = f"{DIRECTIONS[kind.channel]}_{kind.billing_unit.lower()}"
        days = (window.end - local_day(from_epoch_s(last.at_s), self._book.zone)).days
        found = history.estimate(name, days, self._book.at(now).estimate)
        register = estimated_register(
            last.value,
            found.usage * kind.quanta_per_billing_unit,
            multiplier=channel.multiplier,
            modulus=channel.register_modulus,
        )
        made = BillingEstimate(
            channel_id=channel.channel_id,
            window_start=window.start,
            window_end=window.end,
            reason=act.reason.value,
            basis=found.basis.value,
            usage=found.usage,
            days=days,
            register=register,
            estimated_at=now,
            estimated_by=act.by,
        )
        if not await work.billing.estimate(made):
            raise OperatorError(f"{channel.badge} is estimated already in this window")
        await work.readings.append_register_versions(
            _row(channel.channel_id, to_epoch_s(end_at), register, to_epoch_us(now), known)
        )
        work.audit.note(
            AuditEntry(
                now,
                "billing.estimated",
                channel.badge,
                act.by,
                {
                    "window_end": str(window.end),
                    "reading_type": channel.reading_type,
                    "reason": made.reason,
                    "basis": made.basis,
                    "usage": str(made.usage),
                    "register": register,
                },
            )
        )
        return made

    async def _last(
        self,
        work: UnitOfWork,
        window: BillWindow,
        channel: BilledChannel,
        reads: RegisterReads,
    ) -> EdgeRegister:
        """Return the newest register that is known: read in the window, or billed before it."""
        near_s = channel.read_end_s - NEAREST_S_MAX
        read = swap_read(
            channel.read_start_s - CARRY_S_MAX,
            channel.read_end_s + NEAREST_S_MAX,
            reads.take(~IS_ESTIMATE[reads.status]),
            last=True,
        )
        if read is not None and read.at_s >= near_s:
            raise OperatorError(
                f"{channel.badge} was read at {from_epoch_s(read.at_s)}: that is billed, freeze it"
            )
        billed = billed_before(
            channel,
            await work.billing.before(
                [channel.channel_id], since=window.start - BILLS_BEFORE, until=window.start
            ),
        )
        found = [each for each in (read, billed) if each is not None]
        if not found:
            raise OperatorError(f"{channel.badge} has no register to start from; read it once")
        return max(found, key=lambda each: each.at_s)


def _service_of(meter: str, services: Sequence[Service], end: date) -> Service:
    """Return the service that a meter measures at a window's end."""
    for service in services:
        if service.period.to_on == end and any(each.badge == meter for each in service.channels):
            return service
    raise NotFoundError(f"no meter {meter!r} measured a service on the eve of {end}")


def _row(
    channel_id: int, at_s: int, value: int, recorded_us: int, known: RegisterReads
) -> RegisterReads:
    """Return a register to append; version 0 is left to what may yet be received."""
    there = known.version[known.at_s == at_s]
    return RegisterReads(
        channel_id=np.array([channel_id], np.int32),
        at_s=np.array([at_s], np.int64),
        version=np.array([max(1, int(there.max(initial=0)) + 1)], np.int16),
        value=np.array([value], np.int64),
        status=np.array([Status.ESTIMATED.code], np.uint8),
        recorded_us=np.array([recorded_us], np.int64),
        source=np.array([Source.VEE], np.int16),
    )


def _view(
    made: BillingEstimate, channel: BilledChannel, code: str, *, sent: bool
) -> dict[str, Any]:
    kind = READING_TYPES[channel.reading_type]
    return {
        "meter": channel.badge,
        "reading_type": channel.reading_type,
        "code": code,
        "reason": made.reason,
        "basis": made.basis,
        "needs_review": made.basis == Basis.CLASS,
        "days": made.days,
        "usage": str(made.usage),
        "unit": kind.billing_unit,
        "register": str(unrounded_units(made.register, kind)),
        "field_order": sent,
    }
