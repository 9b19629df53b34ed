"""What follows from the test of a meter: which bills it made wrong, by how many units (11.I)."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mdms.domain.errors import NotFoundError
from mdms.domain.time import local_day
from mdms.policy.adjustments import corrected_usage, judge_meter_test
from mdms.ports.billing import BilledService
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.premise_history import newest


class MeterTests:
    """
    Sets bills beside what a good meter would have shown; money is the customer system's.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        book: The limits that meters must keep, and how far back bills are corrected.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def figures(
        self, meter: str, *, error: Decimal | None, tested_on: date | None
    ) -> dict[str, Any]:
        """
        Return the ruling, and every bill since the day from which bills are corrected.

        Args:
            meter: Badge, or usage point.
            error: Share of the true quantity that it shows too much, negative for too little;
                None for a meter that stands still, whose bills a person estimates.
            tested_on: None for today.

        Raises:
            NotFoundError: There is no such meter in place.
        """
        now = self._clock.now()
        on = tested_on or self._book.today(now)
        async with self._unit_of_work() as work:
            place = await work.registry.place(meter, now)
            if place is None:
                raise NotFoundError(f"there is no meter {meter!r} in place")
            every = await work.billing.services_of(place.meter.usage_point_id)
        installed_on = local_day(place.meter.installed_at, self._book.zone)
        rules = self._book.at(now).adjustment
        ruling = judge_meter_test(place.commodity, error, on, installed_on, rules)
        since = ruling.correct_from
        bills = [] if since is None else _since(newest([each for each, _ in every]), since)
        return {
            "meter": place.meter.badge,
            "decision": ruling.decision.verdict.name,
            "code": ruling.decision.code,
            "follow_ups": list(ruling.decision.follow_ups),
            "correct_from": None if since is None else str(since),
            "bills": [row for each in bills for row in _rows(each, error)],
        }


def _since(bills: Sequence[BilledService], day: date) -> list[BilledService]:
    """Return the bills that end after a day: one that began before is corrected whole."""
    return [each for each in bills if each.to_on > day + timedelta(days=1)]


def _rows(bill: BilledService, error: Decimal | None) -> list[dict[str, Any]]:
    """Return each metered quantity as billed, and as a good meter would have had it billed."""
    rows = []
    for quantity, exact in bill.detail["exact"].items():
        corrected = None
        if error is not None:
            corrected = int(
                corrected_usage(Decimal(exact), error).quantize(Decimal(1), ROUND_HALF_UP)
            )
        rows.append(
            {
                "from_on": str(bill.from_on),
                "to_on": str(bill.to_on),
                "account": bill.account_id,
                "days": bill.service_days,
                "quantity": quantity,
                "billed": bill.quantities[quantity],
                "corrected": corrected,
                "change": None if corrected is None else corrected - bill.quantities[quantity],
            }
        )
    return rows
