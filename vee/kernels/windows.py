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
from vee.kernels.candidates import KEPT_MAX, Offsets, Past, Resemblance, Runs, best
from vee.kernels.closeness import sums
from vee.kernels.gaps import Cells, Float

_VALUES_MAX = 1 << 20
"""Candidates that are weighed, or values that are looked at, at a time: 8 MB an array."""


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is to be estimated from windows that resemble it.

    Attributes:
        cells: All missing cells of some brackets or gaps, group by group, in time within each.
        group: Group of each cell, numbered from 0 on, rising, shape (cells,).
        total: What the cells of each group sum to [quanta], NaN where no register tells.
        profile: Another estimate [quanta], 0 or more, shape (cells,). It shares a total out among
            the windows, and stands in where candidates are few.
    """

    cells: Cells
    group: Int64
    total: Float
    profile: Float


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What the candidates of some cells that follow each other show.

    Attributes:
        cell: Which of the asked cells.
        slot: Slot of each candidate's value, shape (cells, kept).
        value: What stands there [quanta], shape (cells, kept).
        weight: 0 where a candidate has no value there, shape (cells, kept).
        trust: Share that the candidates have in each estimate, shape (cells,).
    """

    cell: slice
    slot: Int64
    value: Float
    weight: Float
    trust: Float


@dataclass(frozen=True, slots=True)
class Search:
    """
    The windows of what is asked, and where their candidates are looked for.

    Attributes:
        asked: What is to be estimated.
        past: What from.
        how: What resemblance is.
        scaled: The profile, scaled to what is known of totals, shape (cells,).
        first: First cell of each group.
        parts: Windows and their runs.
        offsets: Where candidates may lie.
    """

    asked: Asked
    past: Past
    how: Resemblance
    scaled: Float
    first: Int64
    parts: "_Parts"
    offsets: Offsets

    @classmethod
    def of(cls, asked: Asked, past: Past, how: Resemblance) -> "Search":
        """Cut what is asked into windows."""
        slots = past.references.slots
        first = np.flatnonzero(np.diff(asked.group, prepend=-1))
        offsets = Offsets.within(how.reach_days, slots.interval_s)
        return cls(
            asked,
            past,
            how,
            scaled=_scaled(asked.profile, asked.total, asked.group, first),
            first=first,
            parts=_Parts.cut(asked.cells, asked.group, first, slots),
            offsets=offsets.reaching(slots.day[asked.cells.slot], past.references),
        )

    @property
    def window_first(self) -> Int64:
        """First cell of each window, shape (windows,)."""
        return self.parts.first[self.parts.first_run]

    def seen(self) -> Iterator[Seen]:
        """Yield what the candidates of each cell show, some windows at a time."""
        if len(self.offsets.days) == 0:
            return
        cells, parts, references = self.asked.cells, self.parts, self.past.references
        energy = np.add.reduceat(self.scaled, self.window_first)
        of_group = self.asked.group[self.window_first]
        siblings = np.bincount(of_group)[of_group].astype(np.float64)
        told = ~np.isnan(self.asked.total)
        for runs in parts.chunks(len(self.offsets.days)):
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
            candidates = best(few, self.offsets, self.past, self.how)
            run = np.repeat(np.arange(len(window)), few.length)
            cell = slice(parts.first[runs.start], parts.first[runs.start] + len(run))
            into = cells.slot[cell] - few.slot[run]
            slot = candidates.start[run] + into[:, None]
            value, valid = references.of(cells.channel[cell, None], slot)
            weight = candidates.weight[few.window[run]] * valid
            effective = candidates.effective[few.window[run]]
            drawn = self.how.shrink * siblings[windows][few.window[run]]
            trust = np.where(weight.any(axis=1), effective / (effective + drawn), 0)
            yield Seen(cell, slot, value.astype(np.float64), weight, trust)


def resembling(asked: Asked, past: Past, how: Resemblance) -> tuple[Float, Bool]:
    """
    Estimate missing cells from windows that resemble theirs (H4).

    Args:
        asked: What is missing.
        past: What to estimate from.
        how: What resemblance is.

    Returns:
        Quanta, shape (cells,); and for which of them a candidate was found.

    Source:
        Copies matched on energy: Weber et al. 2021, IEEE TSG 12(6):5409. The common quantile
        makes the expected absolute error least; see docs/reference/estimation.md.
    """
    search = Search.of(asked, past, how)
    scaled, group, count = search.scaled, asked.group, len(asked.cells)
    quantile = np.repeat(scaled[:, None], len(quantiles.LEVELS), axis=1)
    mean, trust = scaled.copy(), np.zeros(count)
    for seen in search.seen():
        value, weight = seen.value, seen.weight
        known = weight.any(axis=1)
        quantile[seen.cell][known] = quantiles.at_levels(value[known], weight[known])
        mean[seen.cell][known] = (sums(weight * value) / np.maximum(sums(weight), 1e-300))[known, 0]
        trust[seen.cell] = seen.trust

    alone = np.isnan(asked.total)[group]  # each window for itself: nothing ties them together
    begins = np.zeros(count, np.bool_)
    begins[search.first] = True
    begins[search.window_first] |= alone[search.window_first]
    met = np.flatnonzero(begins)
    likely = np.add.reduceat(trust * mean + (1 - trust) * scaled, met)
    wanted = np.where(alone[met], likely, asked.total[group[met]])
    level = quantiles.meet(wanted, quantile, met)
    return trust * level + (1 - trust) * scaled, trust > 0


def band(asked: Asked, past: Past, how: Resemblance, levels: Float) -> Float:
    """
    Return quantiles of what the candidates show, NaN where there is none, shape (cells, levels).

    Args:
        asked: What is missing.
        past: What to look at.
        how: What resemblance is.
        levels: Between 0 and 1, shape (levels,).
    """
    found = np.full((len(asked.cells), len(levels)), np.nan)
    for seen in Search.of(asked, past, how).seen():
        known = seen.weight.any(axis=1)
        found[seen.cell][known] = quantiles.at_levels(seen.value[known], seen.weight[known], levels)
    return found


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
