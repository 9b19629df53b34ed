"""Series that the accuracy of estimates is measured on: real homes, and the simulator's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from mdms.domain.readings import Bool, Int64
from simulators.calendar import LocalDay
from simulators.households import Households
from simulators.load.electric import HomePower, Homes
from simulators.load.gas import HomeGas
from simulators.load.solar import SolarHomes
from simulators.load.source import Source
from simulators.load.water import HomeWater
from simulators.weather import Weather
from vee.kernels.gaps import Float

ELECTRIC_FILE = "electric_sgsc10_30min.parquet"
WATER_FILE = "water_daiad_hourly_registers.parquet"
SOLAR_FILE = "solar_ausgrid12_30min.parquet"

HOUR_S = 3600
DAY_S = 86_400
WATER_DAYS_MIN = 25
WATER_LITRES_MIN = 200
"""A home that used less was hardly lived in."""

SIMULATED_SEED = 5
SIMULATED_HOMES = 20
SOLAR_HOURS = (2, 6, 24)
YOUNG_DAYS, YOUNG_HOURS = (10, 21), (2, 24)
"""Homes with little history: of so many days, and the gaps that are tried in them."""

SUMMER, WINTER = date(2026, 5, 4), date(2026, 11, 9)


@dataclass(frozen=True, slots=True)
class Series:
    """
    One home in whole days of a wall clock that never changes.

    Attributes:
        first_day: Its first day.
        interval_s: Length of an interval.
        value: Quanta, 0 where unknown, shape (slots,).
        known: Where there is a value, shape (slots,).
        outdoor_f: How warm each day was [degrees F], where that matters and is known.
    """

    first_day: date
    interval_s: int
    value: Int64
    known: Bool
    outdoor_f: Float | None = None

    @property
    def days(self) -> int:
        """How many days it has."""
        return len(self.value) * self.interval_s // DAY_S


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Homes of one kind.

    Attributes:
        name: What the rows of the report begin with.
        homes: The series.
        linear: Whether L1 and the edge blend are for such a load.
        hours: Lengths of gaps to try [h].
    """

    name: str
    homes: Sequence[Series]
    linear: bool
    hours: Sequence[int]


def samples(data: Path | None, *, simulated_days: int = 110) -> list[Sample]:
    """Return the real homes of a folder, as far as its files are there, and simulated ones."""
    found = []
    if data is not None and (data / ELECTRIC_FILE).exists():
        lengths = (1, 2, 6, 12, 24, 48, 168, 336)
        found.append(Sample("real.electric", electric(data / ELECTRIC_FILE), True, lengths))
    if data is not None and (data / WATER_FILE).exists():
        found.append(Sample("real.water", water(data / WATER_FILE), False, (2, 6, 24, 72, 168)))
    if data is not None and (data / SOLAR_FILE).exists():
        found += solar(data / SOLAR_FILE)
    return found + simulated(SIMULATED_HOMES, simulated_days, SIMULATED_SEED)


def young(sample: Sample, days: int) -> Sample:
    """Return homes of which so many days are known at all: the fullest ones of each."""
    homes = [_cut(home, days) for home in sample.homes if home.days >= days]
    return replace(sample, name=f"{sample.name}.{days}d", homes=homes, hours=YOUNG_HOURS)


def _cut(home: Series, days: int) -> Series:
    a_day = DAY_S // home.interval_s
    known = np.cumsum(np.pad(home.known.reshape(-1, a_day).sum(axis=1), (1, 0)))
    first = int((known[days:] - known[:-days]).argmax())
    slots = slice(first * a_day, (first + days) * a_day)
    return Series(
        home.first_day + timedelta(days=first),
        home.interval_s,
        home.value[slots],
        home.known[slots],
        None if home.outdoor_f is None else home.outdoor_f[first : first + days],
    )


