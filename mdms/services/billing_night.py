"""Every night, after VEE: do the reads still say what was billed?"""

from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import structlog

from mdms.billing.window import BillWindow
from mdms.policy.corrections import Treatment
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.billing_findings import Findings, audited
from mdms.services.billing_reckoning import bill_window
from mdms.services.customer_rules import CustomerBook
from vee.rules import RuleSet

log = structlog.get_logger()

_FOUND_BY: Final = "nightly"


class BillingNight:
    """
    Looks at frozen windows under which reads have moved: late actuals, edits, judged again.

    A finding that would replace a bill is a proposal until somebody lets the window be corrected;
    the others are what the rules say, as `BillingCorrections.correct` keeps them. The 30 days to
    tell the customer begin with the first finding.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        book: The rules that corrections go by.
        rules: The rule set that the installation ships with.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook, rules: RuleSet
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._findings = Findings(book, rules)

    async def run(self) -> int:
        """Look, a window and a transaction at a time; return how many findings are new."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            due = await work.corrections.overtaken()
        new_count = 0
        for (start, end), channel_ids in due.items():
            async with self._unit_of_work() as work:
                # before the reads: what moves from here on is noted again
                await work.corrections.looked_at(start, end)
                new_count += await self._look(work, bill_window(start, end), channel_ids, now)
        log.info("billing.corrections.looked_for", window_count=len(due), new_count=new_count)
        return new_count

    async def _look(
        self, work: UnitOfWork, window: BillWindow, channel_ids: frozenset[int], now: datetime
    ) -> int:
        table = await work.registry.channels()
        places = set(table.usage_point_id[np.isin(table.channel_id, list(channel_ids))].tolist())
        proposals = {
            (each.usage_point_id, each.period): each
            for each in await work.corrections.of_window(window.start, window.end)
            if each.proposed and each.usage_point_id in places
        }
        found = await self._findings.differences(work, window, now, channel_ids=channel_ids)
        findings = [
            await self._findings.correction(work, each, now, _FOUND_BY)
            for each in found
            if each.present is not None
        ]
        still = {(each.usage_point_id, each.period, each.new_hash) for each in findings}
        await work.corrections.withdraw(
            [each.number for key, each in proposals.items() if (*key, each.new_hash) not in still]
        )
        new_count = 0
        for each in findings:
            before = proposals.get((each.usage_point_id, each.period))
            finding = replace(
                each,
                proposed=each.treatment == Treatment.REPLACE,
                # told of the error in time, not of the latest guess how large it is
                notice_by=min(each.notice_by, before.notice_by) if before else each.notice_by,
            )
            number = await work.corrections.add(finding)
            if number is not None:
                new_count += 1
                work.audit.note(audited(replace(finding, number=number)))
        return new_count
