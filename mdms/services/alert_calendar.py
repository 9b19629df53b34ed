"""What customers are told by the calendar: bills, and registers that they read themselves."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog

from mdms.domain.alerts import BillStated, CustomerAlert
from mdms.domain.controls import new_id
from mdms.domain.time import local_day
from mdms.policy.alerts import Alert, Planned, bill_alerts, self_read_alerts, send_at
from mdms.policy.self_read import Month
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.self_read_months import SelfReadMonths
from mdms.telemetry import metrics

log = structlog.get_logger()

_LOOK_BACK: Final = timedelta(days=3)
"""So long after a night that failed its alerts are still made; what was told is not told again."""


class AlertCalendar:
    """
    Puts what is due today into the outbox (policy.md 5.3).

    Of bills it knows what the customer system stated: issued, due, and what is past due.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        book: The rules between utility and customer.
        months: Says which customers' own readings are due.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        book: CustomerBook,
        months: SelfReadMonths,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._months = months

    async def run(self) -> int:
        """Make the alerts of today; return how many are new."""
        now = self._clock.now()
        due = await self._months.due()
        async with self._unit_of_work() as work:
            stated = await work.alerts.bills(now)
            alerts = [alert for bill in stated for alert in self._of_bill(bill, now)]
            alerts += [alert for row in due for alert in self._of_reading(row, now)]
            made = await work.alerts.put(alerts) if alerts else 0
        metrics.ALERTS.labels("made").inc(made)
        log.info("alerts.calendar.made", alert_count=made)
        return made

    def _of_bill(self, bill: BillStated, now: datetime) -> Iterator[CustomerAlert]:
        rules, today = self._book.at(now).alert, self._book.today(now)
        whose = bill.account_id, None
        if bill.issued_on is not None and today - _LOOK_BACK <= bill.issued_on <= today:
            at = send_at(Alert.BILL_READY, now, rules, self._book.calendar)
            figures = {"issued_on": str(bill.issued_on)}
            if bill.due_on is not None:
                figures["due_on"] = str(bill.due_on)
            yield _alert(whose, Planned(Alert.BILL_READY, at), bill.issued_on, figures, now)
        if bill.due_on is None:
            return
        before, after = bill_alerts(bill.due_on, rules, self._book.calendar)
        figures = {"due_on": str(bill.due_on)}
        if self._is_due(before, now) and today <= bill.due_on:
            yield _alert(whose, before, bill.due_on, figures, now)
        if self._is_due(after, now) and bill.past_due > 0:
            figures = figures | {"past_due_usd": str(bill.past_due)}
            yield _alert(whose, after, bill.due_on, figures, now)

    def _of_reading(self, row: dict[str, Any], now: datetime) -> Iterator[CustomerAlert]:
        rules, calendar = self._book.at(now).alert, self._book.calendar
        whose = row["account"], row["usage_point"]
        due_on, closed_on = (date.fromisoformat(row[name]) for name in ("due_on", "closed_on"))
        before, _ = self_read_alerts(due_on, rules, calendar)
        if self._is_due(before, now):
            yield _alert(whose, before, due_on, {"due_on": str(due_on)}, now)
        _, after = self_read_alerts(closed_on, rules, calendar)
        if row["last_outcome"] == Month.MISSING and self._is_due(after, now):
            yield _alert(whose, after, closed_on, {"due_on": str(closed_on)}, now)

    def _is_due(self, planned: Planned, now: datetime) -> bool:
        """Return whether an alert goes out today, or should have in the last days."""
        today = self._book.today(now)
        return today - _LOOK_BACK <= local_day(planned.at, self._book.zone) <= today


def _alert(
    whose: tuple[str, str | None],
    planned: Planned,
    about: date,
    figures: dict[str, str],
    now: datetime,
) -> CustomerAlert:
    account_id, place = whose
    return CustomerAlert(
        alert_id=new_id(now),
        account_id=account_id,
        usage_point_id=place,
        kind=planned.alert.value,
        subject=str(about),
        figures=figures,
        made_at=now,
        due_at=planned.at,
    )
