"""The board: one day of the utility on one page, for people and for what draws it."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mdms.domain.collectors import condition_of, last_heard
from mdms.domain.errors import UsageError
from mdms.domain.time import Period, local_day
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory


class BoardService:
    """
    Answers `mdms report` and `mdms status --watch`.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what yesterday is.
        zone: Where the utility's days begin.
        utility: What the utility calls itself.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, zone: ZoneInfo, utility: str
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._utility = utility

    async def day(self, day: date | None = None, *, by_hour: bool = True) -> dict[str, Any]:
        """
        Return the figures of a local day, yesterday's when none is named.

        Args:
            day: Local day.
            by_hour: With what came of each hour.

        Raises:
            UsageError: The day has not come yet.
        """
        now = self._clock.now()
        today = local_day(now, self._zone)
        wanted = today - timedelta(days=1) if day is None else day
        if wanted > today:
            raise UsageError(f"{wanted} has not come yet; today is {today}.")
        period = Period.of_days(wanted, wanted, self._zone)
        async with self._unit_of_work() as work:
            figures = await work.board.figures(wanted, period, now, today, by_hour=by_hour)
        for row in figures["collectors"]:
            heard_at = last_heard(row["alive_at"], row["batch_received_at"])
            row["condition"] = condition_of(heard_at, now, online=row["online"])
        return {
            "utility": self._utility,
            "zone": self._zone.key,
            "day": wanted,
            "start": period.start_utc,
            "end": period.end_utc,
            "now": now,
            **figures,
        }
