import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vee.kernels.gaps import Float
from vee.kernels.weather import Degrees, WeatherLines

MEANS_F = np.array([65.0, 50.0, 40.0, 70.0, np.nan, 60.0])
NEVER, ALWAYS = np.zeros(1, np.bool_), np.ones(1, np.bool_)


def cold(degrees: Float) -> Degrees:
    """Return days without any cooling degree-days."""
    return Degrees(degrees, degrees * 0)


def test_degree_days_are_what_a_day_was_colder_or_warmer_than_the_base():
    degrees = Degrees.of(MEANS_F, heating_base_f=65.0, cooling_base_f=68.0)

    assert degrees.heating[:4].tolist() == [0, 15, 25, 0]
    assert degrees.cooling[:4].tolist() == [0, 0, 0, 2]
    assert degrees.known.tolist() == [True, True, True, True, False, True]
    assert degrees.take(degrees.known).heating.tolist() == [0, 15, 25, 0, 5]


@given(st.floats(0, 500), st.floats(0, 50), st.floats(0.1, 50), st.integers(0, 1000))
def test_a_house_that_only_heats_and_cools_is_known_exactly(base, heating, cooling, seed):
    mean_f = np.random.default_rng(seed).uniform(40, 90, 40)
    degrees = Degrees.of(mean_f, heating_base_f=65.0, cooling_base_f=65.0)
    usage = (base + heating * degrees.heating + cooling * degrees.cooling)[None, :]

    line = WeatherLines.through(usage, np.ones((1, 40), np.bool_), degrees, ALWAYS)

    assert line.usable(days_min=20, explained_min=0.5).all()
    assert line.expected(Degrees(np.array([10.0]), np.array([4.0])))[0] == pytest.approx(
        [base + 10 * heating + 4 * cooling], abs=1e-6
    )


def test_nobody_cools_with_gas():
    mean_f = np.linspace(60, 90, 30)
    degrees = Degrees.of(mean_f, heating_base_f=65.0, cooling_base_f=65.0)
    usage = (10 + 3 * degrees.cooling)[None, :]

    line = WeatherLines.through(usage, np.ones((1, 30), np.bool_), degrees, NEVER)

    assert line.cooling.tolist() == [0]
    assert not line.usable(days_min=20, explained_min=0.5).any()


@given(st.integers(0, 1000), st.floats(-5, 5), st.floats(-5, 5))
def test_no_line_falls_with_the_weather_or_explains_more_than_all(seed, heating, cooling):
    rng = np.random.default_rng(seed)
    degrees = Degrees.of(rng.uniform(30, 100, 40), heating_base_f=65.0, cooling_base_f=65.0)
    usage = 200 + heating * degrees.heating + cooling * degrees.cooling + rng.normal(0, 9, 40)

    line = WeatherLines.through(usage[None, :], np.ones((1, 40), np.bool_), degrees, ALWAYS)

    assert (line.heating >= 0).all()
    assert (line.cooling >= 0).all()
    assert -1e-9 <= line.explained[0] <= 1 + 1e-9


def test_days_without_a_temperature_or_a_value_do_not_count():
    degrees = np.append(np.arange(20.0), [np.nan, 5.0])
    usage = np.append(3 + 2 * np.arange(20.0), [1e9, np.nan])[None, :]
    valid = ~np.isnan(usage)

    line = WeatherLines.through(usage, valid, cold(degrees), NEVER)

    assert line.days.tolist() == [20]
    assert (line.base[0], line.heating[0]) == pytest.approx((3, 2))
    assert not line.usable(days_min=21, explained_min=0.5).any()


def test_a_house_that_does_not_follow_the_weather_says_nothing():
    rng = np.random.default_rng(1)
    degrees = rng.uniform(0, 30, 30)
    usage = np.stack([rng.uniform(0, 10, 30), np.full(30, 4.0), 90 - 2 * degrees])

    line = WeatherLines.through(
        usage, np.ones(usage.shape, np.bool_), cold(degrees), np.zeros(3, np.bool_)
    )

    assert not line.usable(days_min=20, explained_min=0.5).any()
