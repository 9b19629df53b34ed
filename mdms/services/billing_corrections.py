"""What reads have overtaken after a freeze: shown as a difference, then corrected by the rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mdms.domain.audit import AuditEntry
from mdms.domain.errors import NotFoundError, UsageError
from mdms.policy import adjustments
from mdms.policy.adjustments import Undercharge, WrongBill
from mdms.policy.corrections import CorrectionFlag, Ruling, Treatment
from mdms.ports.billing import Correction
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.billing_findings import Findings, audited, view
from mdms.services.billing_look_back import Difference
from mdms.services.billing_reckoning import bill_window
from mdms.services.controls import refusal_view
from mdms.services.customer_rules import CustomerBook
from vee.rules import RuleSet


class BillingCorrections:
    """
    Looks back at frozen windows.

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
        self._book = book
        self._findings = Findings(book, rules)

    async def diff(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> list[dict[str, Any]]:
        """
        Return what a window would come to by the reads known now, or at an instant, where differs.

        Rows have usage_point, period, account, revision, quantity, frozen, present, change,
        causes, treatment, flags and obstacle; nothing is stored. No quantity differs where only the
        days or the account do.

        Raises:
            NotFoundError: The window was never frozen.
        """
        now = self._clock.now()
        window = bill_window(window_start, window_end)
        rows: list[dict[str, Any]] = []
        async with self._unit_of_work() as work:
            for each in await self._findings.differences(work, window, as_of or now):
                ruling = await self._findings.ruling(work, each, now) if each.present else None
                rows += _rows(each, ruling)
        return rows

    async def correct(self, window_start: date, window_end: date, by: str) -> list[dict[str, Any]]:
        """
        Keep every difference of whole units, days or account, and replace what may be replaced.

        The same finding is kept once. Correct earlier windows first: a bill opens with what the
        one before ended with.

        Raises:
            NotFoundError: The window was never frozen.
        """
        window = bill_window(window_start, window_end)
        now = self._clock.now()
        made: list[Correction] = []
        async with self._unit_of_work() as work:
            for each in await self._findings.differences(work, window, now):
                if each.present is None:
                    continue
                correction = await self._findings.correction(work, each, now, by)
                number = await work.corrections.add(correction)
                if number is None:
                    continue
                made.append(replace(correction, number=number))
                work.audit.note(audited(made[-1]))
                if correction.treatment == Treatment.REPLACE:
                    await work.billing.add(
                        window.start, window.end, each.parts, [each.present], now
                    )
                    ids = [part.channel_id for part in each.parts]
                    # the bill after it opens with what this one now ends with
                    await work.corrections.overtake((window.end, now.date()), ids)
        return [view(each) for each in made]

    async def overtake(
        self, first_day: date, last_day: date, channel_ids: Sequence[int] | None
    ) -> None:
        """Note that reads of these local days may have moved; the night looks at their bills."""
        async with self._unit_of_work() as work:
            await work.corrections.overtake((first_day, last_day), channel_ids)

    async def every(self, *, untold_only: bool) -> list[dict[str, Any]]:
        """Return corrections, those first whose customers must be told soonest."""
        async with self._unit_of_work() as work:
            return [view(each) for each in await work.corrections.every(untold_only=untold_only)]

    async def told(self, number: int, by: str) -> dict[str, Any]:
        """
        Keep that the customer was told of a correction.

        Raises:
            NotFoundError: There is no such correction.
            UsageError: They were told already.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            correction = await _found(work, number)
            if not await work.corrections.told(number, now, by):
                raise UsageError(f"the customer was told of correction {number} already")
            work.audit.note(
                AuditEntry(now, "billing.told", correction.usage_point_id, by, {"number": number})
            )
            return view(await _found(work, number))

    async def limits(
        self,
        amounts_usd: Mapping[int, Decimal],
        *,
        established: bool | None,
        approved: bool | None,
    ) -> dict[str, Any]:
        """
        Return what of the money may be billed or is refunded, of corrections of one account.

        Args:
            amounts_usd: By how much the bill of each was wrong, by number; one incident.
            established: Whether cause and date of an undercharge are known.
            approved: What the General Manager or a delegate decided; None before.

        Raises:
            NotFoundError: There is no such correction.
            UsageError: They are of several accounts, or not all too low or all too high.
        """
        found_on = self._book.today(self._clock.now())
        rules = self._book.at(self._clock.now()).adjustment
        async with self._unit_of_work() as work:
            every = [await _found(work, number) for number in amounts_usd]
        if len({each.account_id for each in every}) != 1:
            raise UsageError("the limits of Rule 11.I are per account: name corrections of one")
        ways = {_undercharged(each) for each in every}
        if len(ways) != 1:
            raise UsageError("some of these bills were too low and some too high: ask for each way")
        bills = tuple(
            WrongBill(each.window_end, amount)
            for each, amount in zip(every, amounts_usd.values(), strict=True)
        )
        if ways == {True}:
            undercharge = Undercharge(
                found_on=found_on,
                bills=bills,
                metered=True,
                established=established,
                approved=approved,
            )
            decision = adjustments.back_bill(undercharge, rules)
        else:
            decision = adjustments.refund(bills, found_on, rules)
        return {
            "account": every[0].account_id,
            "decision": decision.verdict.name,
            "code": decision.code,
            "findings": [refusal_view(each) for each in decision.refusals],
            "figures": {each.name: str(each.value) for each in decision.figures},
        }


def _rows(difference: Difference, ruling: Ruling | None) -> list[dict[str, Any]]:
    frozen = difference.frozen
    about = {
        "usage_point": frozen.usage_point_id,
        "period": frozen.period,
        "account": frozen.account_id,
        "revision": frozen.revision,
    }
    told = {
        "causes": [cause.value for cause in difference.causes],
        "treatment": "" if ruling is None else ruling.treatment.value,
        "flags": [] if ruling is None else [flag.value for flag in ruling.flags],
        "obstacle": difference.obstacle,
    }
    if not difference.changes:
        nothing = {"quantity": "", "frozen": None, "present": None, "change": None}
        return [about | nothing | told]
    return [
        about | {"quantity": name, "frozen": old, "present": new, "change": new - old} | told
        for name, (old, new) in difference.changes.items()
    ]


def _undercharged(correction: Correction) -> bool:
    return CorrectionFlag.UNDERCHARGE in correction.flags


async def _found(work: UnitOfWork, number: int) -> Correction:
    correction = await work.corrections.find(number)
    if correction is None:
        raise NotFoundError(f"there is no correction {number}; see `mdms billing corrections`")
    return correction
