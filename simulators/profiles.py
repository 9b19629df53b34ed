"""
Replay of real households: their half-hourly and hourly series, with their real gaps.

Every series becomes whole local days in order. A meter follows one series from an offset of its
own that agrees on the weekday, and starts over after a whole number of weeks. Where the series
has no value, the meter has none either, but its register goes on counting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from mdms.domain.errors import UsageError
from mdms.domain.readings import Bool, Int64
from mdms.domain.registry import Commodity
from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.city import DEFAULT_INTERVALS_S, Intervals
from simulators.load.source import Metered
from simulators.seeds import generator

ELECTRIC_FILE = "electric_sgsc10_30min.parquet"
SOLAR_FILE = "solar_ausgrid12_30min.parquet"
WATER_FILE = "water_daiad_hourly_registers.parquet"

HALF_HOUR_S = 1800
HOUR_S = 3600
QUANTA_PER_LITRE = 10 / 3.785411784
"""A quantum of water is 0.1 US gallon."""

_DAYS_A_WEEK = 7
_HOLE_S = 95 * 60
"""Hourly reads further apart than this leave the hours between them unknown."""
_NEIGHBOURS = 4
"""A gap is filled from one of that many nearest days."""


@dataclass(frozen=True, slots=True)
class Series:
    """
    One home in whole days and whole weeks.

    Attributes:
        weekday: Of the first day, Monday is 0.
        value: Quanta, shape (days, slots of 24 h), one array per channel.
        gap: Where the source has no value, same shape.
    """

    weekday: int
    value: tuple[Int64, ...]
    gap: Bool

    def in_weeks(self) -> Self:
        """Return the series cut to whole weeks."""
        days = len(self.gap) // _DAYS_A_WEEK * _DAYS_A_WEEK
        return replace(self, value=tuple(v[:days] for v in self.value), gap=self.gap[:days])


@dataclass(frozen=True, slots=True)
class Profiles:
    """The series of one directory; a kind that it does not have stays synthetic."""

    electric: Sequence[Series]
    solar: Sequence[Series]
    water: Sequence[Series]

    @classmethod
    def read(cls, directory: Path, seed: int) -> Self:
        """
        Read the files that are there.

        Args:
            directory: Where the Parquet files lie.
            seed: Decides how gaps are filled.

        Raises:
            UsageError: None of the files is there, or one does not have its columns.
        """
        found = cls(
            electric=_read(directory / ELECTRIC_FILE, _electric, seed),
            solar=_read(directory / SOLAR_FILE, _solar, seed),
            water=_read(directory / WATER_FILE, _water, seed),
        )
        if not (found.electric or found.solar or found.water):
            raise UsageError(
                f"{directory} has no series to replay: "
                f"none of {ELECTRIC_FILE}, {SOLAR_FILE}, {WATER_FILE}"
            )
        return found

    def intervals(self) -> Intervals:
        """Return the interval lengths that the city's meters need for these series."""
        by_commodity = dict(DEFAULT_INTERVALS_S)
        if self.electric:
            by_commodity[Commodity.ELECTRIC] = HALF_HOUR_S
        net_metered = HALF_HOUR_S if self.solar else DEFAULT_INTERVALS_S[Commodity.ELECTRIC]
        return Intervals(by_commodity, net_metered)


class Replay:
    """
    A group of meters that each follow one series; a source of load.

    A meter of two channels has its rows in two halves: first every meter's first channel.
    """

    def __init__(
        self, series: Sequence[Series], meters: int, interval_s: int, start: LocalDay, seed: int
    ) -> None:
        rng = generator(seed, "replay", interval_s)
        weekly = [one.in_weeks() for one in series]
        days = np.array([len(one.gap) for one in weekly])
        first = np.concatenate([[0], np.cumsum(days)[:-1]])
        chosen = np.arange(meters) % len(weekly)
        weekdays = np.array([one.weekday for one in weekly])
        weeks = rng.integers(0, days[chosen] // _DAYS_A_WEEK)
        aligned = (start.date.weekday() - weekdays[chosen]) % _DAYS_A_WEEK
        self._value = tuple(
            np.concatenate([one.value[channel] for one in weekly])
            for channel in range(len(weekly[0].value))
        )
        self._gap = np.concatenate([one.gap for one in weekly])
        self._first, self._days = first[chosen], days[chosen]
        self._offset = weeks * _DAYS_A_WEEK + aligned
        self._start, self._interval_s = start, interval_s

    def day(self, day: LocalDay) -> Metered:
        """Return what the meters count; a repeated hour of the clock repeats its values."""
        elapsed = day.date.toordinal() - self._start.date.toordinal()
        source_day = self._first + (self._offset + elapsed) % self._days
        slot = (day.wall_hours(self._interval_s) * (HOUR_S / self._interval_s)).astype(np.int64)
        at = source_day[:, None], slot[None, :]
        gap = self._gap[at]
        return Metered(
            np.concatenate([value[at] for value in self._value]),
            np.concatenate([gap] * len(self._value)),
        )


def _read(
    path: Path, parse: Callable[[pd.DataFrame, np.random.Generator], Sequence[Series]], seed: int
) -> Sequence[Series]:
    if not path.exists():
        return ()
    try:
        frame = pd.read_parquet(path)
        series = parse(frame, generator(seed, "profiles", path.name))
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"{path} cannot be replayed: {error}") from error
    if not series:
        raise UsageError(f"{path} cannot be replayed: no home has a whole week")
    return series


