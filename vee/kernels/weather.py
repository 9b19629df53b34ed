"""Daily usage against heating degree-days: a straight line for each channel; vee.md 4.3, V51."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.kernels.gaps import Float


def degree_days(mean_f: Float, base_f: float) -> Float:
    """
    Return by how much each day was colder than the base [degrees F], NaN where nobody knows.

    Args:
        mean_f: Mean temperature outdoors of each day, NaN where nobody stated it, shape (days,).
        base_f: Nobody heats above it; 65 in the United States.
    """
    return np.maximum(base_f - mean_f, 0.0)  # NaN stays


@dataclass(frozen=True, slots=True)
class HeatingLines:
    """
    What a day uses, and how much more for each degree-day; every array has the shape (channels,).

    Attributes:
        base: Of a day without heating [quanta].
        slope: For each degree-day [quanta].
        explained: Share of the variance between days that the line explains (R squared), 0..1.
        days: Days that it was drawn through.
    """

    base: Float
    slope: Float
    explained: Float
    days: Int64

    @classmethod
    def through(cls, usage: Float, valid: Bool, degrees: Float) -> "HeatingLines":
        """
        Draw each channel's line of least squares.

        Args:
            usage: By day [quanta], shape (channels, days).
            valid: Whole and sound days, shape (channels, days).
            degrees: Heating degree-days, NaN where unknown, shape (days,).
        """
        used = valid & ~np.isnan(degrees)
        cold = np.where(np.isnan(degrees), 0.0, degrees)
        days = used.sum(axis=1)
        count = np.maximum(days, 1)
        mean_cold = (used * cold).sum(axis=1) / count
        mean_usage = np.where(used, usage, 0.0).sum(axis=1) / count
        off_cold = used * (cold - mean_cold[:, None])
        off_usage = np.where(used, usage - mean_usage[:, None], 0.0)
        spread, both = (off_cold**2).sum(axis=1), (off_cold * off_usage).sum(axis=1)
        varied, total = spread > 0, (off_usage**2).sum(axis=1)
        slope = np.where(varied, both / np.where(varied, spread, 1.0), 0.0)
        explained = slope * both / np.where(total > 0, total, 1.0)
        return cls(mean_usage - slope * mean_cold, slope, explained, days)

    def usable(self, *, days_min: int, explained_min: float) -> Bool:
        """Return the lines that say something: drawn through enough days, and rising with cold."""
        solid: Bool = (self.days >= days_min) & (self.explained >= explained_min)
        return solid & (self.slope > 0)

    def expected(self, degrees: Float) -> Float:
        """Return what days of these degree-days use [quanta], shape (channels, days)."""
        return np.maximum(self.base[:, None] + self.slope[:, None] * degrees, 0.0)
