"""
What the opt-out programme does every day.

The fee of the month, forms that did not come, accounts that left, meters that were replaced,
causes that a person should look at. Each step may be repeated: what was done is not done again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from mdms.domain.programme import UNDECIDED, Enrolment, EnrolmentState
from mdms.domain.registry import Radio
from mdms.domain.time import months_after
from mdms.policy.optout_fees import OptoutTerm, monthly_fee
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services import optout_meters
from mdms.services.acting import Act
from mdms.services.customer_rules import CustomerBook
from mdms.services.enrolment import scene
from mdms.services.optouts import OptoutService

PROGRAMME: Final = "opt-out programme"

log = structlog.get_logger()


class OptoutDays:
    """
    Does what is due by the day.

    Args:
        unit_of_work: Opens a transaction; each enrolment has its own.
        clock: Says which day it is.
        book: The rules of the programme.
        optouts: Decides what is undecided.
        on_change: Told when opt-outs began or ended.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        book: CustomerBook,
        optouts: OptoutService,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book
        self._optouts = optouts
        self._on_change = on_change

    async def run(self) -> None:
        """Do what is due by now."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            undecided = await work.programme.every(UNDECIDED)
            in_force = await work.programme.every({EnrolmentState.IN_FORCE})
        for each in undecided:
            async with self._unit_of_work() as work:
                locked = await work.programme.lock(each.enrolment_id)
                if locked is not None and locked.state in UNDECIDED:
                    await self._optouts.decide(self._act(work, now), locked)
        for each in in_force:
            async with self._unit_of_work() as work:
                locked = await work.programme.lock(each.enrolment_id)
                if locked is not None and locked.state is EnrolmentState.IN_FORCE:
                    await self._look_after(self._act(work, now), locked)
        self._on_change()
        log.info("optout.day.done", undecided=len(undecided), in_force=len(in_force))

    def _act(self, work: UnitOfWork, now: datetime) -> Act:
        return Act(work, PROGRAMME, now, self._book.today(now))

    async def _look_after(self, act: Act, enrolment: Enrolment) -> None:
        account = await act.work.programme.lock_account(enrolment.account_id, act.today)
        assert account is not None, "accounts are never deleted"
        found = await scene(act.work, enrolment, account, self._book, act.now)
        if found is None:
            await optout_meters.bring_back(act, enrolment, EnrolmentState.ENDED, "OO_END_ACCOUNT")
            return
        await self._charge_month(act, enrolment.account_id)
        for usage_point_id in (each.usage_point_id for each in enrolment.enrolled):
            supply = found.supplies.get(usage_point_id)
            # A legacy meter that was replaced comes with its radio off (OO_REPLACE_RADIO_OFF).
            if supply is not None and supply.meter.radio is not Radio.NONE:
                await optout_meters.opt_out(act, enrolment, supply.meter.badge)
        for refusal in found.review().refusals:
            what = replace(refusal, cure=f"{refusal.cure}: `mdms optout revoke`, or `optout done`")
            await optout_meters.raise_task(
                act, enrolment.account_id, str(enrolment.enrolment_id), refusal.cure, what
            )

    async def _charge_month(self, act: Act, account_id: str) -> None:
        first = act.today.replace(day=1)
        terms = [
            OptoutTerm(each.from_on, each.until_on)
            for each in await act.work.programme.of_account(account_id)
            if each.from_on is not None
        ]
        rules = self._book.at(act.now).optout.fees
        fee = monthly_fee(account_id, first, months_after(first, 1), terms, rules)
        if fee is not None:
            await optout_meters.charge(act, account_id, [fee])
