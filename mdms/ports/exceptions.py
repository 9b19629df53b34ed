"""The queue of what a person must look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueuedException:
    """An exception as the queue holds it; open until `closed_at`."""

    exception_id: int
    channel_id: int
    local_day: date
    rule: str
    severity: str
    detail: str
    opened_at: datetime
    closed_at: datetime | None
    assigned_to: str
    answer: str
    answered_by: str


class ExceptionStore(Protocol):
    """What waits for a person, who looks into it, and what was answered."""

    async def some(
        self,
        *,
        channel_ids: Sequence[int] | None = None,
        rule: str | None = None,
        severity: str | None = None,
        assigned_to: str | None = None,
        opened_by: datetime | None = None,
        open_only: bool = True,
        after: tuple[datetime, int] | None = None,
        count_max: int = 500,
    ) -> Sequence[QueuedException]:
        """
        Return exceptions, the oldest first.

        '' as `assigned_to` means nobody's; `after` those after the one of this instant and number.
        """
        ...

    async def answered(
        self, channel_ids: Sequence[int], local_day: date
    ) -> frozenset[tuple[int, str, str]]:
        """Return channel, rule and detail of what people have answered about a day."""
        ...

    async def find(self, exception_id: int) -> QueuedException | None: ...
    async def assign(self, exception_id: int, to: str) -> None: ...
    async def answer(self, exception_id: int, answer: str, by: str, at: datetime) -> None:
        """Keep what a person answered, and close it if it is open."""
        ...
