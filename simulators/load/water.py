"""Water of homes and shops in tenths of a gallon an hour, and the leaks that never close."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Int64
from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.source import Metered, Source, to_quanta
from simulators.seeds import generator, some
from simulators.weather import Weather

INTERVAL_S = 3600
QUANTA_PER_GALLON = 10
LEAK_SHARE, FLAPPER_SHARE, BURST_SHARE = 0.02, 0.01, 0.004
_EVENING_H, _EVENING_SPREAD_H = 20.5, 1.5
_OPEN_H, _CLOSE_H = 8, (18, 14)
"""When commerce works, on working days and on rest days [h]."""
_LEAK_GALLONS_PER_H = (2.0, 30.0)
_ONLY_LEAK_H = 6 * 24, 365 * 24
"""When the one leak of a small city begins, and how long it lasts [h]."""
_FLAPPER_GALLONS_PER_H = (4.0, 25.0)
_FLAPPER_STICKS = 0.85
"""In this share of the hours."""
_BURST_GALLONS_PER_H = (210.0, 500.0)


class LeakKind(StrEnum):
    """How water is lost."""

    CONTINUOUS = "continuous"
    FLAPPER = "flapper"
    """A toilet's, that closes now and then."""
    BURST = "burst"


@dataclass(frozen=True, slots=True)
class Leaks:
    """
    Water that runs when nobody uses it, whole hours, in arrays of one length.

    Attributes:
        row: Which water meter; one that leaks has one leak.
        from_s: Start of the first hour, seconds since 1970-01-01 UTC.
        to_s: End of the last hour.
        rate: Quanta an hour, while it runs.
        kind: Value of LeakKind.
        seed: In which hours a flapper sticks follows from it.
    """

    row: Int64
    from_s: Int64
    to_s: Int64
    rate: Int64
    kind: npt.NDArray[np.object_]
    seed: int

    @classmethod
    def spring(cls, meters: int, start_s: int, seed: int) -> "Leaks":
        """
        Let a share of the meters leak.

        Args:
            meters: How many water meters there are.
            start_s: Start of the simulation; some leaks are older.
            seed: Everything follows from it.
        """
        rng = generator(seed, "leaks")
        drips = round(LEAK_SHARE * meters)
        row = np.sort(rng.choice(meters, max(drips, min(meters, 1)), replace=False))
        first_h = np.maximum(rng.integers(-5 * 24, 15 * 24, len(row)), 0)
        lasts_h = rng.integers(4 * 24, 40 * 24, len(row))
        if not drips:  # so few meters that none would leak: one does, and nobody mends it
            first_h[:], lasts_h[:] = _ONLY_LEAK_H
        low, high = np.log(_LEAK_GALLONS_PER_H)
        gallons = np.exp(rng.uniform(low, high, len(row)))

        rng = generator(seed, "flappers and bursts")
        tight = np.setdiff1d(np.arange(meters), row)
        flappers, bursts = (round(share * meters) for share in (FLAPPER_SHARE, BURST_SHARE))
        others = rng.choice(tight, flappers + bursts, replace=False)
        first_h = np.concatenate(
            [first_h, rng.integers(24, 15 * 24, flappers), rng.integers(8 * 24, 20 * 24, bursts)]
        )
        lasts_h = np.concatenate(
            [lasts_h, rng.integers(5 * 24, 30 * 24, flappers), rng.integers(2, 12, bursts)]
        )
        gallons = np.concatenate(
            [
                gallons,
                rng.uniform(*_FLAPPER_GALLONS_PER_H, flappers),
                rng.uniform(*_BURST_GALLONS_PER_H, bursts),
            ]
        )
        counts = (len(row), flappers, bursts)
        from_s = start_s + first_h * INTERVAL_S
        return cls(
            row=np.concatenate([row, others]).astype(np.int64),
            from_s=from_s,
            to_s=from_s + lasts_h * INTERVAL_S,
            rate=np.rint(gallons * QUANTA_PER_GALLON).astype(np.int64),
            kind=np.repeat(np.array([kind.value for kind in LeakKind], np.object_), counts),
            seed=seed,
        )

    def at(self, meters: Int64) -> "Leaks":
        """Return the same leaks with rows renamed: row k becomes meters[k]."""
        return replace(self, row=meters[self.row])

    def hours(self, day: LocalDay) -> Int64:
        """Return what each leak adds to each hour of the day [quanta], shape (leaks, slots)."""
        starts_s = day.starts_s(INTERVAL_S)
        runs = (starts_s >= self.from_s[:, None]) & (starts_s < self.to_s[:, None])
        rng = generator(self.seed, "flappers", day.date.toordinal())
        sticks = some(rng, _FLAPPER_STICKS, runs.shape)
        runs &= sticks | (self.kind != LeakKind.FLAPPER.value)[:, None]
        return runs * self.rate[:, None]


