"""
Customer Reads Own Meter: take what customers read, judge it, bill what is plausible.

Whatever was sent is kept. What is accepted becomes a register read of source self_read; what is
not is asked for again, or a person decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from mdms.domain.controls import Refusal, new_id
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.programme import Enrolment, EnrolmentState
from mdms.domain.readings import Source, Status
from mdms.domain.self_reads import SelfRead
from mdms.domain.time import from_epoch_s, local_midnight, to_epoch_s
from mdms.policy.decision import Decision
from mdms.policy.self_read import Reading, judge_reading, judge_verified
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.acting import Act
from mdms.services.cells import free_text, identifier, instant, or_none
from mdms.services.customer_rules import CustomerBook
from mdms.services.optout_meters import raise_task
from mdms.services.self_read_history import (
    NewRegister,
    Registers,
    SelfReadChannel,
    append_register,
    read_channel,
)
from mdms.services.sheets import Fault, FilesRejectedError, Sheet, noun_of, records

_ACCEPTED_AFTER: Final = timedelta(days=35)
"""How old a reading may be when it comes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSent:
    """
    A row of self_reads.csv, or a request.

    Attributes:
        meter: Badge or usage point.
        register: What the display shows, in billing units.
        at: When it was read; None means now.
        evidence: Photo, letter, web form; may be empty.
        verifies: The utility read it.
    """

    meter: str
    register: Decimal
    at: datetime | None = None
    evidence: str = ""
    verifies: bool = False


