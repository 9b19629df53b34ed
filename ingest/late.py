"""Late data: reads that change a day which has been judged already send it back to VEE."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Int32, Int64, IntervalReads, RegisterReads
from mdms.domain.time import from_epoch_s, local_day, local_midnight, to_epoch_s
from mdms.ports.vee import VeeStore

_BOOKEND_S_MAX = 60
"""A register this close after midnight still closes the day before."""

LATE_S: Final = 72 * 3600
"""What comes later after its interval is late, and accepted for 45 days (headend notes 2.5)."""

_QUARTER_S = 900
"""Clocks change at whole quarters of an hour, so one look-up of the local day serves a quarter."""


def late_count(intervals: IntervalReads, received_at: datetime) -> int:
    """Return how many of these intervals began more than 72 hours before they came."""
    return int((intervals.start_s < to_epoch_s(received_at) - LATE_S).sum())


@dataclass(slots=True)
class VeeHorizon:
    """How far VEE has come, as far as is known here."""

    zone: ZoneInfo
    last_day: date | None = None
    """The last local day that has been judged; None before the first run."""

    def advance(self, last_day: date | None) -> None:
        """Note that days up to this one are judged; earlier ones and None change nothing."""
        if last_day is not None:
            self.last_day = max(last_day, self.last_day or last_day)

    def touched(self, intervals: IntervalReads, registers: RegisterReads) -> set[tuple[int, date]]:
        """Return the judged channel-days that these new reads belong to."""
        if self.last_day is None:
            return set()
        end_s = to_epoch_s(local_midnight(self.last_day + timedelta(days=1), self.zone))
        late = intervals.start_s < end_s
        days = self._days(intervals.channel_id[late], intervals.start_s[late])
        for back_s in (0, _BOOKEND_S_MAX):
            at_s = registers.at_s - back_s
            late = at_s < end_s
            days |= self._days(registers.channel_id[late], at_s[late])
        return days

    def _days(self, channel_id: Int32, at_s: Int64) -> set[tuple[int, date]]:
        quarters, which = np.unique(at_s // _QUARTER_S, return_inverse=True)
        days = [local_day(from_epoch_s(quarter * _QUARTER_S), self.zone) for quarter in quarters]
        pairs = zip(channel_id.tolist(), which.tolist(), strict=True)
        return {(channel, days[quarter]) for channel, quarter in pairs}


async def touch(
    store: VeeStore, horizon: VeeHorizon, intervals: IntervalReads, registers: RegisterReads
) -> None:
    """
    Send the judged days back that these new reads belong to, in the transaction that stores them.

    How far VEE has come is asked each time, for another process may run it. It cannot come further
    before the transaction ends: a read that is stored while a run begins is found by the run, or
    touches its day.
    """
    if len(intervals) or len(registers):
        horizon.advance(await store.horizon())
        touched = horizon.touched(intervals, registers)
        if touched:
            await store.touch(touched)
