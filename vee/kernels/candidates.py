"""
Candidates: at the same time on other days, and how much each resembles the window that is missing.

Sums over a stretch are differences of running sums, so a candidate costs as much as its edges do,
however long it is; only the best are looked at cell by cell.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import DAY_S
from vee.kernels import closeness
from vee.kernels.bits import Bits
from vee.kernels.closeness import logs, sums
from vee.kernels.gaps import Float
from vee.kernels.references import References, likeness

SHIFT_S_MAX = 3600
SHIFT_S_STEP = 1800
KEPT_MAX = 80
"""So many best candidates of a window are looked at cell by cell."""

COVERAGE_MIN = 0.75
"""A candidate may miss a quarter of its values itself."""

SMALL = 0.1
"""Share of the average usage below which differences hardly count."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """
    How candidates are weighed.

    Attributes:
        reach_days: How far candidates may lie to each side.
        days_min: Candidates must come from this many days at least.
        decay_days: Distance at which a day's weight has fallen to 1/e [days].
        other_weekday_weight: Weight of another weekday against 1 for the same one.
        shift_h: Standard deviation of the shift from the same time of day [h].
        edge_h: Gap length at which a neighbour's difference counts like one of energy; it counts
            for more beside shorter gaps and for less beside longer ones [h]. Of what jumps, only a
            neighbour that tells half of the variance of the value next to it counts as much.
        shrink: Half of an estimate is the profile where this many candidates were found; as many
            more for each further window that shares the total.
    """

    reach_days: int
    days_min: int
    decay_days: float
    other_weekday_weight: float
    shift_h: float
    edge_h: float
    shrink: float


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where candidates lie: whole days and a shift of some slots away; shape (candidates,)."""

    days: Int64
    shift: Int64

    @classmethod
    def within(cls, reach_days: int, interval_s: int) -> "Offsets":
        """Return all offsets up to some days away, at half hours or whole intervals."""
        step = max(SHIFT_S_STEP // interval_s, 1)
        most = SHIFT_S_MAX // interval_s // step * step
        shift = np.arange(-most, most + 1, step)
        day = np.arange(1, reach_days + 1)
        days = np.stack([-day, day], axis=1).ravel()
        return cls(np.repeat(days, len(shift)), np.tile(shift, len(days)))

    def reaching(self, own: Int64, references: References) -> "Offsets":
        """Leave out what lies beyond the references of all of these days."""
        last = len(references.slots.days) - 1
        inside = (self.days + own.max() >= 0) & (self.days + own.min() <= last)
        inside &= (self.days < 0) | references.ahead[own].any()
        return Offsets(self.days[inside], self.shift[inside])


@dataclass(frozen=True, slots=True)
class Past:
    """
    What the references say of any stretch of slots.

    Attributes:
        references: The references themselves.
        energy: Running sum of valid values, shape (channels, slots + 1).
        valid: Which values are valid, counted.
        anchor: Values that may stand beside a gap, shape (channels, slots).
        smooth: Channels of loads that do not jump, shape (channels,); of the others' neighbours it
            is asked first whether they tell anything.
    """

    references: References
    energy: Int64
    valid: Bits
    anchor: Bool
    smooth: Bool

    @classmethod
    def of(cls, references: References, anchor: Bool, smooth: Bool) -> "Past":
        """Sum up references."""
        channels, slots = references.value.shape
        energy = np.zeros((channels, slots + 1), np.int64)
        np.copyto(energy[:, 1:], references.value, where=references.valid)
        np.cumsum(energy, axis=1, out=energy)
        return cls(references, energy, Bits.of(references.valid), anchor, smooth)

    def within(self, row: Int64, start: Int64, end: Int64) -> tuple[Int64, Int64]:
        """Return the energy of stretches of slots, and how many valid values it is the sum of."""
        slots = self.references.value.shape[1]
        sums = row * (slots + 1)
        energy: Int64 = np.take(self.energy, sums + end) - np.take(self.energy, sums + start)
        cells = row * slots
        return energy, self.valid.count(cells + end) - self.valid.count(cells + start)


@dataclass(frozen=True, slots=True)
class Runs:
    """
    Stretches of missing slots, window by window; every array of shape (runs,) but `energy`.

    Attributes:
        channel: Row of the block.
        slot: First slot.
        length: Slots.
        window: Window that a run is part of, numbered from 0 on, rising.
        energy: What each window is expected to hold [quanta], shape (windows,).
        doubt: What differences of energy are divided by: the number of windows that share a
            total, infinity where no total is known, shape (windows,).
    """

    channel: Int64
    slot: Int64
    length: Int64
    window: Int64
    energy: Float
    doubt: Float

    @property
    def first(self) -> Int64:
        """First run of each window, shape (windows,)."""
        return np.flatnonzero(np.diff(self.window, prepend=-1))


@dataclass(frozen=True, slots=True)
class Candidates:
    """
    The best candidates of some windows.

    Attributes:
        start: First slot of each run's candidates, shape (runs, kept).
        weight: Of each window's candidates, 0 where there is none, shape (windows, kept).
    """

    start: Int64
    weight: Float

    @property
    def effective(self) -> Float:
        """How many equally good candidates those of each window are worth, shape (windows,)."""
        square = sums(self.weight**2)[:, 0]
        return np.where(square > 0, sums(self.weight)[:, 0] ** 2 / np.maximum(square, 1e-300), 0)


def best(runs: Runs, offsets: Offsets, past: Past, how: Resemblance) -> Candidates:
    """
    Find the candidates that resemble each window most.

    The energy of a window and the values beside its runs are compared by their logarithms, in
    standard deviations of what the candidates themselves show: so no scale has to be told.
    """
    slots, first = past.references.slots, runs.first
    start, good = _places(runs, offsets, past.references)
    end = start + runs.length[:, None]
    row = runs.channel[:, None]
    length = np.add.reduceat(runs.length, first)[:, None]
    used, valid = (np.add.reduceat(each, first, axis=0) for each in past.within(row, start, end))
    good = np.logical_and.reduceat(good, first, axis=0) & (valid >= COVERAGE_MIN * length)
    energy = np.where(good, used * length / np.maximum(valid, 1), 0)

    prior = good * _prior(runs.slot[first], offsets, past.references, how)
    typical = np.maximum(sums(prior * energy) / np.maximum(sums(prior), 1e-300), 0)
    small = np.maximum(SMALL * typical, 1)
    away = closeness.away(logs(energy, small), logs(runs.energy[:, None], small), prior)
    away /= runs.doubt[:, None]

    hours = length * slots.interval_s / 3600
    say = np.sqrt(how.edge_h / hours)
    beside = _edges(runs, start, end, small / length, prior=prior, past=past)
    count = np.diff(first, append=len(runs.window))[:, None]
    away += say * np.add.reduceat(beside, first, axis=0) / count

    away = np.where(prior > 0, away, np.inf)
    nearest = away.min(axis=1, keepdims=True)
    weight = prior * np.exp(-(away - np.where(np.isfinite(nearest), nearest, 0)) / 2)
    kept = _largest(weight, min(KEPT_MAX, weight.shape[1]))
    weight = np.take_along_axis(weight, kept, axis=1)
    weight[_days(offsets.days[kept], weight > 0) < how.days_min] = 0
    return Candidates(np.take_along_axis(start, kept[runs.window], axis=1), weight)


def _largest(weight: Float, count: int) -> Int64:
    """Return the positions of the largest weights of each row; of equal ones the first."""
    least = np.partition(weight, -count, axis=1)[:, -count, None]
    above = weight > least
    room = count - np.count_nonzero(above, axis=1)[:, None]
    level = weight == least
    chosen = above | (level & (np.cumsum(level, axis=1) <= room))
    positions: Int64 = np.nonzero(chosen)[1].reshape(len(weight), count)
    return positions


def _days(day: Int64, counts: Bool) -> Int64:
    """Return how many different days there are in each row, where a mask counts them."""
    none = np.iinfo(np.int64).max
    order = np.sort(np.where(counts, day, none), axis=1)
    fresh = np.ones(order.shape, np.bool_)
    fresh[:, 1:] = order[:, 1:] != order[:, :-1]
    number: Int64 = np.count_nonzero(fresh & (order != none), axis=1)
    return number


def _places(runs: Runs, offsets: Offsets, references: References) -> tuple[Int64, Bool]:
    """Return the first slot of each run's candidates, and which of them lie within reach."""
    slots = references.slots
    own = slots.day[runs.slot][:, None]
    day = own + offsets.days
    inside = (day >= 0) & (day < len(slots.days))
    day = np.where(inside, day, 0)
    same = slots.at[day, slots.wall[runs.slot][:, None]]
    start = same + offsets.shift
    end = start + runs.length[:, None]
    good = inside & (same >= 0) & (start >= 0) & (end <= len(slots)) & ~references.holiday[day]
    good &= references.ahead[own] | ((offsets.days < 0) & (end < slots.first[own + 1]))
    if references.since is not None:
        row = runs.channel[:, None]
        good &= references.since[row, day] == references.since[row, own]
    start = np.where(good, start, 0)
    last = np.where(good, end - 1, 0)
    steady = (slots.wall[last] - slots.wall[start] - runs.length[:, None] + 1) % (
        DAY_S // slots.interval_s
    ) == 0  # the clocks do not change within it
    return start, good & steady


def _prior(slot: Int64, offsets: Offsets, references: References, how: Resemblance) -> Float:
    """Weigh candidates by their day and time alone, shape (windows, candidates)."""
    slots = references.slots
    own = slots.day[slot][:, None]
    day = np.clip(own + offsets.days, 0, len(slots.days) - 1)
    like = likeness(offsets.days, day, references, own, how.other_weekday_weight)
    shift_h = offsets.shift * slots.interval_s / 3600
    near: Float = np.exp(-np.abs(offsets.days) / how.decay_days - (shift_h / how.shift_h) ** 2 / 2)
    return like * near


def _edges(
    runs: Runs, start: Int64, end: Int64, small: Float, *, prior: Float, past: Past
) -> Float:
    """
    Return how far the values beside each run are from its own, shape (runs, candidates).

    A neighbour of what may jump counts by how well neighbours tell, among the candidates, the
    value next to them in the run.
    """
    references, row = past.references, runs.channel[:, None]
    jumpy = np.flatnonzero(~past.smooth[runs.channel])
    slots = len(references.slots)
    small, prior = small[runs.window], prior[runs.window]
    today = references.slots.day[runs.slot]
    ahead, day_end = references.ahead[today], references.slots.first[today + 1]
    away = np.zeros(start.shape)
    for own, there, next_to in (
        (runs.slot - 1, start - 1, start),
        (runs.slot + runs.length, end, end - 1),
    ):
        inside, held = (own >= 0) & (own < slots), np.clip(own, 0, slots - 1)
        inside &= ahead | (own < day_end)
        known = (inside & past.anchor[runs.channel, held])[:, None]
        other = np.clip(there, 0, slots - 1)
        value, valid = references.of(row, other)
        seen = valid & (there == other)
        beside = logs(np.where(seen, value, 0), small)
        mine = logs(references.value[runs.channel, held][:, None], small)
        apart = closeness.away(beside, mine, prior * seen)
        told = np.ones((len(row), 1))
        if len(jumpy):
            inner, sound = references.of(row[jumpy], next_to[jumpy])
            told[jumpy] = closeness.telling(
                beside[jumpy],
                logs(np.where(sound, inner, 0), small[jumpy]),
                prior[jumpy] * (seen[jumpy] & sound),
            )
        away += known * told * np.where(seen, apart, 1)
    return away
