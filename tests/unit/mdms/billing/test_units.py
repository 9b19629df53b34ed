"""Rule 11.A in its literal reading: a period's usage is rounded once, half up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.units import unrounded_units, whole_units
from mdms.domain.reading_types import READING_TYPES, reading_type
from mdms.domain.registry import Commodity

ELECTRIC = reading_type(Commodity.ELECTRIC, 0, 900)
GAS = reading_type(Commodity.GAS, 0, 3600)
WATER = reading_type(Commodity.WATER, 0, 3600)


@pytest.mark.parametrize(
    ("start_kwh", "end_kwh", "expected"),
    [
        pytest.param("12345.50", "12981.49", 636, id="policy E09"),
        pytest.param("1000.4", "1523.6", 523, id="vee case 62, first period"),
        pytest.param("1523.6", "2046.9", 523, id="vee case 62, second period"),
        pytest.param("0", "812.4", 812, id="vee case 58, too little to rebill"),
        pytest.param("0", "813.6", 814, id="vee case 58, two units more"),
        pytest.param("0", "0.5", 1, id="a tie goes up"),
        pytest.param("0", "0.499", 0, id="just below a tie"),
    ],
)
def test_electric_usage_is_the_rounded_difference_of_unrounded_registers(
    start_kwh, end_kwh, expected
):
    quanta = int((Decimal(end_kwh) - Decimal(start_kwh)) * 1000)

    assert whole_units(quanta, ELECTRIC) == expected


def test_water_usage_of_14_49_ccf_is_14_ccf():
    """Policy E10, with 748.052 gallons to the ccf and a quantum of a tenth of a gallon."""
    quanta = round(14.49 * 7480.52)

    assert whole_units(quanta, WATER) == 14
    assert unrounded_units(quanta, WATER) == Decimal("14.490035")


def test_gas_counts_hundredths_of_a_ccf():
    assert whole_units(4_250, GAS) == 43
    assert unrounded_units(4_249, GAS) == Decimal("42.49")


@given(quanta=st.integers(0, 2**50), kind=st.sampled_from(list(READING_TYPES.values())))
def test_rounding_moves_usage_by_half_a_unit_at_most(quanta, kind):
    units = whole_units(quanta, kind)

    assert -kind.quanta_per_billing_unit / 2 <= quanta - units * kind.quanta_per_billing_unit
    assert quanta - units * kind.quanta_per_billing_unit < kind.quanta_per_billing_unit / 2
