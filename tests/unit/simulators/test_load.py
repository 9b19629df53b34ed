from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity
from simulators import builder
from simulators.calendar import LocalDay
from simulators.channels import blocks_of
from simulators.city import City
from simulators.households import Households
from simulators.load.customers import Load, customers_of
from simulators.load.source import Metered, to_quanta
from simulators.load.water import INTERVAL_S, Leaks
from simulators.weather import Weather, sun_height

START = date(2026, 11, 3)


@pytest.fixture(scope="module")
def city():
    return builder.build(meters=1_000, start=START, seed=3)


@pytest.fixture(scope="module")
def load(city):
    return Load(customers_of(city, None), blocks_of(city))


def of_kind(city: City, days: Sequence[Metered], wire: int) -> Int64:
    for block, metered in zip(blocks_of(city), days, strict=True):
        rows = np.flatnonzero(block.wire == wire)
        if len(rows):
            return metered.value[rows]
    raise AssertionError(wire)


@given(
    use=arrays.arrays(np.float64, (3, 7), elements=st.floats(0, 5_000, allow_nan=False, width=32)),
    phase=arrays.arrays(np.float64, 3, elements=st.floats(0, 0.999)),
)
def test_counted_quanta_follow_the_use_within_one(use, phase):
    quanta = to_quanta(use, phase)

    assert (quanta >= 0).all()
    assert (np.abs(np.cumsum(quanta, axis=1) - np.cumsum(use, axis=1)) <= 1.0).all()


def test_the_same_day_is_the_same_whenever_it_is_asked_for(city, load):
    day = LocalDay.of(START + timedelta(days=5))
    other = Load(customers_of(city, None), blocks_of(city))
    other.day(LocalDay.of(START))

    for one, again in zip(load.day(day), other.day(day), strict=True):
        assert (one.value == again.value).all()


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2027, 3, 14), date(2026, 11, 3)])
def test_every_channel_has_a_value_in_every_slot_of_odd_days_too(city, load, day):
    local = LocalDay.of(day)

    for block, metered in zip(blocks_of(city), load.day(local), strict=True):
        assert metered.value.shape == (len(block), local.slots(block.interval_s))
        assert not metered.gap.any()


def test_people_use_more_in_the_evening_than_at_night(city, load):
    wh = of_kind(city, load.day(LocalDay.of(START)), 0x10).sum(axis=0)

    assert wh[18 * 4 : 21 * 4].sum() > 1.5 * wh[2 * 4 : 5 * 4].sum()


def test_gas_follows_the_cold(city, load):
    november = of_kind(city, load.day(LocalDay.of(date(2026, 12, 15))), 0x30).sum()
    july = of_kind(city, load.day(LocalDay.of(date(2026, 7, 15))), 0x30).sum()

    assert november > 2 * july


def test_a_roof_never_delivers_and_receives_at_once_and_not_at_night(city, load):
    days = load.day(LocalDay.of(date(2027, 6, 15)))
    block = blocks_of(city)[0]
    roofs = block.meter[block.wire == 0x11]
    delivered = days[0].value[np.isin(block.meter, roofs) & (block.ordinal == 0)]
    received = days[0].value[block.wire == 0x11]

    # The quantum that a register is part of the way to may fall in any interval.
    assert (np.minimum(delivered, received) <= 1).all()
    assert received[:, : 4 * 4].sum() <= len(received)
    assert (received[:, 11 * 4 : 14 * 4].sum(axis=1) > 500).mean() > 0.8


def test_a_leaking_meter_never_rests(city):
    customers = customers_of(city, None)
    load = Load(customers, blocks_of(city))
    leaks = customers.leaks
    water = sum(site.commodity is Commodity.WATER for site in city.sites)
    always = leaks.kind == "continuous"
    assert 0.01 * water < always.sum() < 0.03 * water
    assert ((leaks.rate >= 20) & (leaks.rate <= 300))[always].all()
    assert len(np.unique(leaks.row)) == len(leaks.row)

    day = LocalDay.of(START + timedelta(days=4))
    block, metered = blocks_of(city)[1], load.day(day)[1]
    runs = always & (leaks.from_s <= day.start_s) & (leaks.to_s >= day.end_s)
    assert runs.any()
    for meter, rate in zip(leaks.row[runs], leaks.rate[runs], strict=True):
        assert metered.value[block.meter == meter].min() >= rate
    assert block.interval_s == INTERVAL_S


@pytest.mark.parametrize(("meters", "leaking"), [(0, 0), (1, 1), (3, 1), (40, 1), (100, 3)])
def test_the_smallest_city_with_water_has_a_leak(meters, leaking):
    leaks = Leaks.spring(meters, LocalDay.of(START).start_s, 11)

    assert len(leaks.row) == leaking
    if meters == 3:
        assert leaks.from_s - LocalDay.of(START).start_s == 6 * 86_400


def test_a_flapper_sticks_in_most_hours_and_a_burst_runs_for_a_few():
    leaks = Leaks.spring(5_000, LocalDay.of(START).start_s, 11)
    day = LocalDay.of(START + timedelta(days=16))
    whole = (leaks.from_s <= day.start_s) & (leaks.to_s >= day.end_s)

    hours = leaks.hours(day)
    running = (hours > 0).sum(axis=1)

    flapper = whole & (leaks.kind == "flapper")
    assert flapper.sum() > 10
    assert 18 < running[flapper].mean() < 23
    burst = leaks.kind == "burst"
    assert burst.sum() == 20
    assert (leaks.to_s - leaks.from_s)[burst].max() < 12 * 3600
    assert hours.tolist() == leaks.hours(day).tolist()


def test_more_people_travel_over_thanksgiving():
    people = Households(2_000, 11)

    usual = people.away(LocalDay.of(date(2026, 11, 10))).mean()
    holiday = people.away(LocalDay.of(date(2026, 11, 27))).mean()

    assert holiday > usual + 0.08


def test_who_is_away_is_not_at_home():
    people, day = Households(500, 11), LocalDay.of(START)

    assert people.presence(day, 900)[people.away(day)].sum() == 0


def test_the_sun_is_highest_at_noon_and_higher_in_june():
    winter = sun_height(LocalDay.of(date(2026, 12, 21)), 3600)
    summer = sun_height(LocalDay.of(date(2026, 6, 21)), 3600)

    assert winter.argmax() in {11, 12}
    assert summer.max() == pytest.approx(0.970, abs=0.005)
    assert winter.max() == pytest.approx(0.486, abs=0.01)
    assert winter[:6].max() == 0


def test_winters_are_colder_than_summers():
    weather = Weather(11)

    def mean_f(month: int) -> float:
        days = [LocalDay.of(date(2026, month, day)) for day in range(1, 29)]
        return float(np.mean([weather.temperature_f(day, 3600).mean() for day in days]))

    assert 42 < mean_f(1) < 55
    assert 62 < mean_f(7) < 76
