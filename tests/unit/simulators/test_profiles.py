from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mdms.domain.errors import UsageError
from mdms.domain.registry import Commodity
from simulators.calendar import LocalDay
from simulators.profiles import (
    ELECTRIC_FILE,
    HALF_HOUR_S,
    HOUR_S,
    QUANTA_PER_LITRE,
    SOLAR_FILE,
    WATER_FILE,
    Profiles,
    Replay,
)

MONDAY = date(2024, 1, 1)
START = LocalDay.of(date(2026, 11, 3))
REAL = Path(__file__).parents[3].parent / "shared" / "data"


def half_hours(days: int = 21, missing: Sequence[int] = ()) -> pd.DataFrame:
    """One home whose value says weekday, then day, then slot."""
    at = pd.date_range(MONDAY, periods=days * 48, freq="30min")
    wh = 1_000 * at.day_of_week + np.arange(len(at)) % 48
    home = pd.DataFrame({"home": "a", "start_local_standard": at, "wh": wh.astype("int64")})
    return home.drop(index=list(missing))


def registers(days: int = 15, seed: int = 5) -> pd.DataFrame:
    """One home read about hourly at a wandering minute, with a hole of five hours."""
    rng = np.random.default_rng(seed)
    at = pd.date_range(MONDAY, periods=days * 24, freq="h") + pd.to_timedelta(
        rng.integers(0, 30, days * 24), unit="min"
    )
    litres = 10_000 + rng.poisson(20, days * 24).cumsum()
    home = pd.DataFrame({"home": "w", "read_local": at, "register_l": litres})
    return home.drop(index=range(100, 105))


@pytest.fixture
def directory(tmp_path):
    half_hours(missing=(300, 301, 302)).to_parquet(tmp_path / ELECTRIC_FILE)
    registers().to_parquet(tmp_path / WATER_FILE)
    return tmp_path


def test_a_directory_without_series_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match=ELECTRIC_FILE):
        Profiles.read(tmp_path, 1)


def test_a_file_without_its_columns_is_refused_by_name(tmp_path):
    half_hours().drop(columns="wh").to_parquet(tmp_path / ELECTRIC_FILE)

    with pytest.raises(UsageError, match=f"{ELECTRIC_FILE} cannot be replayed"):
        Profiles.read(tmp_path, 1)


def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path):
    (tmp_path / ELECTRIC_FILE).write_text("no parquet")

    with pytest.raises(UsageError, match=f"{ELECTRIC_FILE} cannot be replayed"):
        Profiles.read(tmp_path, 1)


def test_only_meters_with_a_series_change_their_interval(directory):
    intervals = Profiles.read(directory, 1).intervals()

    assert intervals.by_commodity[Commodity.ELECTRIC] == HALF_HOUR_S
    assert intervals.net_metered == 900


def test_a_gap_is_kept_as_a_gap_and_has_a_true_value_from_the_same_slot(directory):
    series = Profiles.read(directory, 1).electric[0]

    assert np.argwhere(series.gap).tolist() == [[6, 12], [6, 13], [6, 14]]
    assert (series.value[0][6, 12:15] % 1_000).tolist() == [12, 13, 14]


def test_days_are_replayed_on_their_weekday_and_start_over(directory):
    replay = Replay(Profiles.read(directory, 1).electric, 5, HALF_HOUR_S, START, seed=2)

    for ahead in range(30):
        day = LocalDay.of(START.date + timedelta(days=ahead))
        metered = replay.day(day)
        assert metered.value.shape == (5, 48)
        assert (metered.value[~metered.gap] // 1_000 == day.date.weekday()).all()


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2027, 3, 14)])
def test_the_clock_change_repeats_or_skips_an_hour_of_the_series(directory, day):
    replay = Replay(Profiles.read(directory, 1).electric, 1, HALF_HOUR_S, START, seed=2)
    local = LocalDay.of(day)

    slots = replay.day(local).value[0] % 1_000

    assert slots.tolist() == (local.wall_hours(HALF_HOUR_S) * 2).astype(int).tolist()


def test_water_keeps_the_total_of_the_registers(directory):
    reads = registers()
    series = Profiles.read(directory, 1).water[0]
    first, last = MONDAY + timedelta(days=1), MONDAY + timedelta(days=1 + len(series.gap))
    seconds = reads["read_local"].astype("int64")
    at_edges = np.interp(
        [pd.Timestamp(edge).value // 1_000 for edge in (first, last)],
        seconds,
        reads["register_l"],
    )

    total = series.value[0].sum()

    assert abs(total - np.diff(at_edges)[0] * QUANTA_PER_LITRE) < 2
    assert (series.value[0] >= 0).all()
    assert 4 <= series.gap.sum() <= 7


def test_a_roof_has_two_channels_that_follow_the_sign(tmp_path):
    at = pd.date_range(MONDAY, periods=48 * 14, freq="30min")
    noon = (at.hour >= 10) & (at.hour < 15)
    pd.DataFrame(
        {"start_local_standard": at, "consumption_wh": 300, "pv_wh": np.where(noon, 900, 0)}
    ).to_parquet(tmp_path / SOLAR_FILE)
    replay = Replay(Profiles.read(tmp_path, 1).solar, 2, HALF_HOUR_S, START, seed=2)

    value = replay.day(START).value

    assert value.shape == (4, 48)
    assert set(value[0].tolist()) == {0, 300}
    assert set(value[2].tolist()) == {0, 600}
    assert not (value[:2] * value[2:]).any()


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the real series are not here")
def test_the_real_series_are_read_with_their_gaps():
    profiles = Profiles.read(REAL, 11)

    assert (len(profiles.electric), len(profiles.solar), len(profiles.water)) == (10, 1, 89)
    gaps = sum(int(series.gap.sum()) for series in profiles.electric)
    assert 3_500 < gaps < 4_500
    assert HOUR_S == 3600
