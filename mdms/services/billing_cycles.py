"""When the meters of each billing cycle are read, and which bill windows follow from that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import NotFoundError
from mdms.domain.time import local_day
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.cells import day, whole
from mdms.services.customer_rules import CustomerBook
from mdms.services.sheets import Fault, FilesRejectedError, Sheet, noun_of, records


@dataclass(frozen=True, slots=True)
class ReadDay:
    """A day at whose local midnight the meters of a cycle are read."""

    billing_cycle: int
    read_on: date


READ_DAYS: Final = Sheet(
    "read_days",
    ReadDay,
    ("billing_cycle", "read_on"),
    {"billing_cycle": whole(0), "read_on": day},
)
"""The customer system's reading schedule."""


def windows_by_cycle(
    read_days: Iterable[tuple[int, date]],
) -> Mapping[int, Sequence[tuple[date, date]]]:
    """Return the windows of each cycle: from one read day to the next."""
    days: dict[int, list[date]] = {}
    for cycle, read_on in read_days:
        days.setdefault(cycle, []).append(read_on)
    return {cycle: list(pairwise(sorted(each))) for cycle, each in days.items()}


class BillingCycles:
    """
    The reading schedule, and what it makes due.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what is over.
        book: Says which day it is.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def import_file(self, name: str, text: str, by: str) -> int:
        """
        Take a schedule: of each cycle it names, all days from its first one on; return its rows.

        Raises:
            FilesRejectedError: A row is wrong, or a window has fewer than 27 or more than 33
                days; nothing is changed then.
        """
        faults: list[Fault] = []
        rows: dict[int, dict[date, int]] = {}
        for line, cells in records(READ_DAYS, text, faults):
            row = noun_of(READ_DAYS, line, cells, faults)
            if isinstance(row, ReadDay):
                rows.setdefault(row.billing_cycle, {})[row.read_on] = line
        for days in rows.values():
            faults += _irregular(days)
        if faults or not rows:
            empty = [] if faults else [Fault(name, 0, "", "has no rows")]
            raise FilesRejectedError(
                sorted([*(fault._replace(file=name) for fault in faults), *empty])
            )
        count = sum(len(days) for days in rows.values())
        async with self._unit_of_work() as work:
            for cycle, days in sorted(rows.items()):
                await work.billing.set_read_days(cycle, sorted(days))
            told: dict[str, Value] = {"cycles": len(rows), "read_days": count}
            work.audit.note(AuditEntry(self._clock.now(), "billing.schedule", name, by, told))
        return count

    async def windows(self) -> list[dict[str, Any]]:
        """
        Return every window of every cycle, the latest first: frozen, due, running or to come.

        With how many services it has, how many of them are frozen or were left out, and how many
        open exceptions of its days hold.
        """
        today = local_day(self._clock.now(), self._book.zone)
        async with self._unit_of_work() as work:
            return await work.board.cycles(today)

    async def blocking(self, cycle: int) -> dict[str, list[dict[str, Any]]]:
        """
        Return the windows of a cycle that have begun, and what stands in their way, by meter.

        Raises:
            NotFoundError: The schedule has no window of the cycle that has begun.
        """
        today = local_day(self._clock.now(), self._book.zone)
        async with self._unit_of_work() as work:
            windows = [
                each
                for each in await work.board.cycles(today)
                if each["cycle"] == cycle and each["state"] != "to come"
            ]
            blocking = await work.board.blocking(cycle, today)
        if not windows:
            raise NotFoundError(
                f"no window of cycle {cycle} has begun; `mdms billing cycles` lists the schedule"
            )
        return {"windows": windows, "blocking": blocking}


def _irregular(days: Mapping[date, int]) -> list[Fault]:
    """Return a fault for each window that is no billing period (CPAU Rule 10.A.1)."""
    return [
        Fault(
            "",
            days[after],
            "read_on",
            f"{(after - before).days} days after {before}; a period has "
            f"{SERVICE_DAYS_MIN} to {SERVICE_DAYS_MAX}",
        )
        for before, after in pairwise(sorted(days))
        if not timedelta(SERVICE_DAYS_MIN) <= after - before <= timedelta(SERVICE_DAYS_MAX)
    ]
