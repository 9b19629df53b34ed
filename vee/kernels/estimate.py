"""
Estimation: the shape of what is missing, before it is scaled to what the registers say.

Every method works on cells, the missing slots of all channels in one list, so that its cost
follows the gaps and not the fleet. Floats live here and nowhere else; NaN means no estimate.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import DAY_S, SlotTable
from vee.kernels.gaps import Cells, Float, Gaps

SUNDAY = 6
WEEKEND = 5
WEEK = 7


def linear(gaps: Gaps) -> Float:
    """
    Draw a straight line between the values beside a run (L1).

    Returns:
        Quanta, shape (cells,); NaN unless both neighbours may carry the line.

    Source:
        vee.md 4.2: x_k = a + (b - a) k / (n + 1).
    """
    share = (gaps.slot - gaps.left) / (gaps.length + 1)
    line: Float = gaps.left_value + (gaps.right_value - gaps.left_value) * share
    return line


def blend(profile: Float, gaps: Gaps, *, interval_s: int, decay_h: float) -> Float:
    """
    Bend a profile towards the values beside the run (edge blend of H1).

    Where only one neighbour is valid, it stands for the whole line.

    Args:
        profile: Quanta, shape (cells,).
        gaps: Runs of the same cells.
        interval_s: Length of an interval.
        decay_h: Distance at which a neighbour's pull has fallen to 1/e [h].

    Returns:
        Quanta, shape (cells,); the profile itself where no neighbour is valid.

    Source:
        vee.md 4.3: y = b L1 + (1 - b) x, b = exp(-hours to the nearest valid neighbour).
    """
    has_left, has_right = ~np.isnan(gaps.left_value), ~np.isnan(gaps.right_value)
    line = linear(gaps)
    line = np.where(has_left & ~has_right, gaps.left_value, line)
    line = np.where(has_right & ~has_left, gaps.right_value, line)
    slots = np.minimum(
        np.where(has_left, gaps.slot - gaps.left, np.inf),
        np.where(has_right, gaps.right - gaps.slot, np.inf),
    )
    pull = np.exp(-slots * interval_s / 3600 / decay_h)
    return np.where(np.isnan(line), profile, pull * np.nan_to_num(line) + (1 - pull) * profile)


@dataclass(frozen=True, slots=True)
class References:
    """
    The valid actual values that estimates may be made from.

    Attributes:
        slots: Columns of the grids.
        value: Quanta, shape (channels, slots).
        valid: Valid, actual, no power failure, not on a day of outage, shape (channels, slots).
        holiday: Days that behave like Sundays and are no reference for others, shape (days,).
        ahead: Days that may look at later days too, shape (days,).
        reach_days: How far to look to each side.
    """

    slots: SlotTable
    value: Int64
    valid: Bool
    holiday: Bool
    ahead: Bool
    reach_days: int

    @property
    def weekday(self) -> Int64:
        """Weekday of each day, 0 is Monday, shape (days,)."""
        return np.array([day.weekday() for day in self.slots.days])

    def offsets(self) -> Iterator[int]:
        """Yield the day offsets to look at, nearest first, the past before the future."""
        for distance in range(1, self.reach_days + 1):
            yield -distance
            yield distance

    def at(self, cells: Cells, offset: int) -> tuple[Float, Bool, Int64]:
        """
        Look at the same wall-clock slot, some days away.

        Returns:
            Quanta, whether they are a reference, and the day looked at (any where they are not),
            each of shape (cells,).
        """
        own = self.slots.day[cells.slot]
        day = own + offset
        inside = (day >= 0) & (day < len(self.slots.days))
        if offset > 0:
            inside &= self.ahead[own]
        day = np.where(inside, day, 0)
        slot = self.slots.at[day, self.slots.wall[cells.slot]]
        slot = np.where(inside, slot, -1)
        good = (slot >= 0) & self.valid[cells.channel, slot] & ~self.holiday[day]
        return self.value[cells.channel, slot].astype(np.float64), good, day


def profile(
    cells: Cells,
    references: References,
    *,
    decay_days: float,
    other_weekday_weight: float,
    weight_sum_min: float,
    references_min: int,
) -> Float:
    """
    Average the same wall-clock slot of other days, near days and same weekdays first (H1).

    Args:
        cells: What to estimate.
        references: What to estimate it from.
        decay_days: Distance at which a day's weight has fallen to 1/e [days].
        other_weekday_weight: Weight of another weekday against 1 for the same one; a holiday
            takes Sundays only.
        weight_sum_min: Least sum of weights.
        references_min: Least number of references.

    Returns:
        Quanta, shape (cells,); NaN where there is too little to go by.

    Source:
        vee.md 4.3.
    """
    weekday = references.weekday
    to_holiday = references.holiday[references.slots.day[cells.slot]]
    weighted, weights = np.zeros(len(cells)), np.zeros(len(cells))
    count = np.zeros(len(cells), np.int64)
    for offset in references.offsets():
        value, good, day = references.at(cells, offset)
        usual = 1.0 if offset % WEEK == 0 else other_weekday_weight
        likeness = np.where(to_holiday, weekday[day] == SUNDAY, usual)
        weight = np.where(good, likeness * np.exp(-abs(offset) / decay_days), 0)
        weighted += weight * value
        weights += weight
        count += weight > 0
    enough = (weights >= weight_sum_min) & (count >= references_min)
    return np.where(enough, weighted / np.where(enough, weights, 1), np.nan)


def nearest_days(cells: Cells, references: References, *, count: int) -> Float:
    """
    Average the nearest same weekdays, or days of the same type where there are none (H2).

    A holiday is a Sunday here, and its type is the weekend.

    Args:
        cells: What to estimate.
        references: What to estimate it from.
        count: How many days to average; fewer will do.

    Returns:
        Quanta, shape (cells,); NaN where no like day is known.

    Source:
        California standard method for more than 2 h; vee.md 4.3.
    """
    kind = np.where(references.holiday, SUNDAY, references.weekday)
    like = _average_like(cells, references, kind, count)
    bare = np.isnan(like)
    if bare.any():
        weekend = (kind >= WEEKEND).astype(np.int64)
        like[bare] = _average_like(cells.take(bare), references, weekend, count)
    return like


def _average_like(cells: Cells, references: References, kind: Int64, count: int) -> Float:
    """Average the nearest `count` days whose kind (days,) is that of the cell's own day."""
    own_kind = kind[references.slots.day[cells.slot]]
    total, found = np.zeros(len(cells)), np.zeros(len(cells), np.int64)
    for offset in references.offsets():
        value, good, day = references.at(cells, offset)
        good &= (kind[day] == own_kind) & (found < count)
        total += np.where(good, value, 0)
        found += good
    return np.where(found > 0, total / np.maximum(found, 1), np.nan)


