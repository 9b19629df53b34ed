"""Raw values that differ from the raw value that is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mdms.domain.readings import Bool, Int64
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True)
class ReadConflict:
    """
    A value that came after another one for the same interval or register.

    Attributes:
        badge: The meter.
        reading_type: Of its channel.
        kind: interval or register.
        at: Start of the interval, or instant of the register.
        stored_value: The first that came, which is kept [quanta].
        value: The other one [quanta].
        recorded_at: When the other one came.
        number: As the database counts them.
    """

    badge: str
    reading_type: str
    kind: str
    at: datetime
    stored_value: int
    value: int
    recorded_at: datetime
    number: int = 0


class ConflictStore(Protocol):
    """Values that differ; kept for ever, never overwritten."""

    async def within(
        self,
        period: Period,
        *,
        badge: str | None = None,
        after: tuple[datetime, int] | None = None,
        count_max: int,
    ) -> Sequence[ReadConflict]:
        """
        Return conflicts about a period in order of time.

        Args:
            period: When the values were measured.
            badge: Of one meter; None: of all.
            after: Only those after the one of this instant and number.
            count_max: How many at most.
        """
        ...

    async def known(self, kind: str, channel_id: Int64, at_s: Int64, value: Int64) -> Bool:
        """Tell of each of these values whether it is kept as a conflict."""
        ...
