"""Weather over the whole city: mild, with warm and cold spells that last some days."""

import math
from datetime import date

import numpy as np

from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.seeds import generator

LATITUDE_RAD = math.radians(37.44)
LONGITUDE_H = -122.14 / 15
"""Mean solar time minus UTC [h]."""

RAINY_COVER = 0.72
"""From this mean cloud cover on, it rains."""

_SPELL = np.array([1.0, 0.85, 0.65, 0.45, 0.25])
_SPELL_WEIGHTS = _SPELL / np.sqrt((_SPELL**2).sum())
"""Weights of today's and the last days' chance: neighbouring days resemble each other."""


class Weather:
    """Temperature, clouds and sun of any day, from the seed alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def temperature_f(self, day: LocalDay, interval_s: int) -> Floats:
        """Return the outdoor temperature in each interval [°F], shape (slots,)."""
        season = math.cos(2 * math.pi * (_day_of_year(day.date) - 205) / 365.25)
        mean = 58.5 + 10.5 * season + 5.0 * self._spell(day.date, "temperature")
        swing = 7.5 + 2.0 * season
        return mean + swing * np.cos(2 * np.pi * (day.wall_hours(interval_s) - 15.5) / 24)

    def cloud_cover(self, day: LocalDay) -> float:
        """Return the mean share of sky that clouds cover, 0..1; winters are cloudier."""
        season = math.cos(2 * math.pi * (_day_of_year(day.date) - 15) / 365.25)
        return 1 / (1 + math.exp(0.9 - 0.9 * season - 1.5 * self._spell(day.date, "cloud")))

    def is_rainy(self, day: LocalDay) -> bool:
        """Return whether it rains enough that nobody irrigates."""
        return self.cloud_cover(day) > RAINY_COVER

    def _spell(self, day: date, what: str) -> float:
        chances = [
            generator(self._seed, what, day.toordinal() - back).standard_normal()
            for back in range(len(_SPELL_WEIGHTS))
        ]
        return float(_SPELL_WEIGHTS @ chances)


def sun_height(day: LocalDay, interval_s: int) -> Floats:
    """
    Return the sine of the sun's elevation in the middle of each interval, 0 below the horizon.

    Source:
        Cooper's formula for the declination; the equation of time (16 minutes at most) is left
        out, because a roof's direction shifts the curve by more.
    """
    declination = math.radians(23.45) * math.sin(
        2 * math.pi * (284 + _day_of_year(day.date)) / 365.0
    )
    middle_h = (day.starts_s(interval_s) + interval_s / 2) % 86400 / 3600
    hour_angle = (middle_h + LONGITUDE_H - 12) * (math.pi / 12)
    height = math.sin(LATITUDE_RAD) * math.sin(declination) + math.cos(LATITUDE_RAD) * math.cos(
        declination
    ) * np.cos(hour_angle)
    return np.maximum(height, 0.0)


def _day_of_year(day: date) -> int:
    return day.timetuple().tm_yday
