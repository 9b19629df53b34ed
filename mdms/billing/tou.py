"""Time of use: which bucket each interval of a window belongs to, and what each bucket holds."""

from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import OperatorError
from mdms.domain.readings import Bool, Int64, IntervalReads
from mdms.domain.tariff import TouCalendar
from mdms.domain.time import from_epoch_s

_MINUTE_S = 60


class UncountableError(OperatorError):
    """A rate schedule asks for what the intervals of a meter cannot say."""


class TouBuckets:
    """
    Buckets of a grid of intervals; made once for a window, asked for every channel on that grid.

    Args:
        calendar: What hour belongs where.
        zone: Of its hours.
        start_s: First interval of the grid, seconds since 1970-01-01 UTC.
        end_s: End of the last one.
        interval_s: Length of an interval.

    Raises:
        UncountableError: The calendar does not say which days are holidays, or its hours change
            within an interval: usage cannot be divided.
    """

    def __init__(
        self, calendar: TouCalendar, zone: ZoneInfo, start_s: int, end_s: int, interval_s: int
    ) -> None:
        self.names = calendar.buckets
        self._start_s, self._interval_s = start_s, interval_s
        last = from_epoch_s(end_s - interval_s).astimezone(zone).date()
        if last > calendar.holidays_through:
            raise UncountableError(
                f"the time-of-use calendar lists holidays through {calendar.holidays_through} "
                f"only, and {last} is billed: add the year to config/policy"
            )
        if off := [at for at in calendar.grid_minutes if at * _MINUTE_S % interval_s]:
            raise UncountableError(
                f"a time-of-use bucket changes at minute {off[0]} of the day, within an interval "
                f"of {interval_s} s: usage cannot be divided"
            )
        number = {name: index for index, name in enumerate(self.names)}
        local = [from_epoch_s(at_s).astimezone(zone) for at_s in range(start_s, end_s, interval_s)]
        find = lru_cache(maxsize=None)(calendar.bucket_of)
        # Clocks change on the hour; an interval belongs to the wall clock of its start.
        self._bucket = np.array(
            [number[find(each.date(), each.time())] for each in local], np.int64
        )

    def of(self, intervals: IntervalReads) -> Int64:
        """Return the bucket's number of each interval of the grid."""
        return self._numbers(intervals.start_s)

    def counts(self, start_s: Int64) -> Mapping[str, int]:
        """Return by bucket how many of some intervals of the grid start in it."""
        counts = np.bincount(self._numbers(start_s), minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def _numbers(self, start_s: Int64) -> Int64:
        return self._bucket[(start_s - self._start_s) // self._interval_s]

    def sums(self, intervals: IntervalReads, *, counted: Bool | None = None) -> Mapping[str, int]:
        """
        Return quanta by bucket.

        Args:
            intervals: On the grid.
            counted: Which of them count; None: all.
        """
        value = intervals.value if counted is None else intervals.value * counted
        sums = np.zeros(len(self.names), np.int64)
        np.add.at(sums, self.of(intervals), value)
        return dict(zip(self.names, sums.tolist(), strict=True))
