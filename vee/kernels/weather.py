"""Daily usage against degree-days: what heating and cooling take; vee.md 4.3, V51."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.kernels.gaps import Float

SAME = 1e-9
"""Cold and warmth that are one line up to this share of their variance are not told apart."""


@dataclass(frozen=True, slots=True)
class Degrees:
    """
    By how much days were colder and warmer than where nobody heats, or cools [degrees F].

    Attributes:
        heating: NaN where nobody stated how warm it was, shape (days,).
        cooling: Likewise.
    """

    heating: Float
    cooling: Float

    @classmethod
    def of(cls, mean_f: Float, *, heating_base_f: float, cooling_base_f: float) -> "Degrees":
        """
        Count degree-days.

        Args:
            mean_f: Mean temperature outdoors of each day, NaN where nobody stated it.
            heating_base_f: Nobody heats above it; 65 in the United States.
            cooling_base_f: Nobody cools below it; 65 as well.
        """
        return cls(
            np.maximum(heating_base_f - mean_f, 0.0),  # NaN stays
            np.maximum(mean_f - cooling_base_f, 0.0),
        )

    @property
    def known(self) -> Bool:
        """Days of which somebody stated it, shape (days,)."""
        return ~np.isnan(self.heating)

    def take(self, days: Int64 | Bool) -> "Degrees":
        """Return some of the days."""
        return Degrees(self.heating[days], self.cooling[days])


@dataclass(frozen=True, slots=True)
class WeatherLines:
    """
    What a day uses, and how much more for each degree-day; every array has the shape (channels,).

    Attributes:
        base: Of a day without heating or cooling [quanta].
        heating: For each heating degree-day [quanta], 0 or more.
        cooling: For each cooling degree-day [quanta], 0 or more.
        explained: Share of the variance between days that they explain (R squared), 0..1.
        days: Days that they were drawn through.
    """

    base: Float
    heating: Float
    cooling: Float
    explained: Float
    days: Int64

    @classmethod
    def through(cls, usage: Float, valid: Bool, degrees: Degrees, cools: Bool) -> "WeatherLines":
        """
        Draw each channel's lines of least squares of which none falls.

        Args:
            usage: By day [quanta], shape (channels, days).
            valid: Whole and sound days, shape (channels, days).
            degrees: How cold and how warm these days were.
            cools: Channels that may cool: nobody does with gas, shape (channels,).
        """
        used = valid & degrees.known
        days = used.sum(axis=1)

        def centred(column: Float) -> tuple[Float, Float]:
            """Return what used days are off their mean, and the mean."""
            mean = np.where(used, column, 0.0).sum(axis=1) / np.maximum(days, 1)
            return np.where(used, column - mean[:, None], 0.0), mean

        off_usage, usual = centred(usage)
        off_cold, cold = centred(degrees.heating)
        off_warm, warm = centred(degrees.cooling)
        off_warm = np.where(cools[:, None], off_warm, 0.0)
        xx, zz = (off_cold**2).sum(axis=1), (off_warm**2).sum(axis=1)
        xz = (off_cold * off_warm).sum(axis=1)
        xy, zy = (off_cold * off_usage).sum(axis=1), (off_warm * off_usage).sum(axis=1)
        heating, cooling = _slopes(xx, zz, xz, xy, zy)
        total = (off_usage**2).sum(axis=1)
        explained = (heating * xy + cooling * zy) / np.where(total > 0, total, 1.0)
        return cls(usual - heating * cold - cooling * warm, heating, cooling, explained, days)

    def usable(self, *, days_min: int, explained_min: float) -> Bool:
        """Return the lines that say something: drawn through enough days, and rising at all."""
        solid: Bool = (self.days >= days_min) & (self.explained >= explained_min)
        return solid & (self.heating + self.cooling > 0)

    def expected(self, degrees: Degrees) -> Float:
        """Return what days of these degree-days use [quanta], shape (channels, days)."""
        heated = self.heating[:, None] * degrees.heating
        cooled = self.cooling[:, None] * degrees.cooling
        return np.maximum(self.base[:, None] + heated + cooled, 0.0)


def _slopes(xx: Float, zz: Float, xz: Float, xy: Float, zy: Float) -> tuple[Float, Float]:
    """
    Solve for two slopes of which none is negative, from sums of squares and products.

    Where the best pair has a negative one, the best of the rest has one that is zero.
    """
    apart = xx * zz - xz**2
    free = apart > SAME * xx * zz
    whole = np.where(free, apart, 1.0)
    one, two = (zz * xy - xz * zy) / whole, (xx * zy - xz * xy) / whole
    both = free & (one >= 0) & (two >= 0)
    alone = np.maximum(xy, 0.0) / np.where(xx > 0, xx, 1.0)
    other = np.maximum(zy, 0.0) / np.where(zz > 0, zz, 1.0)
    first = alone * xy >= other * zy  # the one that explains more
    return (
        np.where(both, one, np.where(first, alone, 0.0)),
        np.where(both, two, np.where(first, 0.0, other)),
    )
