"""Every night: what has been kept for its term goes."""

from datetime import date, datetime, timedelta

import structlog

from mdms.domain.time import local_midnight, months_after
from mdms.policy.retention import Record
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook

log = structlog.get_logger()


class RetentionService:
    """
    Drops raw messages, dead letters, looks, alerts, wishes, grants and figures whose term is over.

    Reads, decisions, bills and audit outlive seven years and stay; docs/admin/retention.md has
    every table.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what day it is.
        book: The rules that say how long what is kept.
        on_hold: A legal hold: nothing goes.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook, *, on_hold: bool
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._on_hold = on_hold

    async def run(self) -> None:
        """Drop the months of which every day has had its term."""
        if self._on_hold:
            log.info("retention.hold.respected")
            return
        now = self._clock.now()
        term = timedelta(days=self._book.at(now).retention.days[Record.UPLINK_MESSAGE])
        first_kept = local_midnight(self._book.today(now) - term, self._book.zone)
        portal_kept = self._first_kept(Record.PORTAL_LOG, now)
        intake_kept = self._first_kept(Record.INTAKE, now)
        board_kept = self._first_kept(Record.BOARD, now)
        async with self._unit_of_work() as work:
            month_count = await work.raw_messages.forget(first_kept)
            letter_count = await work.quarantine.forget(intake_kept)
            hole_count = await work.gaps.forget(intake_kept)
            look_count = await work.access_log.forget(portal_kept)
            alert_count = await work.alerts.forget(portal_kept)
            consent_kept = self._first_kept(Record.CONSENT, now)
            grant_count = await work.customers.forget_grants(consent_kept)
            wish_count = await work.alerts.forget_wishes(consent_kept)
            figure_count = await work.service_levels.forget(board_kept)
            figure_count += await work.grid_days.forget(board_kept)
        if month_count:
            log.info("retention.messages.dropped", month_count=month_count, before=first_kept)
        log.info(
            "retention.rows.dropped",
            letter_count=letter_count,
            hole_count=hole_count,
            look_count=look_count,
            alert_count=alert_count,
            grant_count=grant_count,
            wish_count=wish_count,
            figure_count=figure_count,
        )

    def _first_kept(self, record: Record, now: datetime) -> date:
        """Return the first day of which records with a term in months are kept."""
        months = self._book.at(now).retention.months[record]
        return months_after(self._book.today(now), -months)
