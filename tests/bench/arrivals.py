"""
What intake makes of frames whose meter's clock is wrong: it refuses them, or tells of the clock.

A frame is sent every four intervals at a random moment of one, and carries twelve.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ingest.clock_watch import SUSPICIOUS_S, least_offset_s
from ingest.codecs.limits import EARLY_S_MAX
from mdms.domain.events import EventCode
from mdms.domain.readings import Bool, Int64
from mdms.domain.time import from_epoch_s
from mdms.ports.circumstances import ClockReport
from mdms.services.vee_clocks import clocks
from vee.block import SlotTable
from vee.context import Clocks

EVERY, CARRIED = 4, 12
"""Intervals from frame to frame, and in one."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """
    Frames of one home's wrong clock.

    Attributes:
        day: The slots that its clock stamps.
        slot: Slot whose label is the newest one that a right clock would send, shape (frames,).
        lag_s: Age of the newest interval, as ingest works it out, shape (frames,).
    """

    day: slice
    slot: Int64
    lag_s: Int64

    @classmethod
    def of(cls, day: slice, interval_s: int, offset_s: int, generator: Generator) -> "Arrivals":
        """
        Return the frames of a day, of a clock that is ahead by so much, and of the hours after it.

        The clock is set right at the end of the day; the meter's memory keeps what it stamped.
        """
        slot = np.arange(day.start, day.stop + CARRIED, EVERY)
        phase_s = generator.integers(0, interval_s, len(slot))
        return cls(day, slot, phase_s - np.where(slot < day.stop, offset_s, 0))

    def refused(self) -> Bool:
        """Return the slots of its day that no frame brings, because each is stamped too early."""
        lost = np.ones(self.day.stop - self.day.start, np.bool_)
        for newest in self.slot[self.lag_s >= -EARLY_S_MAX]:
            last = newest - self.day.start
            lost[max(0, last - CARRIED + 1) : last + 1] = False
        return lost

    def reports(self, home: int, slots: SlotTable) -> list[ClockReport]:
        """Return what ingest says of the clock: from the second frame on, until it is right."""
        interval = np.full(len(self.slot), slots.interval_s)
        offset_s = least_offset_s(self.lag_s, interval)
        doubtful = np.flatnonzero(np.abs(offset_s) > SUSPICIOUS_S)[1:]

        def report(slot: int, offset: int, *, cleared: bool = False) -> ClockReport:
            at = from_epoch_s(int(slots.start_s[slot]) + slots.interval_s)
            return ClockReport(home, at, EventCode.CLOCK_OFF, offset, cleared)

        said = [report(int(self.slot[each]), int(offset_s[each])) for each in doubtful]
        return [*said, report(self.day.stop, 0, cleared=True)] if said else []


def clocks_of(arrivals: Sequence[tuple[int, Arrivals]], homes: int, slots: SlotTable) -> Clocks:
    """Return when the clocks of homes were off, as validation is told."""
    reports = [report for home, seen in arrivals for report in seen.reports(home, slots)]
    return clocks(reports, np.arange(homes, dtype=np.int32), slots)