def register(text: str) -> Decimal:
    """
    Read what a display shows.

    Raises:
        ValueError: It is no number, or a negative one.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text} is not what a register shows")
    return value


SELF_READS: Final = Sheet(
    "self_reads",
    ReadSent,
    ("meter", "at"),
    {"meter": identifier, "register": register, "at": or_none(instant), "evidence": free_text},
)
"""The file of self reads."""


class SelfReadService:
    """
    Takes readings of customers and gives them back.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times what is read now.
        book: The rules of the programme.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def add(self, sent: ReadSent, by: str) -> dict[str, Any]:
        """
        Take a reading and judge it.

        Raises:
            NotFoundError: No meter is called that.
            OperatorError: Its customer does not read it, or a later register is known already.
            UsageError: The meter cannot show that, or the time is out of bounds.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            return view(await self._take(Act(work, by, now, self._book.today(now)), sent))

    async def import_file(self, name: str, text: str, by: str) -> list[dict[str, Any]]:
        """
        Take a file of readings, all of its rows or none, and judge each.

        Raises:
            FilesRejectedError: A row is wrong; every wrong one is listed.
        """
        faults: list[Fault] = []
        sent: list[tuple[int, ReadSent]] = []
        for line, cells in records(SELF_READS, text, faults):
            row = noun_of(SELF_READS, line, cells, faults)
            if isinstance(row, ReadSent):
                sent.append((line, row))
        now = self._clock.now()
        taken = []
        async with self._unit_of_work() as work:
            act = Act(work, by, now, self._book.today(now))
            for line, row in sorted(sent, key=lambda each: each[1].at or now):
                try:
                    taken.append(view(await self._take(act, row)))
                except OperatorError as error:
                    faults.append(Fault(name, line, "register", str(error)))
            if faults:
                raise FilesRejectedError(sorted(fault._replace(file=name) for fault in faults))
        return taken

    async def accept(self, self_read_id: UUID, by: str, reason: str) -> dict[str, Any]:
        """
        Bill a reading that the rules did not accept: somebody made sure of it.

        Raises:
            NotFoundError: There is none that waits for it.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            act = Act(work, by, now, self._book.today(now))
            read = await work.self_reads.accept(self_read_id)
            if read is None:
                raise NotFoundError(f"no self read {self_read_id} waits for anybody")
            channel = await _channel(work, read.badge)
            await _store(act, channel, read)
            act.note("selfread.accepted", read.badge, read=str(self_read_id), reason=reason)
        return view(read)

    async def since(self, at: datetime) -> list[dict[str, Any]]:
        """Return what was received since an instant."""
        async with self._unit_of_work() as work:
            return [view(read) for read in await work.self_reads.every(at)]

    async def _take(self, act: Act, sent: ReadSent) -> SelfRead:
        read_at = (sent.at or act.now).replace(microsecond=0)
        if not act.now - _ACCEPTED_AFTER <= read_at <= act.now:
            raise UsageError(f"{read_at.isoformat()} lies ahead, or more than a bill ago")
        place = await act.work.registry.place(sent.meter, act.now)
        if place is None:
            raise NotFoundError(f"no meter or usage point {sent.meter!r} is in place")
        badge = place.meter.badge
        enrolment = await _enrolment(act.work, badge, place.meter.usage_point_id)
        channel = await _channel(act.work, badge)
        if channel.quanta(sent.register) >= channel.modulus:
            raise UsageError(f"meter {badge} has too few digits to show {sent.register}")
        known = (await Registers.load(act.work, channel, to_epoch_s(act.now))).actual
        if known.last is not None and known.last[0] > to_epoch_s(read_at):
            raise OperatorError(f"a register of {from_epoch_s(known.last[0])} is known already")
        decision = self._judge(act, known, sent, to_epoch_s(read_at))
        if sent.verifies:
            decision = await self._verify(act, known, sent, read_at, enrolment)
        read = SelfRead(
            self_read_id=new_id(act.now),
            channel_id=channel.channel_id,
            badge=badge,
            read_at=read_at,
            register=sent.register,
            evidence=sent.evidence,
            verifies=sent.verifies,
            received_at=act.now,
            received_by=act.by,
            accepted=decision.allowed,
            findings=decision.refusals,
        )
        if not await act.work.self_reads.add(read):
            raise OperatorError(f"this reading of {badge} is known already")
        act.note(
            "selfread.verified" if sent.verifies else "selfread.read",
            badge,
            register=str(sent.register),
            read_at=read_at.isoformat(),
            codes=list(decision.codes),
        )
        if read.accepted:
            await _store(act, channel, read)
        return read

    def _judge(self, act: Act, known: Registers, sent: ReadSent, at_s: int) -> Decision:
        rules, channel = self._book.at(act.now), known.channel
        expected = known.expected(at_s, rules.estimate)
        previous = channel.units(known.last[1]) if known.last else Decimal(0)
        normal = None if expected is None else expected.usage / channel.multiplier
        return judge_reading(
            Reading(register=sent.register, previous=previous, normal_usage=normal),
            rules.self_read,
        )

    async def _verify(
        self,
        act: Act,
        known: Registers,
        sent: ReadSent,
        read_at: datetime,
        enrolment: Enrolment,
    ) -> Decision:
        """Compare what the utility read with what the customer's readings lead to."""
        channel = known.channel
        rules = self._book.at(act.now)
        last = known.last
        chain = sent.register if last is None else channel.units(last[1])
        if last is not None:
            expected = known.expected(to_epoch_s(read_at), rules.estimate)
            chain += Decimal(0) if expected is None else expected.usage / channel.multiplier
        verified = [
            read.register
            for read in await act.work.self_reads.of_channel(channel.channel_id)
            if read.verifies
        ]
        assert enrolment.from_on is not None, "it is in force"
        began_s = to_epoch_s(local_midnight(enrolment.from_on, self._book.zone))
        before = known.until(began_s).last
        since = verified[-1] if verified else channel.units(before[1]) if before else chain
        decision = judge_verified(sent.register, chain, since, rules.self_read)
        for figure in decision.figures:
            # The next bill, which is a difference of registers, contains it.
            cure = f"the next bill adds {figure.value.normalize():f} {channel.kind.billing_unit}"
            what = Refusal(decision.code, decision.findings[0].clause, cure)
            await raise_task(
                act, enrolment.account_id, channel.badge, read_at.date().isoformat(), what
            )
        return decision


async def _enrolment(work: UnitOfWork, badge: str, usage_point_id: str) -> Enrolment:
    for each in await work.programme.every({EnrolmentState.IN_FORCE}):
        if usage_point_id in {service.usage_point_id for service in each.enrolled}:
            return each
    raise OperatorError(f"{badge} is not read by its customer: no opt-out is in force")


async def _channel(work: UnitOfWork, badge: str) -> SelfReadChannel:
    channel = read_channel(await work.registry.channels_of([badge]), badge)
    if channel is None:
        raise OperatorError(f"the registry knows no register of {badge}")
    return channel


async def _store(act: Act, channel: SelfReadChannel, read: SelfRead) -> None:
    source = Source.FILE if read.verifies else Source.SELF_READ
    row = NewRegister(read.read_at, channel.quanta(read.register), source, Status.VALIDATED)
    await append_register(act, channel, row)


def view(read: SelfRead) -> dict[str, Any]:
    """Return a reading as plain values."""
    return {
        "self_read_id": str(read.self_read_id),
        "meter": read.badge,
        "read_at": read.read_at.isoformat(),
        "register": str(read.register),
        "accepted": read.accepted,
        "codes": [reason.code for reason in read.findings],
        "cure": "; ".join(reason.cure for reason in read.findings),
        "verifies": read.verifies,
        "evidence": read.evidence,
        "received_at": read.received_at.isoformat(),
        "received_by": read.received_by,
    }
