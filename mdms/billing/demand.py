"""The largest power in a window, taken from what was measured only (vee.md 8.5)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from mdms.billing.registers import IS_ESTIMATED_SHARE, status_table
from mdms.domain.readings import Bool, IntervalReads, Status

_HOUR_S: Final = 3_600
_IS_MEASURED: Final = status_table(Status.RAW, Status.VALIDATED, Status.ACCEPTED, Status.EDITED)
_IS_DERIVED: Final = status_table(Status.DERIVED)


@dataclass(frozen=True, slots=True)
class Demand:
    """
    Power of one channel, in W.

    Attributes:
        peak: Largest average over a demand interval that was measured; 0 without one.
        peak_at_s: Start of that interval, seconds since 1970-01-01 UTC; None without one.
        candidate: Largest of the others where it is above the peak; else None.
        estimated_share: Estimated intervals over all.
    """

    peak: Decimal
    peak_at_s: int | None
    candidate: Decimal | None
    estimated_share: Decimal

    @property
    def estimated(self) -> bool:
        """Whether an estimate would have set it: no bill rests on that."""
        return self.candidate is not None


def demand_of(
    intervals: IntervalReads,
    *,
    interval_s: int,
    demand_s: int,
    sliding: bool,
    from_midnight_s: int,
    quantum: int,
    error_max: Decimal,
) -> Demand:
    """
    Return the demand of a channel.

    Args:
        intervals: Expected ones in time order, without gaps [Wh].
        interval_s: Length of an interval.
        demand_s: Length of a demand interval, a multiple of it and a part of an hour, or an hour.
        sliding: A demand interval begins at every interval; else at its multiples from midnight.
        from_midnight_s: Local time of day at which the first interval starts [s].
        quantum: What one step of the register is [Wh]: derived intervals are as coarse.
        error_max: How coarse they may be, as a share of their value.
    """
    assert demand_s % interval_s == 0, "a demand interval is made of whole ones"
    width = demand_s // interval_s
    if not sliding:  # a meter that was put in during one waits for the next
        intervals = intervals.take(slice(-from_midnight_s % demand_s // interval_s, None))
    fine = quantum <= intervals.value * float(error_max)
    sure = _IS_MEASURED[intervals.status] | (_IS_DERIVED[intervals.status] & fine)
    energy = _windows(intervals.value, width, sliding=sliding)
    measured = _windows(sure, width, sliding=sliding) == width
    start_s = intervals.start_s[: len(intervals) - width + 1 : 1 if sliding else width]
    estimated = int(np.count_nonzero(IS_ESTIMATED_SHARE[intervals.status]))
    row = _largest(energy, measured)
    other = _largest(energy, ~measured)
    peak = Decimal(0) if row is None else _watts(int(energy[row]), demand_s)
    unsure = None if other is None else _watts(int(energy[other]), demand_s)
    return Demand(
        peak=peak,
        peak_at_s=None if row is None else int(start_s[row]),
        candidate=unsure if unsure is not None and unsure > peak else None,
        estimated_share=Decimal(estimated) / max(1, len(intervals)),
    )


def _windows(
    value: np.ndarray[tuple[int], np.dtype[np.int64]] | Bool, width: int, *, sliding: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the sums of so many neighbours: of all, or of one group after the other."""
    total = np.concatenate(([0], np.cumsum(value, dtype=np.int64)))
    return (total[width:] - total[:-width])[:: 1 if sliding else width]


def _largest(energy: np.ndarray[tuple[int], np.dtype[np.int64]], counted: Bool) -> int | None:
    """Return the row of the first largest value among those that count."""
    if not counted.any():
        return None
    return int(np.where(counted, energy, -1).argmax())


def _watts(energy_wh: int, demand_s: int) -> Decimal:
    return Decimal(energy_wh * _HOUR_S) / demand_s
