"""Electricity of homes and shops: an always-on base, people, appliances and the weather."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.source import Metered, to_quanta
from simulators.seeds import generator, some
from simulators.weather import Weather, sun_height

HEATING_BELOW_F = 61.0
COOLING_ABOVE_F = 75.0
_FRIDGE_DUTY = 0.4
_DUSK = 0.1
"""Sine of the sun's elevation below which lamps are lit."""
_HOME_MAX_W = 22_000
_COMMERCE_MAX_W = 70_000
"""What the main breaker lets through: 100 A and 320 A at 240 V, with some room."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """
    Something that runs at most once a day for a while.

    Attributes:
        owned: Share of homes that have one.
        daily: Chance that an owner who is at home uses it on a working day, and on a rest day.
        start_h: Mean and spread of the time it starts, wall clock [h].
        length_h: Shortest and longest run [h].
        watts: Lowest and highest power [W].
    """

    name: str
    owned: float
    daily: tuple[float, float]
    start_h: tuple[float, float]
    length_h: tuple[float, float]
    watts: tuple[float, float]


APPLIANCES = (
    Appliance("kettle and toaster", 1.0, (0.8, 0.8), (7.3, 0.9), (0.1, 0.3), (900, 1600)),
    Appliance("lunch", 1.0, (0.2, 0.5), (12.4, 0.7), (0.2, 0.7), (700, 1800)),
    Appliance("dinner", 1.0, (0.75, 0.8), (18.3, 0.9), (0.4, 1.3), (800, 2600)),
    Appliance("dishwasher", 0.7, (0.4, 0.5), (20.6, 1.3), (0.8, 1.4), (700, 1100)),
    Appliance("washing machine", 0.9, (0.2, 0.45), (12.5, 3.5), (0.6, 1.0), (350, 600)),
    Appliance("clothes dryer", 0.45, (0.2, 0.45), (14.0, 3.5), (0.6, 1.1), (2400, 3600)),
    Appliance("car charger", 0.22, (0.5, 0.4), (21.5, 1.6), (1.0, 4.5), (3300, 7200)),
    Appliance("space heater", 0.15, (0.5, 0.5), (19.0, 2.0), (0.5, 2.5), (900, 1500)),
)


class HomePower:
    """Power of every household, before solar; shape (households, slots) [Wh per interval]."""

    def __init__(self, households: Households, weather: Weather, seed: int) -> None:
        count = households.count
        rng = generator(seed, "electric homes")
        self._households, self._weather, self._seed = households, weather, seed
        self._base_w: Floats = 55 + 75 * households.size * rng.lognormal(0.0, 0.4, count)
        self._fridge_w: Floats = rng.uniform(80, 160, count)
        self._fridge_cycle_h: Floats = rng.uniform(0.7, 1.3, count)
        self._person_w: Floats = rng.lognormal(4.6, 0.4, count)
        self._owned: list[Bool] = [some(rng, kind.owned, count) for kind in APPLIANCES]
        self._appliance_w = [rng.uniform(*kind.watts, count) for kind in APPLIANCES]
        heat_pump, cooling = some(rng, 0.2, count), some(rng, 0.4, count)
        self._heat_w_per_f: Floats = heat_pump * households.size * rng.uniform(40, 80, count)
        self._cool_w_per_f: Floats = cooling * households.size * rng.uniform(60, 120, count)
        self._last: tuple[LocalDay, int, Floats] | None = None

    def energy_wh(self, day: LocalDay, interval_s: int) -> Floats:
        """Return what each household uses in each interval [Wh]; not to be written to."""
        # Homes with and without a roof ask for the same day one after the other.
        if self._last is None or self._last[:2] != (day, interval_s):
            self._last = day, interval_s, self._energy_wh(day, interval_s)
        return self._last[2]

    def _energy_wh(self, day: LocalDay, interval_s: int) -> Floats:
        rng = generator(self._seed, "electric homes", day.date.toordinal())
        hours = day.wall_hours(interval_s)
        present = self._households.presence(day, interval_s)
        at_home = ~self._households.away(day)
        length_h = interval_s / 3600

        cycles = hours[None, :] / self._fridge_cycle_h[:, None] + rng.random((len(present), 1))
        watts = self._base_w[:, None] + self._fridge_w[:, None] * (cycles % 1.0 < _FRIDGE_DUTY)
        dark = sun_height(day, interval_s) < _DUSK
        watts += present * self._person_w[:, None] * (0.6 + 0.6 * dark[None, :])
        degrees = self._weather.temperature_f(day, interval_s)[None, :]
        comfort = np.where(at_home, 1.0, 0.35)[:, None]
        watts += self._heat_w_per_f[:, None] * np.maximum(HEATING_BELOW_F - degrees, 0) * comfort
        watts += self._cool_w_per_f[:, None] * np.maximum(degrees - COOLING_ABOVE_F, 0) * comfort
        watts *= rng.gamma(14.0, 1 / 14.0, watts.shape)

        energy = watts * length_h
        for kind, owned, appliance_w in zip(
            APPLIANCES, self._owned, self._appliance_w, strict=True
        ):
            energy += _runs(
                (kind.start_h, kind.length_h),
                (hours, length_h),
                owned & at_home & some(rng, kind.daily[day.is_rest], len(owned)),
                appliance_w,
                rng,
            )
        return np.minimum(energy, _HOME_MAX_W * length_h)


def _runs(
    when: tuple[tuple[float, float], tuple[float, float]],
    slots: tuple[Floats, float],
    used: Bool,
    watts: Floats,
    rng: np.random.Generator,
) -> Floats:
    """
    Return the energy of one kind of appliance [Wh], shape (households, slots).

    Args:
        when: Mean and spread of the start, and shortest and longest run [h].
        slots: Wall clock at the start of each interval, and its length [h].
        used: Which households run it today.
        watts: Its power in each household.
        rng: Chance; what would run past midnight is cut off.
    """
    start_h, length_h = when
    hours, slot_h = slots
    start = rng.normal(*start_h, len(used))
    end = start + rng.uniform(*length_h, len(used))
    energy = np.zeros((len(used), len(hours)))
    runs = np.flatnonzero(used)
    overlap_h = np.minimum(end[runs, None], hours + slot_h) - np.maximum(start[runs, None], hours)
    energy[runs] = watts[runs, None] * np.clip(overlap_h, 0.0, None)
    return energy


class Homes:
    """Electric channels of households without a roof, one row per meter."""

    def __init__(self, power: HomePower, household: Int64, interval_s: int, seed: int) -> None:
        self._power, self._household = power, household
        self._interval_s, self._seed = interval_s, seed

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [Wh]."""
        energy = self._power.energy_wh(day, self._interval_s)[self._household]
        phase = generator(self._seed, "homes", day.date.toordinal()).random(len(energy))
        return Metered.whole(to_quanta(energy, phase))


