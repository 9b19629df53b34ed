"""Gas of homes and shops in cubic feet an hour: furnaces in the cold, hot water, stoves."""

import numpy as np

from mdms.domain.readings import Int64
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.source import Metered, to_quanta
from simulators.seeds import generator, some
from simulators.weather import Weather

INTERVAL_S = 3600
_HOME_CAPACITY = 220.0
_COMMERCE_CAPACITY = 375.0
"""What appliances burn in an hour at most [cubic feet]: meters are chosen with a tenth to spare."""
_SOMEBODY = 0.2
_OPEN_H, _CLOSE_H = 7, (18, 14)
"""When commerce works, on working days and on rest days [h]."""
_BALANCE_F = 62.0
"""Below this outdoor temperature buildings need heat."""


class HomeGas:
    """Gas channels of households, one row per meter."""

    def __init__(
        self, households: Households, weather: Weather, household: Int64, seed: int
    ) -> None:
        self._households, self._weather, self._seed = households, weather, seed
        self._household = household
        rng = generator(seed, "home gas")
        count = len(household)
        size = households.size[household]
        self._heat_per_f = size * rng.lognormal(0.35, 0.3, count)
        self._has_pilot = some(rng, 0.35, count)
        self._hot_water = rng.uniform(3.0, 6.5, count)
        self._has_stove = some(rng, 0.6, count)

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [cubic feet]."""
        rng = generator(self._seed, "home gas", day.date.toordinal())
        present = self._households.presence(day, INTERVAL_S)[self._household]
        away = self._households.away(day)[self._household]
        hours = day.wall_hours(INTERVAL_S)[None, :]
        cold = np.maximum(_BALANCE_F - self._weather.temperature_f(day, INTERVAL_S), 0.0)[None, :]
        # Thermostats are set back at night and while nobody is in.
        comfort = np.where(present > _SOMEBODY, 1.0, 0.3) * np.where(away, 0.3, 1.0)[:, None]
        reheating = 1.0 + 0.8 * (np.abs(hours - self._households.wake_h[self._household, None]) < 1)
        cubic_feet = self._heat_per_f[:, None] * cold * comfort * reheating
        cubic_feet = cubic_feet * rng.gamma(6.0, 1 / 6.0, cubic_feet.shape)
        draws = rng.poisson(0.25 * present)
        cubic_feet += draws * self._hot_water[:, None]
        dinner = (np.abs(hours - 18.5) < 1.0) & some(rng, 0.4, cubic_feet.shape)
        cubic_feet += dinner * (self._has_stove[:, None] & (present > 0)) * 6.0
        cubic_feet += self._has_pilot[:, None] * 0.7
        quanta = np.minimum(cubic_feet, _HOME_CAPACITY)
        return Metered.whole(to_quanta(quanta, rng.random(len(quanta))))


class CommerceGas:
    """Gas channels of shops and offices, one row per meter."""

    def __init__(self, count: int, weather: Weather, seed: int) -> None:
        self._weather, self._seed = weather, seed
        rng = generator(seed, "commerce gas")
        self._heat_per_f = rng.lognormal(1.0, 0.5, count)
        self._process = rng.lognormal(2.0, 0.9, count)

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [cubic feet]."""
        rng = generator(self._seed, "commerce gas", day.date.toordinal())
        hours = day.wall_hours(INTERVAL_S)[None, :]
        is_open = (hours >= _OPEN_H) & (hours < _CLOSE_H[day.is_rest])
        cold = np.maximum(_BALANCE_F - self._weather.temperature_f(day, INTERVAL_S), 0.0)[None, :]
        cubic_feet = self._heat_per_f[:, None] * cold * np.where(is_open, 1.0, 0.25)
        cubic_feet = cubic_feet + self._process[:, None] * is_open
        cubic_feet = cubic_feet * rng.gamma(10.0, 0.1, cubic_feet.shape)
        quanta = np.minimum(cubic_feet, _COMMERCE_CAPACITY)
        return Metered.whole(to_quanta(quanta, rng.random(len(quanta))))
