"""The store of the opt-out programme."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.programme import BillingEvent, Enrolment, EnrolmentState, Supply, Task
from mdms.domain.registry import Account


class ProgrammeStore(Protocol):
    """Enrolments, sums to bill, and tasks of people."""

    async def add(self, enrolment: Enrolment) -> None: ...
    async def update(self, enrolment: Enrolment) -> None: ...
    async def lock(self, enrolment_id: UUID) -> Enrolment | None:
        """Return an enrolment that nobody else changes until the transaction ends."""
        ...

    async def of_account(self, account_id: str) -> Sequence[Enrolment]: ...
    async def every(self, states: Collection[EnrolmentState]) -> Sequence[Enrolment]:
        """Return the enrolments in one of these states, oldest first."""
        ...

    async def lock_account(self, name: str, day: date) -> Account | None:
        """
        Return an account by its id, or by a badge or usage point that it pays for on a day.

        Nobody else enrols it until the transaction ends.
        """
        ...

    async def supplies(self, account_id: str, day: date, at: datetime) -> Sequence[Supply]:
        """Return what an account pays for on a day, with the meters in place at an instant."""
        ...

    async def charge(self, event: BillingEvent) -> bool:
        """Add a sum; return whether it was new: nothing is charged twice for one occasion."""
        ...

    async def charged(self, first: date, last: date) -> Sequence[BillingEvent]:
        """Return the sums due on the days first..last, both included."""
        ...

    async def raise_task(self, task: Task) -> bool:
        """Add a task; return whether it was new."""
        ...

    async def tasks(self, *, open_only: bool) -> Sequence[Task]: ...
    async def finish(self, number: int, at: datetime, by: str) -> Task | None:
        """Close an open task and return it; None where there is none of this number."""
        ...

    async def finish_about(self, subject: str, at: datetime, by: str) -> None:
        """Close every open task about an enrolment or a meter."""
        ...
