"""The goals of vee.md 10.4 on simulated homes; LEAK_SEEDS=20 looks at more cities."""

import os

import pytest

from tests.bench.leaks import GUARD_DAYS, RESOLUTIONS, alarms, search, watched, water

HOMES, DAYS = 40, 30
SEEDS = range(7, 7 + int(os.environ.get("LEAK_SEEDS", "1")))


@pytest.fixture(scope="module", params=SEEDS)
def city(request):
    return request.param, water(HOMES, DAYS, request.param)


@pytest.mark.parametrize("resolution", ["0.1 gal", "1 gal"])
@pytest.mark.parametrize("gal_h", [1.0, 3.0])
def test_a_leak_of_a_gallon_an_hour_is_suspected_in_25_hours(city, resolution, gal_h):
    seed, days = city

    found = search(days, RESOLUTIONS[resolution], gal_h, seed)

    assert (found.possible, found.confirmed) == (1, 1)
    assert found.rate_ok >= 0.9
    assert found.rate_ok_later == 1


def test_a_leak_of_three_gallons_an_hour_is_confirmed_in_49_hours_by_registers_of_1_cf(city):
    seed, days = city

    assert search(days, RESOLUTIONS["1 CF"], 3.0, seed).confirmed == 1


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_homes_without_leaks_are_told_of_none(city, resolution):
    seed, days = city

    events, _rates = watched(days, RESOLUTIONS[resolution], None, seed)
    _raised, confirmed, bursts = alarms(events, HOMES, DAYS)

    assert confirmed == 0
    # Gardens that are first watered when the guard's week is over, by 300 gallons in an hour.
    assert bursts * HOMES * (DAYS - GUARD_DAYS) / 365 < 5
