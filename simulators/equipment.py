"""What a crew installs: sizes of services, registers of meters, letters of badges."""

from mdms.domain.registry import Commodity, PremiseKind

DIALS = {Commodity.ELECTRIC: (8, 9), Commodity.WATER: (9,), Commodity.GAS: (8,)}
"""Digits of the registers: 100,000 or 1,000,000 kWh, 100 million gallons, a million ccf."""
LETTER = {Commodity.ELECTRIC: "E", Commodity.WATER: "W", Commodity.GAS: "G"}
SIZES = {
    (Commodity.ELECTRIC, PremiseKind.COMMERCIAL): ("electric_320a",),
    (Commodity.WATER, PremiseKind.COMMERCIAL): ("water_1",),
    (Commodity.WATER, PremiseKind.MULTI_UNIT): ("water_1",),
    (Commodity.GAS, PremiseKind.COMMERCIAL): ("gas_425",),
}
USUAL_SIZES = {
    Commodity.ELECTRIC: ("electric_100a", "electric_200a"),
    Commodity.WATER: ("water_5_8", "water_5_8", "water_3_4"),
    Commodity.GAS: ("gas_250",),
}
"""Service classes, equally likely."""
