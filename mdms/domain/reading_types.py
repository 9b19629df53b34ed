"""The reading types that channels may carry: CIM string, quantum, FNB1 channel, billing unit."""

from dataclasses import dataclass
from decimal import Decimal

from mdms.domain.registry import Commodity

_PERIOD_CODES = {300: 6, 900: 2, 1800: 5, 3600: 7}
"""CIM measuringPeriod by interval length in seconds."""

GALLONS_PER_CCF = Decimal("748.052")

VOLTAGE_CHANNEL = 4
"""Low nibble of the FNB1 channel byte of mean voltages: no register counts them, nobody pays."""


@dataclass(frozen=True, slots=True)
class ReadingType:
    """
    What a channel measures.

    Attributes:
        name: The 18 numbers of IEC 61968-9 annex C.
        commodity: What flows.
        channel: Low nibble of the FNB1 channel byte (0 delivered, 1 received, 3 reactive,
            4 voltage).
        interval_s: Interval length in seconds.
        unit: Name of one quantum.
        billing_unit: The whole unit that a bill counts.
        quanta_per_billing_unit: Exact factor between the two.
    """

    name: str
    commodity: Commodity
    channel: int
    interval_s: int
    unit: str
    billing_unit: str
    quanta_per_billing_unit: Decimal


def _types(interval_s: int) -> tuple[ReadingType, ...]:
    period = _PERIOD_CODES[interval_s]
    kwh, ccf_of_gallons = Decimal(1000), GALLONS_PER_CCF * 10
    return (
        ReadingType(
            f"0.0.{period}.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0",
            Commodity.ELECTRIC, 0, interval_s, "Wh", "kWh", kwh,
        ),
        ReadingType(
            f"0.0.{period}.4.19.1.12.0.0.0.0.0.0.0.0.0.72.0",
            Commodity.ELECTRIC, 1, interval_s, "Wh", "kWh", kwh,
        ),
        ReadingType(
            f"0.0.{period}.4.1.1.12.0.0.0.0.0.0.0.0.0.73.0",
            Commodity.ELECTRIC, 3, interval_s, "varh", "kvarh", kwh,
        ),
        ReadingType(
            f"0.2.{period}.6.0.1.54.0.0.0.0.0.0.0.0.-1.29.0",
            Commodity.ELECTRIC, VOLTAGE_CHANNEL, interval_s, "0.1V", "V", Decimal(10),
        ),
        ReadingType(
            f"0.0.{period}.4.1.9.58.0.0.0.0.0.0.0.0.-1.128.0",
            Commodity.WATER, 0, interval_s, "0.1gal", "ccf", ccf_of_gallons,
        ),
        ReadingType(
            f"0.0.{period}.4.1.7.58.0.0.0.0.0.0.0.0.0.119.0",
            Commodity.GAS, 0, interval_s, "0.01ccf", "ccf", Decimal(100),
        ),
    )  # fmt: skip


READING_TYPES = {kind.name: kind for interval_s in _PERIOD_CODES for kind in _types(interval_s)}
"""Every supported reading type by its name."""


def reading_type(commodity: Commodity, channel: int, interval_s: int) -> ReadingType:
    """
    Return the reading type of a channel.

    Raises:
        KeyError: No such channel is supported.
    """
    for kind in READING_TYPES.values():
        if (kind.commodity, kind.channel, kind.interval_s) == (commodity, channel, interval_s):
            return kind
    raise KeyError((commodity, channel, interval_s))
