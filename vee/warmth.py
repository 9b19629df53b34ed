"""
How much more, or less, a day takes than those it is estimated from: by its weather; vee.md 4.3.

Gas follows the cold, delivered electric energy the cold and the warmth: as far as the days around
the gap say so, and only where the utility states how warm it was.
"""

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.context import ELECTRIC, GAS, Quantity
from vee.examination import Examination
from vee.kernels.gaps import Float
from vee.kernels.weather import WeatherLines
from vee.shapes import Shaper

_WEEK = 7


def warmth(shaper: Shaper, at: Int64) -> Float:
    """
    Return what the shape of some cells is to be multiplied by: 1 where nothing is known.

    The days that a profile is made from used, on average, what the lines of usage against
    degree-days say of their weather; the gap's own day is as much off as its own weather is.

    Args:
        shaper: What is estimated, and from what.
        at: Positions among its cells.
    """
    factor = np.ones(len(at))
    outdoor_f, cells = shaper.evidence.outdoor_f, shaper.cells.take(at)
    if outdoor_f is None:
        return factor
    slots, how = shaper.found.block.slots, shaper.rules.weather
    degrees = how.degrees(outdoor_f)
    follows = _follows(shaper.found)[cells.channel]
    day = slots.day[cells.slot]
    bent = np.flatnonzero(follows & degrees.known[day])
    if not len(bent):
        return factor
    pair, place = np.unique(np.stack([cells.channel[bent], day[bent]]), axis=1, return_inverse=True)
    channel, own = pair
    valid = shaper.references.valid[channel]
    first = slots.first[:-1]
    whole = np.logical_and.reduceat(valid, first, axis=1) & _seen(shaper, own)
    value = np.where(valid, shaper.references.value[channel], 0)
    usage = np.add.reduceat(value, first, axis=1).astype(np.float64)
    cools = shaper.found.block.context.commodity[channel] == ELECTRIC
    lines = WeatherLines.through(usage, whole, degrees, cools)
    expected = lines.expected(degrees)
    weight = np.where(whole & degrees.known, _weight(shaper, own), 0.0)
    alike = np.where(weight > 0, expected, 0.0)
    usual = (weight * alike).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    there = expected[np.arange(len(own)), own]
    usable = lines.usable(days_min=how.days_min, explained_min=how.explained_min) & (usual > 0)
    limits = shaper.rules.estimate
    ratio = np.clip(there / np.where(usable, usual, 1.0), limits.alpha_min, limits.alpha_max)
    factor[bent] = np.where(usable, ratio, 1.0)[place.ravel()]
    return factor


def _follows(found: Examination) -> Bool:
    """Return the channels that may heat or cool, shape (channels,)."""
    context = found.block.context
    of_gas = context.commodity == GAS
    electric = (context.commodity == ELECTRIC) & context.measures(Quantity.DELIVERED)
    follows: Bool = of_gas | electric
    return follows


def _seen(shaper: Shaper, own: Int64) -> Bool:
    """Return which days the line of each gap's day may be drawn through, shape (gaps, days)."""
    days = np.arange(len(shaper.found.block.slots.days))
    apart = days[None, :] - own[:, None]
    near = (np.abs(apart) <= shaper.rules.weather.reach_days) & (apart != 0)
    seen: Bool = near & ((apart < 0) | shaper.references.ahead[own][:, None])
    return seen


def _weight(shaper: Shaper, own: Int64) -> Float:
    """Return how much each day counts in the profile of a gap's day, shape (gaps, days)."""
    how = shaper.rules.estimate
    apart = np.arange(len(shaper.found.block.slots.days))[None, :] - own[:, None]
    like = np.where(apart % _WEEK == 0, 1.0, how.other_weekday_weight)
    weight: Float = np.exp(-np.abs(apart) / how.profile_decay_days) * like
    return weight