def _electric(frame: pd.DataFrame, rng: np.random.Generator) -> Sequence[Series]:
    """Return one series of Wh a half hour for each home."""
    series = []
    for _, home in frame.groupby("home"):
        energy = home.set_index("start_local_standard")["wh"].astype("float64")
        table = _whole_days(energy, HALF_HOUR_S)
        if len(table) >= _DAYS_A_WEEK:
            filled, gap = _fill(table.to_numpy(), rng)
            series.append(Series(table.index[0].weekday(), (_whole(filled),), gap))
    return series


def _solar(frame: pd.DataFrame, rng: np.random.Generator) -> Sequence[Series]:
    """Return one series of two channels: delivered and received follow from the net's sign."""
    home = frame.set_index("start_local_standard")
    net = (home["consumption_wh"] - home["pv_wh"]).astype("float64")
    table = _whole_days(net, HALF_HOUR_S)
    if len(table) < _DAYS_A_WEEK:
        return ()
    filled, gap = _fill(table.to_numpy(), rng)
    delivered, received = np.maximum(filled, 0), np.maximum(-filled, 0)
    return [Series(table.index[0].weekday(), (_whole(delivered), _whole(received)), gap)]


def _water(frame: pd.DataFrame, rng: np.random.Generator) -> Sequence[Series]:
    """
    Return one series of 0.1 gal an hour for each home.

    The reads come at a minute of their own, so the register is interpolated to full hours. It
    is never let run backwards. Differences are taken after rounding, so totals are kept.
    """
    series = []
    for _, home in frame.sort_values("read_local").groupby("home"):
        read_s = home["read_local"].to_numpy().astype("datetime64[s]").astype(np.int64)
        litres = np.maximum.accumulate(home["register_l"].to_numpy().astype(np.float64))
        first_s = -(-read_s[0] // 86400) * 86400
        days = int((read_s[-1] - first_s) // 86400)
        if days < _DAYS_A_WEEK:
            continue
        edges_s = first_s + HOUR_S * np.arange(days * 24 + 1)
        edges_l = np.interp(edges_s, read_s, litres)
        after = np.searchsorted(read_s, edges_s[:-1] + HOUR_S // 2)
        gap = read_s[after] - read_s[after - 1] > _HOLE_S
        hourly = np.where(gap, np.nan, np.diff(edges_l)).reshape(days, 24)
        shape, _ = _fill(hourly, rng)
        edges_l = _shape_gaps(edges_l, gap, shape.ravel())
        quanta = np.diff(np.floor(edges_l * QUANTA_PER_LITRE)).astype(np.int64)
        weekday = pd.Timestamp(first_s, unit="s").weekday()
        series.append(Series(weekday, (quanta.reshape(days, 24),), gap.reshape(days, 24)))
    return series


def _shape_gaps(edges: Floats, gap: Bool, use: Floats) -> Floats:
    """Return the register at the full hours, each gap's total spread as `use` is."""
    edges = edges.copy()
    bounds = np.flatnonzero(np.diff(np.concatenate([[False], gap, [False]])))
    for first, last in bounds.reshape(-1, 2):
        total = edges[last] - edges[first]
        weights = use[first:last] if use[first:last].sum() > 0 else np.ones(last - first)
        shares = np.cumsum(weights)[:-1] / weights.sum()
        edges[first + 1 : last] = edges[first] + total * shares
    return edges


def _whole_days(values: "pd.Series[float]", interval_s: int) -> pd.DataFrame:
    """Return a table of days by slots, NaN where the source has nothing; whole days only."""
    values = values[~values.index.duplicated()].sort_index()
    first, last = values.index[0].ceil("D"), values.index[-1].floor("D")
    grid = pd.date_range(first, last, freq=f"{interval_s}s", inclusive="left")
    whole = values.reindex(grid).to_numpy().reshape(-1, 86400 // interval_s)
    return pd.DataFrame(whole, index=grid[:: 86400 // interval_s])


def _fill(table: Floats, rng: np.random.Generator) -> tuple[Floats, Bool]:
    """
    Give every missing slot a value from the same slot of a day nearby.

    Args:
        table: Shape (days, slots), NaN where missing.
        rng: Chooses among the nearest days that have a value; 0 where none has.

    Returns:
        The filled table and the mask of what was missing.
    """
    gap = np.isnan(table)
    filled = np.where(gap, 0.0, table)
    for day, slot in np.argwhere(gap):
        known = np.flatnonzero(~gap[:, slot])
        near = known[np.argsort(np.abs(known - day), kind="stable")[:_NEIGHBOURS]]
        if len(near):
            filled[day, slot] = filled[rng.choice(near), slot]
    return filled, gap


def _whole(values: Floats) -> Int64:
    return np.rint(values).astype(np.int64)
