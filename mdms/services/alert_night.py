"""Every night, after leaks were looked for: what customers are to be told goes into the outbox."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog

from mdms.domain.alerts import AlertWish, CustomerAlert, LeakNotice, WishKind
from mdms.domain.controls import new_id
from mdms.domain.time import Period
from mdms.policy.alerts import Alert, send_at
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.outgoing_reads import Wanted, blocks
from mdms.services.own_usage import Step, usage_series
from mdms.telemetry import metrics

log = structlog.get_logger()

_LOOK_BACK: Final = timedelta(days=7)
"""So long after a night that failed its leaks are still told; what was told is not told again."""

_WEEKS: Final = 4
_WEEKS_MIN: Final = 3
"""What is usual: the mean of the same weekday of the weeks before, where so many are whole."""

_KIND: Final = {WishKind.USAGE: Alert.USAGE, WishKind.HIGH_USE: Alert.HIGH_USE}


class AlertNight:
    """
    Makes alerts of leaks, and of days that customers asked to be told of.

    Of a meter that opted out there are no intervals, so that nothing is inferred from them.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        book: The rules between utility and customer: quiet hours.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def run(self) -> None:
        """Put what is new into the outbox; the same twice changes nothing."""
        now = self._clock.now()
        day = self._book.today(now) - timedelta(days=1)
        async with self._unit_of_work() as work:
            notices = await work.alerts.leak_notices(now - _LOOK_BACK)
            alerts = [self._of_leak(notice, now) for notice in notices]
            for wish in await work.alerts.wishes(day):
                figures = await self._crossed(work, wish, day)
                if figures is not None:
                    alerts.append(self._alert(wish, _KIND[wish.kind], str(day), figures, now))
            made = await work.alerts.put(alerts) if alerts else 0
        metrics.ALERTS.labels("made").inc(made)
        log.info("alerts.made", alert_count=made)

    def _of_leak(self, notice: LeakNotice, now: datetime) -> CustomerAlert:
        kind = Alert.BURST if notice.notice == "burst" else Alert.LEAK
        figures = {
            "notice": notice.notice,
            "at": notice.at.isoformat(),
            "rate_gal_h": f"{notice.rate:.1f}",
            "lost_gal": f"{notice.lost:.0f}",
        }
        subject = f"{notice.badge}-{notice.episode} {notice.notice} {notice.at.isoformat()}"
        return self._alert(notice, kind, subject, figures, now)

    def _alert(
        self,
        whose: AlertWish | LeakNotice,
        kind: Alert,
        subject: str,
        figures: dict[str, str],
        now: datetime,
    ) -> CustomerAlert:
        return CustomerAlert(
            alert_id=new_id(now),
            account_id=whose.account_id,
            usage_point_id=whose.usage_point_id,
            kind=kind.value,
            subject=subject,
            figures=figures,
            made_at=now,
            due_at=send_at(kind, now, self._book.at(now).alert, self._book.calendar),
        )

    async def _crossed(self, work: UnitOfWork, wish: AlertWish, day: date) -> dict[str, str] | None:
        """Return the figures of a day that a customer wants to be told of; None of any other."""
        zone = self._book.zone
        first = day - timedelta(weeks=_WEEKS if wish.kind is WishKind.HIGH_USE else 0)
        wanted = Wanted(Period.of_days(first, day, zone), wish.usage_point_id)
        found = [block async for block in blocks(work, wanted, zone)]
        series = usage_series(found, wish.usage_point_id, Step.DAY, zone)
        delivered = next((each for each in series if each["direction"] == "delivered"), None)
        if delivered is None:
            return None
        whole = self._whole_days(delivered)
        if (used := whole.get(day)) is None:
            return None
        weeks = (day - timedelta(weeks=number) for number in range(1, _WEEKS + 1))
        limit = _limit(wish, [whole[each] for each in weeks if each in whole])
        if limit is None or used <= limit:
            return None
        return {
            "day": day.isoformat(),
            "used": str(used),
            "limit": str(limit),
            "unit": str(delivered["unit"]),
        }

    def _whole_days(self, series: dict[str, Any]) -> dict[date, Decimal]:
        """Return the usage of the days of which no interval is missing."""
        whole = {}
        for value in series["values"]:
            day = date.fromisoformat(value["start"])
            period = Period.of_days(day, day, self._book.zone)
            if value["intervals"] == (period.end_s - period.start_s) // series["interval_s"]:
                whole[day] = Decimal(value["amount"])
        return whole


def _limit(wish: AlertWish, before: Sequence[Decimal]) -> Decimal | None:
    """Return what a day must pass to be told; None where what is usual is not known."""
    if wish.kind is WishKind.USAGE:
        return wish.threshold
    if len(before) < _WEEKS_MIN:
        return None
    usual = sum(before, Decimal(0)) / len(before)
    return (usual * (1 + wish.threshold / 100)).quantize(Decimal("0.001"))
