"""
The codes of Green Button (NAESB REQ.21 ESPI) as our feeds write them and foreign ones are read.

Source:
    headend.md 3.5; vee.md 6.1; espi.xsd of the Green Button Alliance.
"""

from typing import Final
from uuid import UUID

from mdms.domain.quality_codes import QualityOfReading
from mdms.domain.registry import Commodity

ATOM: Final = "http://www.w3.org/2005/Atom"
ESPI: Final = "http://naesb.org/espi"

ENERGY, VOLUME = 12, 58
"""Kinds of measurement."""
DELTA, CUMULATIVE, BULK = 4, 3, 1
"""Accumulation: of one interval; shown by a register, in two words."""
FORWARD, REVERSE = 1, 19
"""Directions of flow."""

SERVICE: Final = {Commodity.ELECTRIC: 0, Commodity.GAS: 1, Commodity.WATER: 2}
COMMODITY: Final = {Commodity.ELECTRIC: 1, Commodity.GAS: 7, Commodity.WATER: 9}
BY_UNIT: Final = 0
"""Says that the unit tells the commodity."""
BY_COMMODITY: Final = {
    0: Commodity.ELECTRIC,
    1: Commodity.ELECTRIC,
    7: Commodity.GAS,
} | dict.fromkeys((8, 9), Commodity.WATER)
"""Electricity on the secondary and primary side, natural gas, water."""

WATT_HOUR, VAR_HOUR, CUBIC_FOOT, US_GALLON = 72, 73, 119, 128
ELECTRIC: Final = frozenset({WATT_HOUR, VAR_HOUR})
UOM: Final = {Commodity.ELECTRIC: WATT_HOUR, Commodity.GAS: CUBIC_FOOT, Commodity.WATER: US_GALLON}
TEN_TO: Final = {Commodity.ELECTRIC: 0, Commodity.GAS: 0, Commodity.WATER: -1}
"""One quantum is ten to this power of the unit: 1 Wh, 1 cubic foot, 0.1 gal."""
UNIT_NAME: Final = {WATT_HOUR: "WH", VAR_HOUR: "VARH", CUBIC_FOOT: "CF", US_GALLON: "GAL"}

MEASURED: Final = frozenset(
    {
        QualityOfReading.VALID,
        QualityOfReading.RAW,
        QualityOfReading.VALIDATED,
        QualityOfReading.VERIFIED,
        QualityOfReading.REVENUE_QUALITY,
    }
)
"""What a meter read."""
NOT_READ: Final = frozenset(QualityOfReading) - MEASURED - {QualityOfReading.QUESTIONABLE}

NAMESPACE: Final = UUID("6f1c2f5e-3c0b-5d0a-9b51-3b6d0c9f7a10")
"""Of our resources: an address has the same UUID (version 5) for ever."""
