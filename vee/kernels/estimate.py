"""
Estimation: the shape of what is missing, before it is scaled to what the registers say.

Every method works on cells, the missing slots of all channels in one list, so that its cost
follows the gaps and not the fleet. Floats live here and nowhere else; NaN means no estimate.
"""

from dataclasses import replace

import numpy as np

from mdms.domain.readings import Int64
from vee.block import DAY_S
from vee.evidence import ClassProfile, LastYear
from vee.kernels.gaps import Cells, Float, Gaps
from vee.kernels.references import SUNDAY, WEEKEND, References, likeness


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
    own = references.slots.day[cells.slot]
    weighted, weights = np.zeros(len(cells)), np.zeros(len(cells))
    count = np.zeros(len(cells), np.int64)
    for offset in references.offsets():
        value, good, day = references.at(cells, offset)
        like = likeness(offset, day, references, own, other_weekday_weight)
        weight = np.where(good, like * np.exp(-abs(offset) / decay_days), 0)
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
    first, last = averaged_days(cells, references)
    known = count[cells.channel, last] - count[cells.channel, first]
    sums = total[cells.channel, last] - total[cells.channel, first]
    enough = known >= days_min * DAY_S / slots.interval_s
    return np.where(enough, sums / np.maximum(known, 1), np.nan)


def averaged_days(cells: Cells, references: References) -> tuple[Int64, Int64]:
    """Return the first day that an average of each cell is taken from, and one past the last."""
    day = references.slots.day[cells.slot]
    first, last = references.stay(cells.channel, day)
    first = np.maximum(day - references.reach_days, first)
    last = np.minimum(day + references.reach_days * references.ahead[day] + 1, last)
    return first, last


def _running(per_day: Int64) -> Int64:
    """Return sums over all earlier days, shape (channels, days + 1)."""
    return np.cumsum(np.pad(per_day, ((0, 0), (1, 0))), axis=1)


def last_year(cells: Cells, references: References, before: LastYear, *, days_min: float) -> Float:
    """
    Average the same weekday of the same week a year before, and of the weeks beside it (H3).

    Scaled by how the service's daily usage has changed since, where both are known.

    Args:
        cells: What to estimate.
        references: This year's.
        before: The year before's.
        days_min: Least amount of each year's references that the change is taken from [days].

    Returns:
        Quanta, shape (cells,); NaN where nothing is known of these weeks.
    """
    at = (slice(None), cells.channel, cells.slot)
    found = before.valid[at].sum(axis=0)
    total = np.where(before.valid[at], before.value[at], 0).sum(axis=0)
    mean: Float = np.where(found > 0, total / np.maximum(found, 1), np.nan)
    return mean * changed_since(cells, references, before, days_min=days_min)


def changed_since(
    cells: Cells, references: References, before: LastYear, *, days_min: float
) -> Float:
    """
    Return how daily usage around each cell has changed since the year before (H3).

    Returns:
        This year's average by that of the same days 52 weeks before, shape (cells,); 1 where one
        of them is not known.
    """
    a_year_before = replace(references, value=before.value[0], valid=before.valid[0])
    now = average(cells, references, days_min=days_min)
    then = average(cells, a_year_before, days_min=days_min)
    change = now / np.where(then > 0, then, np.nan)
    return np.where(np.isnan(change), 1, change)


def class_profile(
    cells: Cells, references: References, of_class: ClassProfile, *, days_min: float
) -> Float:
    """
    Share the service's average daily usage out as its class does (C1).

    Args:
        cells: What to estimate.
        references: What the service's own average is taken from; the class's stands in for it.
        of_class: What similar services do.
        days_min: Least amount of references for an average of its own [days].

    Returns:
        Quanta, shape (cells,); NaN where nothing is known of the class.
    """
    a_day = DAY_S // references.slots.interval_s
    own = average(cells, references, days_min=days_min) * a_day
    at = (cells.channel, cells.slot)
    shared: Float = np.where(np.isnan(own), of_class.daily[at], own) * of_class.share[at]
    return shared
