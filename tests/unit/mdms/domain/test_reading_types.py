"""The reading types that channels may carry."""

from decimal import Decimal

import pytest

from mdms.domain.reading_types import READING_TYPES, reading_type
from mdms.domain.registry import Commodity


def test_reactive_energy_is_channel_three_of_an_electric_meter():
    kind = reading_type(Commodity.ELECTRIC, 3, 900)

    assert kind.name == "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.73.0"
    assert (kind.unit, kind.billing_unit, kind.quanta_per_billing_unit) == (
        "varh",
        "kvarh",
        Decimal(1000),
    )


def test_voltage_is_channel_four_of_an_electric_meter():
    kind = reading_type(Commodity.ELECTRIC, 4, 900)

    assert kind.name == "0.2.2.6.0.1.54.0.0.0.0.0.0.0.0.-1.29.0"
    assert kind.name.count(".") == 17
    assert (kind.unit, kind.billing_unit, kind.quanta_per_billing_unit) == (
        "0.1V",
        "V",
        Decimal(10),
    )


def test_each_name_stands_for_one_channel_of_one_commodity():
    keys = {(kind.commodity, kind.channel, kind.interval_s) for kind in READING_TYPES.values()}

    assert len(keys) == len(READING_TYPES)


def test_a_channel_that_nobody_knows_is_refused():
    with pytest.raises(KeyError):
        reading_type(Commodity.GAS, 3, 900)
