"""Sums over customers that leave the utility: hidden enough, or suppressed; all in a ledger."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import starmap
from typing import Any, Final

from mdms.domain.aggregates import Cut, LedgerLine, Part
from mdms.domain.audit import AuditEntry
from mdms.domain.errors import UsageError
from mdms.domain.registry import Commodity
from mdms.policy.aggregates import Contribution, Release, Step, publish
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook

_QUANTITY: Final = {
    Commodity.ELECTRIC: "electric kWh",
    Commodity.GAS: "gas ccf",
    Commodity.WATER: "water ccf",
}
SUPPRESSED: Final = "SUPPRESSED"


class AggregateService:
    """
    Tells billed usage of a month by groups of customers.

    A sum that was told stands: asked again it is the same, even where bills were corrected since,
    for the difference would be one customer's.

    Args:
        unit_of_work: Opens a transaction.
        clock: Stamps the ledger.
        book: The rules between utility and customer: how large a group must be.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def publish(
        self, commodity: Commodity, month: date, cut: Cut, by: str
    ) -> list[dict[str, Any]]:
        """
        Return a sum for every group, or SUPPRESSED; the ledger has them before they are shown.

        Args:
            commodity: What was billed.
            month: Any of its days; bill windows that ended in it count.
            cut: What customers are grouped by.
            by: Who lets it go.

        Raises:
            UsageError: The month is not over.
        """
        now = self._clock.now()
        month, quantity = month.replace(day=1), _QUANTITY[commodity]
        if month >= self._book.today(now).replace(day=1):
            raise UsageError(f"the month {month:%Y-%m} is not over")
        async with self._unit_of_work() as work:
            await work.aggregates.alone()
            told = await work.aggregates.told(quantity, month)
            stands = {line.member: line for line in told if line.cut is cut}
            groups: defaultdict[str, list[Part]] = defaultdict(list)
            for part in await work.aggregates.parts(commodity, month, cut):
                groups[part.member].append(part)
            asked = sorted(groups.keys() - stands.keys())
            answers = publish(
                [_release(quantity, groups[member]) for member in asked],
                list(starmap(_release, ((quantity, parts) for parts in told.values()))),
                self._book.at(now).aggregate,
            )
            lines = list(stands.values())
            for member, answer in zip(asked, answers, strict=True):
                line = LedgerLine(
                    at=now, by=by, quantity=quantity, month=month, cut=cut, member=member,
                    total=answer.total, code=answer.decision.code,
                )  # fmt: skip
                await work.aggregates.enter(
                    line, groups[member] if answer.total is not None else ()
                )
                lines.append(line)
            subject = f"{quantity} {month:%Y-%m} {cut}".strip()
            count = sum(line.total is not None for line in lines)
            work.audit.note(AuditEntry(now, "aggregate.told", subject, by, {"cells": count}))
        return [_view(line) for line in sorted(lines, key=lambda line: line.member)]

    async def ledger(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return what was asked for and what came of it, the newest first."""
        async with self._unit_of_work() as work:
            found = await work.aggregates.lines(before=before, limit=limit)
        return [
            {"number": number, "at": line.at.isoformat(), "by": line.by, **_view(line)}
            for number, line in found
        ]


def _release(quantity: str, parts: Sequence[Part]) -> Release:
    return Release(
        quantity,
        Step.MONTH,
        tuple(
            Contribution(part.account_id, part.residential, part.month, part.amount)
            for part in parts
        ),
    )


def _view(line: LedgerLine) -> dict[str, Any]:
    return {
        "quantity": line.quantity,
        "month": f"{line.month:%Y-%m}",
        "cut": line.cut.value,
        "group": line.member,
        "total": SUPPRESSED if line.total is None else str(line.total),
        "code": line.code,
    }
