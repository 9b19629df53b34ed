"""
What an estimate was multiplied from where no single value stands behind it: averages and shares.

The same arithmetic as its method's, for one cell, spelt out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from mdms.domain.readings import Method
from vee.block import DAY_S
from vee.kernels import estimate
from vee.shapes import Shaper


@dataclass(frozen=True, slots=True)
class Factor:
    """
    A number that an estimate was multiplied from.

    Attributes:
        name: What it is.
        value: The number.
        channel_ids: Whose reads it was taken from.
        first: First local day of them.
        last: Last local day.
    """

    name: str
    value: float
    channel_ids: tuple[int, ...]
    first: date
    last: date


def factors(shaper: Shaper, position: int, method: Method) -> list[Factor]:
    """
    List the numbers whose product is a cell's shape; with H3, times the mean of its sources.

    Args:
        shaper: What the methods look at.
        position: Of the cell among the shaper's cells.
        method: How it was estimated.
    """
    spell_out = {Method.H3: _change, Method.C1: _class_share, Method.A1: _average}.get(method)
    return [] if spell_out is None else list(spell_out(shaper, position))


def _change(shaper: Shaper, position: int) -> Iterator[Factor]:
    """Yield how daily usage has changed since the year before (H3)."""
    before, cell = shaper.evidence.last_year, shaper.cells.take(np.array([position]))
    assert before is not None, "something was averaged"
    change = estimate.changed_since(
        cell, shaper.references, before, days_min=shaper.rules.estimate.average_days_min
    )
    yield _own(shaper, position, "change of daily usage in a year", float(change[0]))


def _class_share(shaper: Shaper, position: int) -> Iterator[Factor]:
    """Yield what a day holds and how much of it falls into the slot (C1)."""
    profile, row = shaper.evidence.of_class, int(shaper.cells.channel[position])
    assert profile is not None, "a class was looked at"
    at = row, int(shaper.cells.slot[position])
    peers = profile.peers[int(profile.of[at])]
    of_class = tuple(peers.channel_id.tolist()), peers.first, peers.last
    own = _own_average(shaper, position) * (DAY_S // shaper.found.block.slots.interval_s)
    if np.isnan(own):
        yield Factor("daily usage of the class", float(profile.daily[at]), *of_class)
    else:
        yield _own(shaper, position, "own daily usage", own)
    yield Factor("share of a day, of the class", float(profile.share[at]), *of_class)


def _average(shaper: Shaper, position: int) -> Iterator[Factor]:
    """Yield the average of an interval; without one, an even share of the residual (A1)."""
    average = _own_average(shaper, position)
    if not np.isnan(average):
        yield _own(shaper, position, "own usage of an interval", average)
        return
    found, cell = shaper.found, shaper.cells.take(np.array([position]))
    bracket = int(found.bracket_of(cell.channel, cell.slot)[0])
    days, day = found.block.slots.days, found.block.slots.day
    yield Factor(
        "even share of what registers leave",
        float(found.residual[bracket] / found.missing_count[bracket]),
        (int(found.block.channel_id[cell.channel[0]]),),
        days[day[found.brackets.first[bracket]]],
        days[day[found.brackets.last[bracket] - 1]],
    )


def _own_average(shaper: Shaper, position: int) -> float:
    """Return the average of an interval around a cell [quanta], NaN where too little is known."""
    cell = shaper.cells.take(np.array([position]))
    days_min = shaper.rules.estimate.average_days_min
    return float(estimate.average(cell, shaper.references, days_min=days_min)[0])


def _own(shaper: Shaper, position: int, name: str, value: float) -> Factor:
    """Return a factor that was taken from the channel's own reads around a cell."""
    cell, block = shaper.cells.take(np.array([position])), shaper.found.block
    first, last = (int(each[0]) for each in estimate.averaged_days(cell, shaper.references))
    days = block.slots.days
    return Factor(
        name,
        value,
        (int(block.channel_id[cell.channel[0]]),),
        days[first],
        days[min(last, len(days)) - 1],
    )