def electric(path: Path) -> list[Series]:
    """Read homes that were metered every half hour [Wh]."""
    series = []
    for _, home in pd.read_parquet(path).groupby("home"):
        energy = home.set_index("start_local_standard")["wh"]
        energy = energy[~energy.index.duplicated()]
        grid = pd.date_range(
            energy.index.min().floor("D"),
            energy.index.max().ceil("D"),
            freq="30min",
            inclusive="left",
        )
        whole = energy.reindex(grid)
        known = whole.notna().to_numpy(np.bool_)
        value = np.rint(whole.fillna(0).to_numpy(np.float64)).astype(np.int64)
        series.append(Series(grid[0].date(), HOUR_S // 2, value, known))
    return series


def water(path: Path) -> list[Series]:
    """
    Read homes whose water register was read every hour, at a minute of its own [l].

    A read stands for the full hour next to it; an hour without a read at both ends is unknown.
    """
    series = []
    for _, home in pd.read_parquet(path).sort_values("read_local").groupby("home"):
        read_s = home["read_local"].to_numpy().astype("datetime64[s]").astype(np.int64)
        hour, first = np.unique(np.rint(read_s / HOUR_S).astype(np.int64), return_index=True)
        register = home["register_l"].to_numpy(np.int64)[first]
        start = hour[0] // 24 * 24
        count = (hour[-1] // 24 + 1) * 24 - start
        rise = np.diff(register)
        sound = (np.diff(hour) == 1) & (rise >= 0)
        value, known = np.zeros(count, np.int64), np.zeros(count, np.bool_)
        at = hour[:-1][sound] - start
        value[at], known[at] = rise[sound], True
        if len(at) >= 24 * WATER_DAYS_MIN and value.sum() >= WATER_LITRES_MIN:
            first_day = date(1970, 1, 1) + timedelta(days=int(start) // 24)
            series.append(Series(first_day, HOUR_S, value, known))
    return series


def solar(path: Path) -> list[Sample]:
    """Read a home with a roof: what it used and made, and the two channels of its meter [Wh]."""
    home = pd.read_parquet(path)
    used = home["consumption_wh"].to_numpy(np.int64)
    made = home["pv_wh"].to_numpy(np.int64)
    first_day = home["start_local_standard"].iloc[0].date()
    every = np.ones(len(home), np.bool_)
    return [
        Sample(
            f"real.solar.{name}", [Series(first_day, HOUR_S // 2, value, every)], True, SOLAR_HOURS
        )
        for name, value in (
            ("used", used),
            ("made", made),
            ("delivered", np.maximum(used - made, 0)),
            ("received", np.maximum(made - used, 0)),
        )
    ]


def simulated(count: int, days: int, seed: int) -> list[Sample]:
    """Return homes of the simulated city; no clock changes in these months."""
    people, weather, rows = Households(count, seed), Weather(seed), np.arange(count)
    quarter = HOUR_S // 4
    homes = HomePower(people, weather, seed)
    power = Homes(homes, rows, quarter, seed)
    taps = HomeWater(people, weather, rows, np.ones(count, np.int64), seed)
    stoves = HomeGas(people, weather, rows, seed)
    roofs = _played(SolarHomes(homes, weather, rows, quarter, seed), SUMMER, days, quarter, None)
    return [
        *(
            Sample(
                f"simulated.{name}",
                _played(source, first_day, days, interval_s, outdoors),
                linear,
                (1, 2, 6, 12, 24, 168) if linear else (2, 6, 24, 168),
            )
            for name, source, first_day, interval_s, linear, outdoors in (
                ("electric", power, SUMMER, quarter, True, weather),
                ("water", taps, SUMMER, HOUR_S, False, None),
                ("gas", stoves, WINTER, HOUR_S, False, weather),
            )
        ),
        Sample("simulated.solar.delivered", roofs[:count], True, SOLAR_HOURS),
        Sample("simulated.solar.received", roofs[count:], True, SOLAR_HOURS),
    ]


def _played(
    source: Source, first_day: date, days: int, interval_s: int, weather: Weather | None
) -> list[Series]:
    each = [LocalDay.of(first_day + timedelta(days=number)) for number in range(days)]
    value = np.concatenate([source.day(day).value for day in each], axis=1)
    assert value.shape[1] == days * DAY_S // interval_s, "no clock changes"
    warm = (
        None
        if weather is None
        else np.array([weather.temperature_f(d, HOUR_S).mean() for d in each])
    )
    return [Series(first_day, interval_s, row, np.ones(len(row), np.bool_), warm) for row in value]
