"""The people behind the meters: how many, when they are up, when they are away."""

import math
from datetime import date, timedelta

import numpy as np

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.calendar import LocalDay, is_holiday
from simulators.seeds import generator, some

_TRIPS_PER_YEAR = 2
_TRIP_CHANCE = 0.6
_TRIP_DAYS_MAX = 16
_FAMILY_HOLIDAY_SHARE = 0.15
"""Of households that travel over Thanksgiving or over the end of the year."""


class Households:
    """
    Traits of every household, in arrays of one length.

    Attributes:
        persons: How many live there.
        wake_h: When the first gets up on a working day, wall clock [h].
        sleep_h: When the last goes to bed [h].
        leaves: Share of the persons who are out on a working day.
        size: Floor area against the average, about 0.5..2.5.
    """

    def __init__(self, count: int, seed: int) -> None:
        rng = generator(seed, "households")
        self._seed = seed
        self.count = count
        self.persons: Int64 = 1 + rng.binomial(5, 0.33, count)
        self.wake_h: Floats = rng.normal(6.6, 0.8, count)
        self.sleep_h: Floats = rng.normal(22.6, 0.8, count)
        self.leaves: Floats = rng.beta(2.0, 1.3, count)
        self.size: Floats = rng.lognormal(0.0, 0.35, count).clip(0.45, 2.6)
        self._home_by_h: Floats = rng.normal(17.4, 1.1, count)
        self._travels_on_holidays = some(rng, _FAMILY_HOLIDAY_SHARE, (2, count))

    def away(self, day: LocalDay) -> Bool:
        """Return who is on a journey this day, shape (households,)."""
        away = np.zeros(self.count, np.bool_)
        for year in (day.date.year - 1, day.date.year):
            rng = generator(self._seed, "trips", year)
            starts = rng.integers(0, 365, (_TRIPS_PER_YEAR, self.count))
            lengths = rng.integers(2, _TRIP_DAYS_MAX + 1, (_TRIPS_PER_YEAR, self.count))
            taken = some(rng, _TRIP_CHANCE, (_TRIPS_PER_YEAR, self.count))
            into = (day.date - date(year, 1, 1)).days - starts
            away |= (taken & (into >= 0) & (into < lengths)).any(axis=0)
        for travels, dates in zip(
            self._travels_on_holidays, _family_holidays(day.date), strict=True
        ):
            if dates:
                away |= travels
        return away

    def presence(self, day: LocalDay, interval_s: int) -> Floats:
        """Return how many persons are up and at home, shape (households, slots)."""
        hours = day.wall_hours(interval_s)[None, :]
        rng = generator(self._seed, "presence", day.date.toordinal())
        shift = rng.normal(0.0, 0.4, (3, self.count, 1))
        wake = self.wake_h[:, None] + shift[0] + (1.3 if day.is_rest else 0.0)
        up = _edge(hours - wake) * _edge(self.sleep_h[:, None] + shift[1] - hours)
        out = (
            _edge(hours - wake - 1.4)
            * _edge(self._home_by_h[:, None] + shift[2] - hours)
            * (self.leaves * (0.35 if day.is_rest else 1.0))[:, None]
        )
        at_home = self.persons[:, None] * up * (1.0 - out)
        at_home[self.away(day)] = 0.0
        return at_home


def _edge(hours: Floats) -> Floats:
    """Return a step from 0 to 1 at 0 h that takes about half an hour."""
    return 1.0 / (1.0 + np.exp(-np.clip(hours, -5.0, 5.0) * (math.log(81) / 0.5)))


def _family_holidays(day: date) -> tuple[bool, bool]:
    """Return whether people travel for Thanksgiving, and for the end of the year."""
    nearest_thursday = day + timedelta(days=3 - day.weekday())
    thanksgiving = is_holiday(nearest_thursday) and is_holiday(nearest_thursday + timedelta(days=1))
    midwinter = (day.month, day.day) >= (12, 21) or (day.month, day.day) <= (1, 2)
    return thanksgiving and day >= nearest_thursday - timedelta(days=1), midwinter