class Leaking:
    """Water meters of which some leak on top of what their customers use."""

    def __init__(self, source: Source, leaks: Leaks) -> None:
        self._source, self._leaks = source, leaks

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [0.1 gal]."""
        metered = self._source.day(day)
        value = metered.value.copy()
        value[self._leaks.row] += self._leaks.hours(day)
        return Metered(value, metered.gap)


class HomeWater:
    """Water channels of households, one row per meter; a building's meter sums its flats."""

    def __init__(
        self,
        households: Households,
        weather: Weather,
        first: Int64,
        count: Int64,
        seed: int,
    ) -> None:
        """
        Set the meters up.

        Args:
            households: Everyone; their number says who uses what.
            weather: Rain stops irrigation.
            first: First household behind each meter.
            count: How many consecutive households are behind it.
            seed: Everything follows from it.
        """
        self._households, self._weather, self._seed = households, weather, seed
        self._first, self._count = first, count
        rng = generator(seed, "home water")
        self._flush_gal: Floats = rng.choice([1.28, 1.6, 3.5], households.count, p=[0.5, 0.4, 0.1])
        self._shower_gal: Floats = rng.uniform(10, 24, households.count)
        # Gardens belong to houses; flats have none.
        garden = some(rng, 0.45, len(first)) & (count == 1)
        self._garden_gal: Floats = garden * rng.lognormal(5.0, 0.5, len(first))
        self._garden_hour: Int64 = rng.integers(3, 7, len(first))
        self._garden_day: Int64 = rng.integers(0, 3, len(first))

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [0.1 gal]."""
        rng = generator(self._seed, "home water", day.date.toordinal())
        hours = day.wall_hours(INTERVAL_S)
        use = self._indoor_gal(day, hours, rng)
        before = np.concatenate([np.zeros((1, use.shape[1])), np.cumsum(use, axis=0)])
        gallons = before[self._first + self._count] - before[self._first]
        gallons += self._garden(day, hours)
        quanta = np.maximum(gallons, 0.0) * QUANTA_PER_GALLON
        return Metered.whole(to_quanta(quanta, rng.random(len(quanta))))

    def _indoor_gal(self, day: LocalDay, hours: Floats, rng: np.random.Generator) -> Floats:
        """Return the use of every household [gal], shape (households, slots)."""
        present = self._households.presence(day, INTERVAL_S)
        shape = present.shape
        flushes = rng.poisson(present * 0.32) + rng.poisson(0.03 * (present > 0), shape)
        gallons = flushes * self._flush_gal[:, None]
        gallons += rng.poisson(present * 0.9) * rng.gamma(2.0, 0.35, shape)
        since_waking = np.abs(hours[None, :] - self._households.wake_h[:, None] - 0.5)
        morning, evening = (
            since_waking < 1.0,
            np.abs(hours - _EVENING_H)[None, :] < _EVENING_SPREAD_H,
        )
        showers = rng.poisson(present * (0.3 * morning + 0.06 * evening))
        gallons += showers * self._shower_gal[:, None] * rng.uniform(0.6, 1.4, shape)
        washing = rng.random(shape) < 0.016 * np.minimum(present, 2.0)
        gallons += washing * rng.uniform(14, 30, shape)
        return gallons

    def _garden(self, day: LocalDay, hours: Floats) -> Floats:
        """Return irrigation [gal], every third day before dawn, little in winter."""
        season = 0.5 - 0.5 * np.cos(2 * np.pi * (day.date.timetuple().tm_yday - 15) / 365.25)
        amount = 0.0 if self._weather.is_rainy(day) else max(season, 0.08)
        waters = self._garden_day == day.date.toordinal() % 3
        at = np.floor(hours)[None, :] == self._garden_hour[:, None]
        return np.where(at & waters[:, None], amount * self._garden_gal[:, None], 0.0)


class CommerceWater:
    """Water channels of shops and offices, one row per meter."""

    def __init__(self, count: int, seed: int) -> None:
        self._seed = seed
        rng = generator(seed, "commerce water")
        self._open_gal: Floats = rng.lognormal(2.6, 0.8, count).clip(2, 150)
        self._closed_share: Floats = rng.choice([0.0, 0.02], count, p=[0.8, 0.2])

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count [0.1 gal]."""
        rng = generator(self._seed, "commerce water", day.date.toordinal())
        hours = day.wall_hours(INTERVAL_S)[None, :]
        is_open = (hours >= _OPEN_H) & (hours < _CLOSE_H[day.is_rest])
        share = np.where(is_open, 1.0, self._closed_share[:, None])
        gallons = self._open_gal[:, None] * share * rng.gamma(3.0, 1 / 3.0, share.shape)
        return Metered.whole(to_quanta(gallons * QUANTA_PER_GALLON, rng.random(len(gallons))))
