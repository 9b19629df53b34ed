"""What reads have overtaken after a freeze: shown as a difference, then corrected by the rules."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mdms.billing.differences import rested_on_estimates
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.facts import Subject
from mdms.policy import adjustments
from mdms.policy.adjustments import Undercharge, WrongBill
from mdms.policy.corrections import (
    CorrectionFlag,
    Ruling,
    Treatment,
    WrongUnits,
    judge_correction,
)
from mdms.policy.nonpay_facts import Dispute
from mdms.ports.billing import BilledService, Correction
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.billing_look_back import Difference, LookBack
from mdms.services.billing_reckoning import (
    bill_window,
)
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
        self._look_back = LookBack(book, rules)

    async def diff(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> list[dict[str, Any]]:
        """
        Return what a window would come to by the reads known now, or at an instant, where differs.

        Rows have usage_point, period, account, revision, quantity, frozen, present, change,
        causes, treatment, flags and obstacle; nothing is stored.

        Raises:
            NotFoundError: The window was never frozen.
        """
        found_on = self._book.today(self._clock.now())
        window = bill_window(window_start, window_end)
        rows: list[dict[str, Any]] = []
        async with self._unit_of_work() as work:
            for each in await self._look_back.differences(work, window, as_of or self._clock.now()):
                ruling = await self._ruling(work, each, found_on) if each.changes else None
                rows += _rows(each, ruling)
        return rows

    async def correct(self, window_start: date, window_end: date, by: str) -> list[dict[str, Any]]:
        """
        Keep every difference of whole units as a correction, and replace what may be replaced.

        The same finding is kept once. Correct earlier windows first: a bill opens with what the
        one before ended with.

        Raises:
            NotFoundError: The window was never frozen.
        """
        window = bill_window(window_start, window_end)
        now = self._clock.now()
        made: list[Correction] = []
        async with self._unit_of_work() as work:
            for each in await self._look_back.differences(work, window, now):
                if each.present is None:
                    continue
                ruling = await self._ruling(work, each, self._book.today(now))
                correction = _correction(each, each.present, ruling, now, by)
                number = await work.corrections.add(correction)
                if number is None:
                    continue
                made.append(replace(correction, number=number))
                work.audit.note(_audited(made[-1]))
                if ruling.treatment is Treatment.REPLACE:
                    await work.billing.add(
                        window.start, window.end, each.parts, [each.present], now
                    )
        return [view(each) for each in made]

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

    async def _ruling(self, work: UnitOfWork, difference: Difference, found_on: date) -> Ruling:
        frozen = difference.frozen
        rules = self._book.at(self._clock.now())
        return judge_correction(
            WrongUnits(
                billed_on=frozen.window_end,
                found_on=found_on,
                changes={name: new - old for name, (old, new) in difference.changes.items()},
                estimated=rested_on_estimates(frozen, difference.causes),
                disputed=await self._disputed(work, frozen.account_id),
            ),
            rules.adjustment,
            rules.bill,
        )

    async def _disputed(self, work: UnitOfWork, account_id: str) -> bool:
        if not account_id:
            return False
        facts = await work.facts.bearing({(Subject.ACCOUNT, account_id)}, self._clock.now())
        said = [each for each in facts if each.fact == "dispute"]
        return any(each.value == Dispute.OPEN for each in said)


def view(correction: Correction) -> dict[str, Any]:
    """Return a correction as plain values."""
    return {
        "number": correction.number,
        "window_start": str(correction.window_start),
        "window_end": str(correction.window_end),
        "usage_point": correction.usage_point_id,
        "account": correction.account_id,
        "revision": correction.revision,
        "changes": {
            name: {"frozen": old, "present": new, "change": new - old}
            for name, (old, new) in correction.changes.items()
        },
        "causes": list(correction.causes),
        "flags": list(correction.flags),
        "treatment": correction.treatment,
        "found_at": correction.found_at.isoformat(),
        "found_by": correction.found_by,
        "notice_by": str(correction.notice_by),
        "noticed_at": None if correction.noticed_at is None else correction.noticed_at.isoformat(),
        "noticed_by": correction.noticed_by,
    }


def _correction(
    difference: Difference, present: BilledService, ruling: Ruling, at: datetime, by: str
) -> Correction:
    frozen = difference.frozen
    return Correction(
        window_start=frozen.window_start,
        window_end=frozen.window_end,
        usage_point_id=frozen.usage_point_id,
        period=frozen.period,
        revision=frozen.revision,
        account_id=frozen.account_id,
        found_at=at,
        found_by=by,
        changes=difference.changes,
        causes=tuple(cause.value for cause in difference.causes),
        flags=tuple(flag.value for flag in ruling.flags),
        treatment=ruling.treatment.value,
        notice_by=ruling.notice_by,
        old_hash=frozen.content_hash,
        new_hash=present.content_hash,
    )


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


def _audited(correction: Correction) -> AuditEntry:
    told: dict[str, Value] = {
        name: value
        for name, value in view(correction).items()
        if name not in {"found_at", "found_by", "noticed_at", "noticed_by"}
    }
    return AuditEntry(
        correction.found_at,
        "billing.corrected",
        correction.usage_point_id,
        correction.found_by,
        told,
    )
