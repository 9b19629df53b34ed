"""
How much more, or less, gas a day takes than those it is estimated from: by its cold; vee.md 4.3.

Only where no two registers tell the total, and only where the utility states how warm it was.
"""

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.context import GAS
from vee.kernels.gaps import Float
from vee.kernels.weather import HeatingLines, degree_days
from vee.shapes import Shaper

_WEEK = 7


def warmth(shaper: Shaper, at: Int64) -> Float:
    """
    Return what the shape of some cells is to be multiplied by: 1 where nothing is known.

    The days that a profile is made from used, on average, what the line of usage against
    degree-days says of their cold; the gap's own day is as much off as its own cold is.

    Args:
        shaper: What is estimated, and from what.
        at: Positions among its cells.
    """
    factor = np.ones(len(at))
    outdoor_f, cells = shaper.evidence.outdoor_f, shaper.cells.take(at)
    if outdoor_f is None:
        return factor
    slots, how = shaper.found.block.slots, shaper.rules.weather
    of_gas = np.flatnonzero(shaper.found.block.context.commodity[cells.channel] == GAS)
    degrees = degree_days(outdoor_f, how.heating_base_f)
    day = slots.day[cells.slot[of_gas]]
    of_gas, day = of_gas[~np.isnan(degrees[day])], day[~np.isnan(degrees[day])]
    if not len(of_gas):
        return factor
    pair, place = np.unique(np.stack([cells.channel[of_gas], day]), axis=1, return_inverse=True)
    channel, own = pair
    valid = shaper.references.valid[channel]
    first = slots.first[:-1]
    whole = np.logical_and.reduceat(valid, first, axis=1) & _seen(shaper, own)
    value = np.where(valid, shaper.references.value[channel], 0)
    usage = np.add.reduceat(value, first, axis=1).astype(np.float64)
    lines = HeatingLines.through(usage, whole, degrees)
    weight = np.where(whole & ~np.isnan(degrees), _weight(shaper, own), 0.0)
    alike = np.where(weight > 0, lines.expected(np.nan_to_num(degrees)), 0.0)
    usual = (weight * alike).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    there = np.maximum(lines.base + lines.slope * degrees[own], 0.0)
    usable = lines.usable(days_min=how.days_min, explained_min=how.explained_min) & (usual > 0)
    limits = shaper.rules.estimate
    ratio = np.clip(there / np.where(usable, usual, 1.0), limits.alpha_min, limits.alpha_max)
    factor[of_gas] = np.where(usable, ratio, 1.0)[place.ravel()]
    return factor


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
