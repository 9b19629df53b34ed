"""The store of sums over customers, and the ledger of those that left the utility."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from mdms.domain.aggregates import Cut, LedgerLine, Part
from mdms.domain.registry import Commodity


class AggregateStore(Protocol):
    """What sums are made of, and which were told."""

    async def alone(self) -> None:
        """Let nobody else read or write the ledger until the transaction ends."""
        ...

    async def parts(self, commodity: Commodity, month: date, cut: Cut) -> Sequence[Part]:
        """Return what each account was billed for windows that ended in a month, by group."""
        ...

    async def told(self, quantity: str, month: date) -> Mapping[LedgerLine, Sequence[Part]]:
        """Return the sums of a month that were told, with what they were made of."""
        ...

    async def enter(self, line: LedgerLine, parts: Sequence[Part]) -> None: ...
    async def lines(self, *, before: int | None, limit: int) -> Sequence[tuple[int, LedgerLine]]:
        """Return lines with their numbers, the newest first, with lower numbers only."""
        ...
