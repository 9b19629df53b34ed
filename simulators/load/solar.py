"""Net-metered homes: a roof behind the meter, and two channels that never run at once."""

import numpy as np

from mdms.domain.readings import Int64
from simulators.calendar import LocalDay
from simulators.load.electric import HomePower
from simulators.load.source import Metered, to_quanta
from simulators.seeds import generator
from simulators.weather import Weather, sun_height


class SolarHomes:
    """
    Delivered and received channels of homes with a roof.

    Rows come in two halves: every home's delivered channel, then every home's received one.
    """

    def __init__(
        self, power: HomePower, weather: Weather, household: Int64, interval_s: int, seed: int
    ) -> None:
        rng = generator(seed, "solar")
        self._power, self._weather, self._household = power, weather, household
        self._interval_s, self._seed = interval_s, seed
        self._peak_w = rng.uniform(2_800, 7_500, len(household))
        self._facing = rng.uniform(0.75, 1.0, len(household))

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [Wh], delivered rows first."""
        rng = generator(self._seed, "solar", day.date.toordinal())
        height = sun_height(day, self._interval_s)
        cover = self._weather.cloud_cover(day)
        # Passing clouds move over the whole city, and a little differently over each roof.
        passing = rng.beta(2.0, 2.0, len(height)) * 1.6 * cover
        own = rng.normal(0.0, 0.05 + 0.1 * cover, (len(self._household), len(height)))
        clear = np.clip(1.0 - 0.75 * np.clip(passing, 0.0, 1.0)[None, :] + own, 0.05, 1.0)
        produced_w = (self._peak_w * self._facing)[:, None] * height**1.15 * clear
        used = self._power.energy_wh(day, self._interval_s)[self._household]
        net = used - produced_w * (self._interval_s / 3600)
        both = np.concatenate([np.maximum(net, 0.0), np.maximum(-net, 0.0)])
        return Metered.whole(to_quanta(both, rng.random(len(both))))
