"""
Customer Reads Own Meter by the calendar.

Windows that close with or without a reading, what is due when, and the utility's own read once a
year.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog

from mdms.billing.registers import NEAREST_S_MAX
from mdms.billing.window import SERVICE_DAYS_MIN
from mdms.domain.programme import Enrolment, EnrolmentState
from mdms.domain.readings import Source, Status
from mdms.domain.self_reads import SelfReadMonth
from mdms.domain.time import local_day, local_midnight, months_after, to_epoch_s
from mdms.policy.decision import Decision
from mdms.policy.estimate_basis import estimated_register
from mdms.policy.self_read import Month, judge_missing, judge_verification, missing_in_a_row
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.acting import Act
from mdms.services.customer_rules import CustomerBook
from mdms.services.optout_days import PROGRAMME
from mdms.services.optout_meters import raise_task
from mdms.services.self_read_history import (
    NewRegister,
    Registers,
    SelfReadChannel,
    append_register,
    read_channel,
)

_NEXT_DAYS: Final = 30
"""From one reading to the next, while no bill window says better."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _ReadMeter:
    """A meter whose customer reads it."""

    enrolment: Enrolment
    channel: SelfReadChannel
    usage_point_id: str


class SelfReadMonths:
    """
    Closes windows and keeps the calendar of what is due.

    Args:
        unit_of_work: Opens a transaction; each enrolment has its own.
        clock: Says which day it is.
        book: The rules of the programme.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def close(
        self, window_start: date, window_end: date, *, channel_ids: Collection[int] | None = None
    ) -> int:
        """
        Close a bill window [start, end): what was not read is estimated; return how many were.

        Closing it again changes nothing.

        Args:
            window_start: Its first local day.
            window_end: The day after its last.
            channel_ids: Whose window it is; None: everybody's.
        """
        estimated = 0
        for enrolment in await self._in_force():
            if enrolment.from_on is None or enrolment.from_on >= window_end:
                continue
            async with self._unit_of_work() as work:
                act = self._act(work)
                for each in await self._meters(act, enrolment):
                    if channel_ids is None or each.channel.channel_id in channel_ids:
                        estimated += await self._close(act, each, window_start, window_end)
        log.info("selfread.window.closed", window_end=str(window_end), estimated=estimated)
        return estimated

    async def run(self) -> None:
        """Ask for the utility's own reads that are due by today."""
        for enrolment in await self._in_force():
            async with self._unit_of_work() as work:
                act = self._act(work)
                for each in await self._meters(act, enrolment):
                    decision, due_on = await self._verification(act, each)
                    for refusal in decision.refusals:
                        await raise_task(
                            act,
                            enrolment.account_id,
                            each.channel.badge,
                            due_on.isoformat(),
                            refusal,
                        )

    async def due(self) -> list[dict[str, Any]]:
        """Return, for every meter that its customer reads, what is due when."""
        rows = []
        for enrolment in await self._in_force():
            async with self._unit_of_work() as work:
                act = self._act(work)
                rows += [await self._row(act, each) for each in await self._meters(act, enrolment)]
        return sorted(rows, key=lambda row: (row["due_on"], row["meter"]))

    def _act(self, work: UnitOfWork) -> Act:
        now = self._clock.now()
        return Act(work, PROGRAMME, now, self._book.today(now))

    async def _in_force(self) -> list[Enrolment]:
        async with self._unit_of_work() as work:
            return list(await work.programme.every({EnrolmentState.IN_FORCE}))

    async def _meters(self, act: Act, enrolment: Enrolment) -> list[_ReadMeter]:
        meters = []
        for service in enrolment.enrolled:
            place = await act.work.registry.place(service.usage_point_id, act.now)
            if place is None:
                continue
            badge = place.meter.badge
            channel = read_channel(await act.work.registry.channels_of([badge]), badge)
            if channel is not None:
                meters.append(_ReadMeter(enrolment, channel, service.usage_point_id))
        return meters

    async def _close(self, act: Act, each: _ReadMeter, start: date, end: date) -> bool:
        """Close the window of one meter; return whether it had to be estimated."""
        channel_id = each.channel.channel_id
        months = await act.work.self_reads.months(channel_id)
        if any(month.window_end == end for month in months):
            return False
        end_at = local_midnight(end, self._book.zone)
        end_s = to_epoch_s(end_at)
        known = await Registers.load(act.work, each.channel, end_s + NEAREST_S_MAX)
        last = known.actual.last
        if last is not None and last[0] >= end_s - NEAREST_S_MAX:
            read = SelfReadMonth(channel_id, start, end, Month.ACCEPTED.value, "", last[1], act.now)
            await _keep(act, each, read)
            return False
        sent = any(
            start <= local_day(read.read_at, self._book.zone) <= end
            for read in await act.work.self_reads.of_channel(channel_id)
        )
        basis, register = await self._estimate(act, known.until(end_s), end_at)
        outcome = Month.IMPLAUSIBLE if sent else Month.MISSING
        month = SelfReadMonth(channel_id, start, end, outcome.value, basis, register, act.now)
        await _keep(act, each, month)
        # A window that overlaps the one before is no month of its own.
        if not months or (end - months[-1].window_end).days >= SERVICE_DAYS_MIN:
            decision = judge_missing(
                [*(Month(month.outcome) for month in months), outcome],
                self._book.at(act.now).self_read,
            )
            for refusal in decision.refusals:
                await raise_task(
                    act, each.enrolment.account_id, each.channel.badge, end.isoformat(), refusal
                )
        return True

    async def _estimate(
        self, act: Act, known: Registers, end_at: datetime
    ) -> tuple[str, int | None]:
        """Append the register that history leads to; nothing where there is no history."""
        estimate = known.expected(to_epoch_s(end_at), self._book.at(act.now).estimate)
        if estimate is None or known.last is None:
            return "", None
        channel = known.channel
        register = estimated_register(
            known.last[1],
            estimate.usage * channel.kind.quanta_per_billing_unit,
            multiplier=channel.multiplier,
            modulus=channel.modulus,
        )
        row = NewRegister(end_at, register, Source.VEE, Status.ESTIMATED)
        await append_register(act, channel, row)
        return estimate.basis.value, register

    async def _verification(self, act: Act, each: _ReadMeter) -> tuple[Decision, date]:
        reads = await act.work.self_reads.of_channel(each.channel.channel_id)
        assert each.enrolment.from_on is not None, "it is in force"
        verified_on = max(
            [
                each.enrolment.from_on,
                *(local_day(read.read_at, self._book.zone) for read in reads if read.verifies),
            ]
        )
        rules = self._book.at(act.now).self_read
        due_on = months_after(verified_on, rules.verify_months)
        return judge_verification(verified_on, act.today, rules), due_on

    async def _row(self, act: Act, each: _ReadMeter) -> dict[str, Any]:
        months = await act.work.self_reads.months(each.channel.channel_id)
        known = await Registers.load(act.work, each.channel, to_epoch_s(act.now))
        last = known.actual.last
        from_on = each.enrolment.from_on
        assert from_on is not None, "it is in force"
        closed_on = months[-1].window_end if months else from_on
        _, verify_on = await self._verification(act, each)
        return {
            "meter": each.channel.badge,
            "account": each.enrolment.account_id,
            "usage_point": each.usage_point_id,
            "closed_on": closed_on.isoformat(),
            "last_outcome": months[-1].outcome if months else "",
            "due_on": (closed_on + timedelta(days=_NEXT_DAYS)).isoformat(),
            "last_register": None if last is None else str(each.channel.units(last[1])),
            "unit": each.channel.kind.billing_unit,
            "missing_in_a_row": missing_in_a_row([Month(month.outcome) for month in months]),
            "verify_on": verify_on.isoformat(),
        }


async def _keep(act: Act, each: _ReadMeter, month: SelfReadMonth) -> None:
    if await act.work.self_reads.close(month):
        act.note(
            "selfread.month",
            each.channel.badge,
            window_end=month.window_end.isoformat(),
            outcome=month.outcome,
            basis=month.basis,
            register=month.register,
        )
