"""
The figures of a leak credit (Rule 11.L) with what they rest on: frozen bills, and the case.

The system works out and shows; who decides is a person.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from mdms.domain.errors import UsageError
from mdms.domain.facts import Subject
from mdms.domain.leaks import LeakCase
from mdms.domain.reading_types import GALLONS_PER_CCF
from mdms.domain.time import local_day
from mdms.policy import bill_dates, leak_credit
from mdms.policy.case import Case
from mdms.policy.facts import read_value
from mdms.policy.leak_credit import LeakBill, LeakRequest, Repair
from mdms.policy.leak_excess import WaterPeriod
from mdms.ports.clock import Clock
from mdms.ports.leaks import WaterBill
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.leaks import found

REPAIRED_DAYS: Final = 14
"""A leak that was cleared and stayed away for so long was repaired; vee.md 7.10."""

_CENTI_CCF: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRequest:
    """
    What a customer states.

    Attributes:
        tier1_rate: Commodity rate of the first tier [$ per ccf].
        asked_on: None for today.
        issued_on: When the leak's last bill was issued; None: when its window ended. Its other
            bills were issued as long after their windows.
        last_credit_on: None: what the fact `leak_credit_on` of the account says, if anything.
        repair: None: the meter's own flow is asked.
        cause_determined: Whether a plumber or the utility knows which leak it was.
        approved: What the General Manager or a delegate decided; None before.
    """

    tier1_rate: Decimal
    asked_on: date | None = None
    issued_on: date | None = None
    last_credit_on: date | None = None
    repair: Repair | None = None
    cause_determined: bool | None = None
    approved: bool | None = None


class LeakCreditService:
    """Works out credits."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def figures(self, leak_id: str, request: CreditRequest) -> dict[str, Any]:
        """
        Return what a request comes to, with its evidence, as plain values.

        Raises:
            NotFoundError: There is no such leak.
            UsageError: It is no water, or no bill was frozen over it.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            case = await found(work, leak_id)
            bills = await work.leaks.bills(case.channel_id)
            steps = await work.leaks.steps(case.channel_id, case.episode)
            lately = await work.leaks.cases(badge=case.badge, ended_since=case.began_at)
            stated = await self._credited_on(work, bills, now)
        if case.unit != "gal":
            raise UsageError(f"leak {leak_id} is gas: Rule 11.L credits water")
        raised = self._raised(case, bills)
        if not raised:
            raise UsageError(f"no bill was frozen yet over the days of leak {leak_id}")
        again = any(each.began_at > case.began_at for each in lately)
        cleared_days = None if case.ended_at is None else (now - case.ended_at).days
        seen = _repaired(case, cleared_days, again=again)
        rules = self._book.at(now)
        later = (request.issued_on or raised[-1].window_end) - raised[-1].window_end
        facts = LeakRequest(
            asked_on=request.asked_on or self._book.today(now),
            bills=tuple(
                LeakBill(bill_dates.due_on(bill.window_end + later, rules.bill), _period(bill))
                for bill in raised
            ),
            history=tuple(_period(bill) for bill in bills if bill not in raised),
            last_credit_on=request.last_credit_on or stated,
            repair=request.repair or seen,
            cause_determined=request.cause_determined,
            lost_ccf=_ccf(case.lost),
            tier1_rate=request.tier1_rate,
            approved=request.approved,
        )
        credit = leak_credit.judge(Case(facts, rules.leak_credit, now, self._book.calendar))
        return {
            "leak": leak_id,
            "decision": credit.decision.verdict.name,
            "code": credit.decision.code,
            "findings": [
                {"code": each.code, "clause": each.clause, "cure": each.cure}
                for each in credit.decision.findings
            ],
            "normal_ccf": str(credit.normal_ccf),
            "above_ccf": str(credit.above_ccf),
            "credited_ccf": str(credit.credited_ccf),
            "wastewater_ccf": str(credit.wastewater_ccf),
            "credit_usd": str(credit.credit_usd),
            "flags": list(credit.flags),
            "last_day_to_ask": [
                leak_credit.last_day_to_ask(bill.due_on, rules.leak_credit).isoformat()
                for bill in facts.bills
            ],
            "evidence": {
                "state": case.state,
                "began_at": case.began_at.isoformat(),
                "ended_at": None if case.ended_at is None else case.ended_at.isoformat(),
                "rate_gal_h": round(case.rate, 2),
                "rate_error_gal_h": round(case.rate_error, 2),
                "lost_gal": round(case.lost, 1),
                "lost_ccf": str(facts.lost_ccf),
                "repaired_by_the_meter": seen is Repair.REPAIRED,
                "bills": [_plain(bill) for bill in raised],
                "history": [_plain(bill) for bill in bills if bill not in raised],
                "steps": [f"{step.at.isoformat()} {step.signal or step.notice}" for step in steps],
            },
        }

    async def _credited_on(
        self, work: UnitOfWork, bills: Sequence[WaterBill], now: datetime
    ) -> date | None:
        """Return when the account was last credited, as the customer system stated it."""
        if not bills:
            return None
        facts = await work.facts.bearing({(Subject.ACCOUNT, bills[-1].account_id)}, now)
        values = [
            read_value(each, self._book.zone) for each in facts if each.fact == "leak_credit_on"
        ]
        return max((each for each in values if isinstance(each, date)), default=None)

    def _raised(self, case: LeakCase, bills: Sequence[WaterBill]) -> list[WaterBill]:
        """Return the bills over whose days the leak ran."""
        zone = self._book.zone
        first = local_day(case.began_at, zone)
        last = local_day(case.ended_at or case.updated_at, zone)
        return [bill for bill in bills if bill.window_start <= last and bill.window_end > first]


def _repaired(case: LeakCase, cleared_days: int | None, *, again: bool) -> Repair | None:
    """Return what the meter itself shows; None where that is too early to say."""
    if case.state != "CLEARED" or cleared_days is None:
        return Repair.NOT_REPAIRED if case.ended_at is None else None
    if again or cleared_days < REPAIRED_DAYS:
        return None
    return Repair.REPAIRED


def _period(bill: WaterBill) -> WaterPeriod:
    return WaterPeriod(
        bill.window_start,
        bill.window_end,
        Decimal(bill.usage_units),
        irregular=bill.quality == "ESTIMATED",
    )


def _ccf(gallons: float) -> Decimal:
    exact = Decimal(f"{gallons:.3f}") / GALLONS_PER_CCF
    return exact.quantize(_CENTI_CCF, rounding=ROUND_HALF_UP)


def _plain(bill: WaterBill) -> dict[str, Any]:
    return {name: str(value) for name, value in asdict(bill).items()}