def average(cells: Cells, references: References, *, days_min: float) -> Float:
    """
    Spread the average daily usage evenly over the day (A1).

    The reads of the cell's own day count too: a new meter has no others.

    Args:
        cells: What to estimate.
        references: What to estimate it from.
        days_min: Least amount of references [days].

    Returns:
        Quanta, shape (cells,); NaN where less is known.
    """
    slots = references.slots
    used = np.where(references.valid, references.value, 0)
    total = _running(np.add.reduceat(used, slots.first[:-1], axis=1))
    count = _running(np.add.reduceat(references.valid, slots.first[:-1], axis=1, dtype=np.int64))
    day = slots.day[cells.slot]
    first = np.maximum(day - references.reach_days, 0)
    last = np.minimum(day + references.reach_days * references.ahead[day] + 1, len(slots.days))
    known = count[cells.channel, last] - count[cells.channel, first]
    sums = total[cells.channel, last] - total[cells.channel, first]
    enough = known >= days_min * DAY_S / slots.interval_s
    return np.where(enough, sums / np.maximum(known, 1), np.nan)


def _running(per_day: Int64) -> Int64:
    """Return sums over all earlier days, shape (channels, days + 1)."""
    return np.cumsum(np.pad(per_day, ((0, 0), (1, 0))), axis=1)
