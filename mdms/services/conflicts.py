"""Raw values that differ from the raw value that is stored, for people to look at."""

from datetime import datetime
from typing import Any

from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory


class ConflictService:
    """
    Lists value conflicts; what VEE makes of them is in the day's outcome (rule V06).

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def listed(
        self,
        period: Period,
        *,
        meter: str | None,
        after: tuple[datetime, int] | None = None,
        count_max: int,
    ) -> list[dict[str, Any]]:
        """Return conflicts about a period as plain values; see `ConflictStore.within`."""
        async with self._unit_of_work() as work:
            found = await work.conflicts.within(
                period, badge=meter, after=after, count_max=count_max
            )
        return [
            {
                "number": each.number,
                "meter": each.badge,
                "reading_type": each.reading_type,
                "kind": each.kind,
                "at": each.at.isoformat(),
                "stored": each.stored_value,
                "other": each.value,
                "came_at": each.recorded_at.isoformat(),
            }
            for each in found
        ]
