"""
Reference windows: other stretches of the same meter that resemble the one that is missing (H4).

A window is what a bracket, or a gap outside all brackets, misses within a day. Its candidates lie
at the same time of other days, and up to an hour beside it, because people are no clocks. What
they show is cut at one common quantile: where it sums to what the registers leave or, where no
register tells, to what the candidates used on average.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import DAY_S, SlotTable
from vee.kernels import quantiles
from vee.kernels.candidates import KEPT_MAX, Offsets, Past, Resemblance, Runs, best, sums
from vee.kernels.gaps import Cells, Float

_VALUES_MAX = 1 << 20
"""Candidates that are weighed, or values that are looked at, at a time: 8 MB an array."""


def resembling(
    cells: Cells,
    group: Int64,
    total: Float,
    profile: Float,
    *,
    past: Past,
    how: Resemblance,
) -> tuple[Float, Bool]:
    """
    Estimate missing cells from windows that resemble theirs (H4).

    Args:
        cells: All missing cells of some brackets or gaps, group by group, in time within each.
        group: Group of each cell, numbered from 0 on, rising, shape (cells,).
        total: What the cells of each group sum to [quanta], NaN where no register tells.
        profile: Another estimate [quanta], 0 or more, shape (cells,). It shares a total out among
            the windows, and stands in where candidates are few.
        past: What to estimate from.
        how: What resemblance is.

    Returns:
        Quanta, shape (cells,); and for which of them a candidate was found.

    Source:
        Copies matched on energy: Weber et al. 2021, IEEE TSG 12(6):5409. The common quantile
        makes the expected absolute error least; see docs/reference/estimation.md.
    """
    references = past.references
    slots = references.slots
    first = np.flatnonzero(np.diff(group, prepend=-1))
    scaled = _scaled(profile, total, group, first)
    parts = _Parts.cut(cells, group, first, slots)
    window_first = parts.first[parts.first_run]
    energy = np.add.reduceat(scaled, window_first)
    of_group = group[window_first]
    siblings = np.bincount(of_group)[of_group].astype(np.float64)
    told = ~np.isnan(total)
    offsets = Offsets.within(how.reach_days, slots.interval_s)
    offsets = offsets.reaching(slots.day[cells.slot], references)
    if len(offsets.days) == 0:
        return scaled, np.zeros(len(cells), np.bool_)

    quantile = np.repeat(scaled[:, None], len(quantiles.LEVELS), axis=1)
    mean, trust = scaled.copy(), np.zeros(len(cells))
    for runs in parts.chunks(len(offsets.days)):
        window = parts.window[runs]
        windows = slice(window[0], window[-1] + 1)
        few = Runs(
            channel=cells.channel[parts.first[runs]],
            slot=cells.slot[parts.first[runs]],
            length=parts.length[runs],
            window=window - window[0],
            energy=energy[windows],
            doubt=np.where(told[of_group[windows]], siblings[windows], np.inf),
        )
        candidates = best(few, offsets, past, how)
        run = np.repeat(np.arange(len(window)), few.length)
        cell = slice(parts.first[runs.start], parts.first[runs.start] + len(run))
        into = cells.slot[cell] - few.slot[run]
        row, slot = cells.channel[cell, None], candidates.start[run] + into[:, None]
        weight = candidates.weight[few.window[run]] * references.valid[row, slot]
        known = weight.any(axis=1)
        value = references.value[row, slot].astype(np.float64)
        quantile[cell][known] = quantiles.at_levels(value[known], weight[known])
        mean[cell][known] = (sums(weight * value) / np.maximum(sums(weight), 1e-300))[known, 0]
        effective = candidates.effective[few.window[run]]
        drawn = how.shrink * siblings[windows][few.window[run]]
        trust[cell] = np.where(known, effective / (effective + drawn), 0)

    alone = ~told[group]  # each window for itself: nothing ties them together
    begins = np.zeros(len(cells), np.bool_)
    begins[first] = True
    begins[window_first] |= alone[window_first]
    met = np.flatnonzero(begins)
    likely = np.add.reduceat(trust * mean + (1 - trust) * scaled, met)
    wanted = np.where(alone[met], likely, total[group[met]])
    level = quantiles.meet(wanted, quantile, met)
    return trust * level + (1 - trust) * scaled, trust > 0


def _scaled(profile: Float, total: Float, group: Int64, first: Int64) -> Float:
    """Scale a profile to the total of each group, if known; evenly where it is all zero."""
    whole = np.add.reduceat(profile, first)
    flat = ((whole == 0) & ~np.isnan(total))[group]
    count = np.diff(first, append=len(profile))
    factor = np.where(np.isnan(total), 1, total / np.where(whole > 0, whole, count))
    return np.where(flat, 1, profile) * factor[group]


@dataclass(frozen=True, slots=True)
class _Parts:
    """
    How cells fall into windows, and these into runs without a break.

    Attributes:
        first: First cell of each run, shape (runs,).
        length: Cells of each run, shape (runs,).
        window: Window of each run, rising, shape (runs,).
        first_run: First run of each window, shape (windows,).
    """

    first: Int64
    length: Int64
    window: Int64
    first_run: Int64

    @classmethod
    def cut(cls, cells: Cells, group: Int64, group_first: Int64, slots: SlotTable) -> "_Parts":
        """Cut a window each day from the group's first cell; a clock change breaks a run."""
        a_day = DAY_S // slots.interval_s
        day = (cells.slot - cells.slot[group_first][group]) // a_day
        wall = slots.wall[cells.slot]
        begins_window, begins_run = np.ones((2, len(cells)), np.bool_)
        begins_window[1:] = (np.diff(group) != 0) | (np.diff(day) != 0)
        begins_run[1:] = (np.diff(cells.slot) != 1) | (np.diff(wall) % a_day != 1)
        begins_run |= begins_window
        first = np.flatnonzero(begins_run)
        window = np.cumsum(begins_window)[first] - 1
        return cls(
            first=first,
            length=np.diff(first, append=len(cells)),
            window=window,
            first_run=np.flatnonzero(np.diff(window, prepend=-1)),
        )

    def chunks(self, candidates: int) -> Iterator[slice]:
        """Yield runs of whole windows, so that no step needs much memory."""
        work = np.cumsum(np.maximum(candidates, KEPT_MAX * self.length))
        ends = np.append(self.first_run[1:], len(self.first))
        begin, done = 0, 0
        for end in ends.tolist():
            last = end == len(self.first)
            if last or work[end] - done > _VALUES_MAX:
                yield slice(begin, end)
                begin, done = end, int(work[end - 1])
