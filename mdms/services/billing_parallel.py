"""
Parallel billing: another system's reads and bills beside ours, and every difference (a roll-out).

Both systems bill the same window for some months; who moves over wants a list of what differs, and
none of what does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any, Final

from mdms.billing.units import unrounded_units
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.time import local_day
from mdms.ports.billing import BillingBlock, BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billed import must_be_frozen
from mdms.services.billing_reckoning import bill_window
from mdms.services.cells import amount, choice, day, identifier, or_none, signed_amount
from mdms.services.customer_rules import CustomerBook
from mdms.services.sheets import Fault, FilesRejectedError, Sheet, noun_of, records


class Direction(StrEnum):
    """Which register of a meter."""

    DELIVERED = "delivered"
    RECEIVED = "received"
    REACTIVE = "reactive"


_DIRECTIONS: Final = {0: Direction.DELIVERED, 1: Direction.RECEIVED, 3: Direction.REACTIVE}


class Differs(StrEnum):
    """In what the two systems differ: a closed set."""

    NOT_OURS = "not_ours"
    """They billed it, we did not; the detail says what blocks it here."""
    NOT_THEIRS = "not_theirs"
    READ_DAY = "read_day"
    REGISTER = "register"
    """To as many places as they state."""
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class OtherBill:
    """
    What another system billed of one register.

    Attributes:
        read_on: Local day of its closing read; None where it states none.
        value: Register at that read [billing units]; None where it states none.
        usage: Whole units; None where it states none.
    """

    meter_badge: str
    direction: Direction
    read_on: date | None
    value: Decimal | None
    usage: Decimal | None


OTHER_BILLS: Final = Sheet(
    "other_bills",
    OtherBill,
    ("meter_badge", "direction"),
    {
        "meter_badge": identifier,
        "direction": choice(Direction),
        "read_on": or_none(day),
        "value": or_none(amount),
        "usage": or_none(signed_amount),
    },
)
"""The other system's file: docs/reference/billing-files.md."""

_Key = tuple[str, Direction]


class ParallelBilling:
    """
    Compares.

    Args:
        unit_of_work: Opens a transaction.
        book: Says where local days begin.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._book = book

    async def compare(
        self, window_start: date, window_end: date, *, name: str, text: str
    ) -> dict[str, Any]:
        """
        Return every difference between a file and a frozen window.

        Returns:
            rows (of the file), equal (registers without a difference) and differences: meter,
            direction, differs, ours, theirs, detail; by meter.

        Raises:
            FilesRejectedError: A row cannot be read, or speaks of a register twice; every one is
                listed.
            NotFoundError: The window was never frozen.
        """
        window = bill_window(window_start, window_end)
        theirs = _read(name, text)
        async with self._unit_of_work() as work:
            await must_be_frozen(work, window)
            frozen = await work.billing.determinants(window.start, window.end)
            blocked = await work.billing.blocked(window.start, window.end)
        ours: dict[_Key, list[BillingDeterminant]] = {}
        for row in frozen:
            direction = _DIRECTIONS[READING_TYPES[row.reading_type].channel]
            ours.setdefault((row.badge, direction), []).append(row)
        differences: list[dict[str, Any]] = []
        equal = 0
        for key in sorted(ours.keys() | theirs.keys()):
            found = list(self._differences(key, ours.get(key), theirs.get(key), blocked))
            equal += not found
            differences += found
        return {"rows": len(theirs), "equal": equal, "differences": differences}

    def _differences(
        self,
        key: _Key,
        ours: Sequence[BillingDeterminant] | None,
        theirs: OtherBill | None,
        blocked: Sequence[BillingBlock],
    ) -> Iterator[dict[str, Any]]:
        if theirs is None:
            yield _row(key, Differs.NOT_THEIRS, "", "", "")
            return
        if ours is None:
            why = [f"{each.reason}: {each.detail}" for each in blocked if each.badge == key[0]]
            yield _row(key, Differs.NOT_OURS, "", "", "; ".join(why) or "not metered here then")
            return
        last = max(ours, key=lambda row: row.read_end_utc)
        read_on = local_day(last.read_end_utc, self._book.zone)
        if theirs.read_on not in {None, read_on}:
            yield _row(key, Differs.READ_DAY, read_on, theirs.read_on, "")
        if theirs.value is not None:
            shown = unrounded_units(last.register_end, READING_TYPES[last.reading_type])
            # A display cuts off what it has no digits for.
            shown = shown.quantize(theirs.value, rounding=ROUND_DOWN)
            if shown != theirs.value:
                yield _row(key, Differs.REGISTER, shown, theirs.value, str(shown - theirs.value))
        usage = sum(row.usage_units for row in ours)
        if theirs.usage not in {None, Decimal(usage)}:
            assert theirs.usage is not None, "it differs"
            yield _row(key, Differs.USAGE, usage, theirs.usage, str(usage - theirs.usage))


def _read(name: str, text: str) -> dict[_Key, OtherBill]:
    faults: list[Fault] = []
    found: dict[_Key, OtherBill] = {}
    for line, cells in records(OTHER_BILLS, text, faults):
        row = noun_of(OTHER_BILLS, line, cells, faults)
        if isinstance(row, OtherBill):
            if (row.meter_badge, row.direction) in found:
                faults.append(Fault(name, line, "meter_badge", "is in the file twice"))
            found[row.meter_badge, row.direction] = row
    if faults:
        raise FilesRejectedError(sorted(fault._replace(file=name) for fault in faults))
    return found


def _row(key: _Key, differs: Differs, ours: object, theirs: object, detail: str) -> dict[str, Any]:
    return {
        "meter": key[0],
        "direction": key[1].value,
        "differs": differs.value,
        "ours": str(ours),
        "theirs": str(theirs),
        "detail": detail,
    }
