"""A failing meter: it says the same over and over, a hundred times as often as it should."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.air import Air, Heard
from simulators.encoders import MTYPE_PERIODIC

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Flood:
    """
    What one meter sends beside what it should.

    Attributes:
        meter: Position in the city.
        begin_s: Since when, seconds since 1970-01-01 UTC.
        end_s: Until when.
        per_hour: How often it repeats its newest reading.
    """

    meter: int
    begin_s: int
    end_s: int
    per_hour: int

    def count(self, since_s: int, until_s: int) -> int:
        """Return how often it repeats itself in a stretch of time, however that is cut."""
        return self._count(until_s) - self._count(since_s)

    def _count(self, at_s: int) -> int:
        lasted_s = min(max(at_s - self.begin_s, 0), self.end_s - self.begin_s)
        return lasted_s * self.per_hour // _HOUR_S


def heard(floods: Sequence[Flood], air: Air, until_s: int) -> list[Heard]:
    """Return what collectors hear of floods from now up to an instant."""
    found = []
    for flood in floods:
        now_s, count = air.now_s, flood.count(air.now_s, until_s)
        is_able = air.supply.has_line(flood.meter, now_s) and not air.supply.is_silent(flood.meter)
        if count and is_able and not air.radio.is_dead(flood.meter):
            once = air.speak(flood.meter, now_s, MTYPE_PERIODIC)
            found.append(once.take(np.repeat(np.arange(len(once)), count)))
    return [each for each in found if len(each)]
