"""What one estimate was made from: the same arithmetic as its method's, for one cell, spelt out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from mdms.domain.readings import Int64, Method
from vee.kernels.references import SUNDAY, WEEKEND, likeness
from vee.shapes import Shaper


@dataclass(frozen=True, slots=True)
class Source:
    """
    A value that an estimate rests on.

    Attributes:
        day: Its local day.
        slot: Its slot in the block.
        value: Quanta.
        weight: Its share of the whole, 0..1.
    """

    day: date
    slot: int
    value: int
    weight: float


def sources(shaper: Shaper, position: int, method: Method) -> list[Source]:
    """
    List what a cell was estimated from, the heaviest first.

    Args:
        shaper: What the methods look at.
        position: Of the cell among the shaper's cells.
        method: How it was estimated. For H4 these are the days of its profile, which shares the
            total out among windows and stands in where few windows resemble the gap; which windows
            those are is not spelt out.

    Returns:
        Nothing where the method looks at no single values.
    """
    weigh = {
        Method.L1: _neighbours,
        Method.H1: _profile,
        Method.H2: _nearest,
        Method.H4: _profile,
    }.get(method)
    if weigh is None:
        return []
    found = list(weigh(shaper, position))
    whole = sum(weight for _, weight in found)
    slots, value = shaper.found.block.slots, shaper.found.block.value
    channel = shaper.cells.channel[position]
    listed = [
        Source(slots.days[slots.day[slot]], slot, int(value[channel, slot]), weight / whole)
        for slot, weight in found
    ]
    return sorted(listed, key=lambda source: (-source.weight, source.slot))


Weighing = Callable[[Shaper, int], Iterator[tuple[int, float]]]
"""Yields slots and their weights, which need not sum to 1."""


def _neighbours(shaper: Shaper, position: int) -> Iterator[tuple[int, float]]:
    """Yield both ends of the line, each the heavier the nearer it is (L1)."""
    slot = int(shaper.cells.slot[position])
    left, right = int(shaper.gaps.left[position]), int(shaper.gaps.right[position])
    yield left, float(right - slot)
    yield right, float(slot - left)


def _profile(shaper: Shaper, position: int) -> Iterator[tuple[int, float]]:
    """Yield the same time on other days (H1)."""
    how, references = shaper.rules.estimate, shaper.references
    for offset, slot, day, own in _others(shaper, position):
        like = likeness(offset, day, references, own, how.other_weekday_weight)
        weight = float(like[0]) * float(np.exp(-abs(offset) / how.profile_decay_days))
        if weight > 0:
            yield slot, weight


def _nearest(shaper: Shaper, position: int) -> Iterator[tuple[int, float]]:
    """Yield the nearest same weekdays, or days of the same type where there are none (H2)."""
    references, count = shaper.references, shaper.rules.estimate.nearest_count
    kind = np.where(references.holiday, SUNDAY, references.weekday)
    for kinds in (kind, (kind >= WEEKEND).astype(np.int64)):
        like = [
            slot
            for _, slot, day, own in _others(shaper, position)
            if kinds[day[0]] == kinds[own[0]]
        ]
        if like:
            yield from ((slot, 1.0) for slot in like[:count])
            return


def _others(shaper: Shaper, position: int) -> Iterator[tuple[int, int, Int64, Int64]]:
    """Yield offset, slot, day and own day of each reference of a cell, nearest first."""
    references = shaper.references
    cell = shaper.cells.take(np.array([position]))
    slots = references.slots
    own = slots.day[cell.slot]
    for offset in references.offsets():
        _, good, day = references.at(cell, offset)
        if good[0]:
            yield offset, int(slots.at[day[0], slots.wall[cell.slot[0]]]), day, own
