"""The link of a collector to the broker: away now and then, for minutes or for hours."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from simulators.radio import Faults
from simulators.seeds import generator

_TURN_S = {Faults.NORMAL: 30 * 86400, Faults.STORM: 3 * 86400}
"""It goes away once in each turn."""
_OUTAGE_S = (5 * 60, 12 * 3600)


@dataclass(frozen=True, slots=True)
class Backhaul:
    """The link of one collector to the broker."""

    seed: int
    collector_id: int
    start_s: int
    faults: Faults

    def is_up(self, at_s: int) -> bool:
        """Return whether the link works at a second since 1970-01-01 UTC."""
        if self.faults is Faults.NONE:
            return True
        since_s, turn_s = at_s - self.start_s, _TURN_S[self.faults]
        turn = since_s // turn_s
        # An outage that begins late in a turn ends in the next one.
        outages = (
            _outage(self.seed, self.collector_id, turn_s, k)
            for k in range(max(turn - 1, 0), turn + 1)
        )
        return not any(begin_s <= since_s < end_s for begin_s, end_s in outages)


@cache
def _outage(seed: int, collector_id: int, turn_s: int, turn: int) -> tuple[float, float]:
    """Return when the link goes in a turn and comes back, seconds since the start."""
    rng = generator(seed, "backhaul", collector_id, turn)
    begin_s = turn_s * (turn + rng.random())
    shortest, longest = np.log(_OUTAGE_S)
    return begin_s, begin_s + float(np.exp(rng.uniform(shortest, longest)))
