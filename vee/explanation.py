"""What one estimate was made from: the same arithmetic as its method's, for one cell, spelt out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from mdms.domain.readings import Int64, Method
from vee.estimation import question
from vee.kernels.gaps import Float
from vee.kernels.quantiles import at_levels
from vee.kernels.references import SUNDAY, WEEKEND, likeness
from vee.kernels.windows import Search, band
from vee.shapes import Shaper


@dataclass(frozen=True, slots=True)
class Source:
    """
    A value that an estimate rests on.

    Attributes:
        channel_id: Whose it is: mostly the meter's own, of K1 a second meter's.
        start_s: When its interval starts, seconds since 1970-01-01 UTC.
        value: Quanta.
        weight: Its share of the whole, 0..1.
    """

    channel_id: int
    start_s: int
    value: int
    weight: float


Weighing = Callable[[Shaper, int], Iterator[tuple[int, float]]]
"""Yields slots and their weights, which need not sum to 1."""

_LOOKS_AT_NONE: Final = frozenset(
    {Method.NONE, Method.D1, Method.Z1, Method.Z2, Method.C1, Method.A1}
)
"""They come of registers, outages, or factors()."""


def sources(shaper: Shaper, position: int, method: Method) -> list[Source]:
    """
    List what a cell was estimated from, the heaviest first.

    Args:
        shaper: What the methods look at.
        position: Of the cell among the shaper's cells.
        method: How it was estimated. For H4 these are the windows that resemble the gap, and the
            days of the profile that stands in for them where they are few.

    Returns:
        Nothing where the method looks at no single values; see factors().
    """
    if method in _LOOKS_AT_NONE:
        return []
    if method is Method.K1:
        return [_second_meter(shaper, position)]
    if method is Method.H3:
        return list(_a_year_before(shaper, position))
    weighing: dict[Method, Weighing] = {
        Method.L1: _neighbours,
        Method.H1: _profile,
        Method.H2: _nearest,
        Method.H4: _windows,
    }
    assert method in weighing, f"say here what {method.name} looks at"
    found = list(weighing[method](shaper, position))
    whole = sum(weight for _, weight in found)
    block, channel = shaper.found.block, shaper.cells.channel[position]
    listed = [
        Source(
            int(block.channel_id[channel]),
            int(block.slots.start_s[slot]),
            int(block.value[channel, slot]),
            weight / whole,
        )
        for slot, weight in found
    ]
    return sorted(listed, key=lambda source: (-source.weight, source.start_s))


def _second_meter(shaper: Shaper, position: int) -> Source:
    """Return what was copied (K1)."""
    check, at = shaper.evidence.check, _place(shaper, position)
    assert check is not None, "something was copied"
    start_s = int(shaper.found.block.slots.start_s[at[1]])
    return Source(int(check.channel_id[at]), start_s, int(check.value[at]), 1.0)


def _a_year_before(shaper: Shaper, position: int) -> Iterator[Source]:
    """Yield the same time of the weeks of the year before that were averaged (H3)."""
    before, (row, slot) = shaper.evidence.last_year, _place(shaper, position)
    assert before is not None, "something was averaged"
    weeks = np.flatnonzero(before.valid[:, row, slot]).tolist()
    for week in weeks:
        yield Source(
            int(shaper.found.block.channel_id[row]),
            int(before.start_s[week, slot]),
            int(before.value[week, row, slot]),
            1 / len(weeks),
        )


def _place(shaper: Shaper, position: int) -> tuple[int, int]:
    """Return row and column of a cell."""
    return int(shaper.cells.channel[position]), int(shaper.cells.slot[position])


BAND = np.array([0.1, 0.9])
"""Levels between which four of five values are expected."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """
    The windows that H4 estimated one cell from.

    Attributes:
        slot: Where in them the cell's counterpart lies, the heaviest first, shape (windows,).
        weight: Above 0, summing to 1, shape (windows,).
        trust: Their share in the estimate; the rest is the profile's.
        low: A tenth of what they show lies below it [quanta].
        high: A tenth of what they show lies above it [quanta].
    """

    slot: Int64
    weight: Float
    trust: float
    low: float
    high: float


def witnesses(shaper: Shaper, position: int) -> Witnesses | None:
    """Return what H4 made of one of the shaper's cells; None where it saw no window."""
    wanted = question(shaper)
    for mine in np.flatnonzero(wanted.at == position).tolist():
        for seen in Search.of(wanted.asked, wanted.past, wanted.how).seen():
            row = mine - seen.cell.start
            if not 0 <= row < len(seen.slot):
                continue
            order = np.argsort(-seen.weight[row], kind="stable")
            order = order[seen.weight[row, order] > 0]
            if len(order):
                slot, weight = seen.slot[row, order], seen.weight[row, order]
                value = shaper.references.value[shaper.cells.channel[position], slot]
                low, high = at_levels(value[None].astype(np.float64), weight[None], BAND)[0]
                trust = float(seen.trust[row])
                return Witnesses(slot, weight / weight.sum(), trust, float(low), float(high))
    return None


def bands(shaper: Shaper) -> Float:
    """Return P10 and P90 of each cell [quanta], NaN where H4 sees no window, shape (cells, 2)."""
    wanted = question(shaper)
    found = np.full((len(shaper.cells), len(BAND)), np.nan)
    if len(wanted.at):
        found[wanted.at] = band(wanted.asked, wanted.past, wanted.how, BAND)
    return found


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


def _windows(shaper: Shaper, position: int) -> Iterator[tuple[int, float]]:
    """Yield the windows that resemble the gap, and the profile's days for the rest (H4)."""
    seen = witnesses(shaper, position)
    trust = seen.trust if seen is not None else 0.0
    if seen is not None:
        yield from zip(seen.slot.tolist(), (trust * seen.weight).tolist(), strict=True)
    profile = list(_profile(shaper, position))
    whole = sum(weight for _, weight in profile)
    yield from ((slot, (1 - trust) * weight / whole) for slot, weight in profile)


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
