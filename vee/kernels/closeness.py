"""
How close candidates are to what is missing: differences of logarithms, in what they vary by.

No size has to be told then: a kilowatt-hour is little in one home and much in another.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Int64
from vee.kernels.gaps import Float

TOLD_MAX = 0.95
"""No neighbour is taken to tell more than this of the variance next to it."""

VARIANCE_MIN = 1e-6
"""Of logarithms: what varies less, by a thousandth, does not vary."""


def sums(grid: Float) -> Float:
    """
    Sum each row one value after the other, shape (rows, 1).

    Pairwise sums depend on where zeros lie, and so on how much context was loaded; these do not.
    """
    return np.cumsum(grid, axis=1)[:, -1:]


def logs(value: Int64 | Float, small: Float) -> Float:
    """Return logarithms of quanta; differences below `small` hardly count in them."""
    found: Float = np.log(np.maximum(value, 0) + small)
    return found


def away(candidates: Float, own: Float, weight: Float) -> Float:
    """
    Return squared differences from one's own, in variances of the candidates.

    Args:
        candidates: Logarithms, shape (rows, candidates).
        own: Logarithms, shape (rows, 1).
        weight: Of the candidates, shape (rows, candidates).
    """
    apart: Float = (candidates - own) ** 2 / _Spread.of(candidates, weight).variance
    return apart


def telling(beside: Float, inner: Float, weight: Float) -> Float:
    """
    Return how much neighbours tell of the values next to them, as signal to noise.

    Args:
        beside: Logarithms of neighbours, shape (rows, candidates).
        inner: Logarithms of what stands next to them, same shape.
        weight: Of the candidates, same shape.

    Returns:
        r / sqrt(1 - r^2) of their correlation, shape (rows, 1): 1 where half of the variance is
        told, 0 where none is or one falls as the other rises; at most 4.4.
    """
    one, other = _Spread.of(beside, weight), _Spread.of(inner, weight)
    both = np.maximum(sums(weight * one.off * other.off) / one.whole, 0)
    told = np.minimum(both**2 / (one.variance * other.variance), TOLD_MAX)
    found: Float = np.sqrt(told / (1 - told))
    return found


@dataclass(frozen=True, slots=True)
class _Spread:
    """
    How weighted values of a row lie around their mean.

    Attributes:
        off: Differences from the mean, shape (rows, values).
        variance: Shape (rows, 1).
        whole: Sum of weights, shape (rows, 1).
    """

    off: Float
    variance: Float
    whole: Float

    @classmethod
    def of(cls, value: Float, weight: Float) -> "_Spread":
        whole = np.maximum(sums(weight), 1e-300)
        off = value - sums(weight * value) / whole
        return cls(off, np.maximum(sums(weight * off**2) / whole, VARIANCE_MIN), whole)
