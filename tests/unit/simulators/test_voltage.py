from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mdms.domain.reading_types import VOLTAGE_CHANNEL, reading_type
from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity
from simulators import builder
from simulators.calendar import LocalDay
from simulators.channels import blocks_of
from simulators.load.customers import Load, customers_of
from simulators.radio import Faults, Radio
from simulators.script import Cut, Script

START = date(2026, 11, 3)
CITY = builder.build(meters=600, start=START, seed=11)
VOLTAGE = reading_type(Commodity.ELECTRIC, VOLTAGE_CHANNEL, 3600).name


def volts(day: date) -> Int64:
    (block,) = [each for each in blocks_of(CITY) if each.measures_voltage.any()]
    load = Load(customers_of(CITY, None), blocks_of(CITY)).day(LocalDay.of(day))
    (mine,) = [
        metered
        for each, metered in zip(blocks_of(CITY), load, strict=True)
        if each.interval_s == block.interval_s
    ]
    return mine.value[block.measures_voltage]


@pytest.mark.parametrize(("day", "hours"), [(START, 24), (date(2026, 11, 1), 25)])
def test_voltage_is_a_quantity_of_its_own_near_its_base(day, hours):
    seen = volts(day)

    assert seen.shape[1] == hours
    assert seen.min() > 1050
    assert seen.max() < 1310
    assert 1170 < np.median(seen) < 1260


def test_the_same_day_has_the_same_voltages_and_another_has_others():
    assert (volts(START) == volts(START)).all()
    assert (volts(START) != volts(START + timedelta(days=1))).any()


def test_voltage_sags_when_people_cook_and_few_homes_are_ever_out_of_range():
    seen = np.stack([volts(START + timedelta(days=k)) for k in range(5)])

    assert seen[:, :, 18:21].mean() < seen[:, :, 2:5].mean() - 5
    beyond_a = (seen < 1140) | (seen > 1260)
    assert 0.001 < beyond_a.mean() < 0.05


def test_hours_are_told_with_every_fourth_message_of_their_meter():
    radio = Radio(CITY, Faults.NONE)
    parts = [radio.window(CITY.start_s + k * 6 * 3600)[0] for k in range(1, 5)]
    meter = np.concatenate([part.meter for part in parts])
    ordinal = np.concatenate([part.ordinal for part in parts])
    telling = [k for k, site in enumerate(CITY.sites) if site.reading_types[-1].name == VOLTAGE]

    for one in telling:
        mine = ordinal[meter == one]
        assert (mine == 1).sum() == -(-(mine == 0).sum() // 4)


async def test_nobody_knows_the_voltage_of_an_hour_without_power(
    play: Callable[..., Coroutine[None, None, Any]],
) -> None:
    noon_s = CITY.start_s + 12 * 3600
    transformer = CITY.registry.transformers[0].transformer_id
    cut = Cut(noon_s + 300, transformer, 130)

    played = await play(meters=600, days=1, script=Script(cuts=[cut]))

    dark = set(played.table("events")["meter"])
    values = played.table("intervals")
    mine = values[(values["reading_type"] == VOLTAGE) & values["meter"].isin(dark)]
    hour = {
        k: mine[mine["start_utc"] == pd.Timestamp(noon_s + 3600 * k, unit="s", tz="UTC")]
        for k in range(-1, 3)
    }
    assert len(hour[0]) >= 1
    assert (hour[0]["value"] > 1050).all(), "the mean of the minutes with power"
    assert not hour[1]["sent"].any()
    assert hour[-1]["sent"].all()
    assert set(played.table("registers")["reading_type"]).isdisjoint({VOLTAGE})