class Commerce:
    """Electric channels of shops and offices, one row per meter."""

    def __init__(self, count: int, weather: Weather, interval_s: int, seed: int) -> None:
        rng = generator(seed, "commerce")
        self._weather, self._interval_s, self._seed = weather, interval_s, seed
        self._base_w: Floats = rng.lognormal(7.4, 0.6, count).clip(400, 9_000)
        self._open_w: Floats = self._base_w * rng.uniform(1.5, 4.0, count)
        self._open_h: Floats = rng.normal(8.0, 1.0, count)
        self._close_h: Floats = rng.normal(18.5, 1.6, count)
        self._rest_share: Floats = np.where(some(rng, 0.4, count), 0.9, 0.1)

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [Wh]."""
        rng = generator(self._seed, "commerce", day.date.toordinal())
        hours = day.wall_hours(self._interval_s)[None, :]
        is_open = (hours >= self._open_h[:, None]) & (hours < self._close_h[:, None])
        busy = self._rest_share if day.is_rest else np.ones_like(self._rest_share)
        degrees = self._weather.temperature_f(day, self._interval_s)[None, :]
        climate = 1.0 + 0.02 * np.abs(degrees - 66.0)
        watts = self._base_w[:, None] + is_open * (self._open_w * busy)[:, None] * climate
        watts = watts * rng.gamma(40.0, 1 / 40.0, watts.shape)
        watts = np.minimum(watts, _COMMERCE_MAX_W)
        phase = rng.random(len(watts))
        return Metered.whole(to_quanta(watts * (self._interval_s / 3600), phase))
