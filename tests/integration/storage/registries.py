"""A registry with one of everything, for tests of storage."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Contact,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)

INSTALLED = datetime(2026, 1, 5, 17, 30, tzinfo=UTC)
MOVED = datetime(2026, 6, 1, 12, tzinfo=UTC)


E100 = Meter(
    badge="E100",
    serial="S-E100",
    radio_id=47_622_887,
    usage_point_id="U1",
    model="FNX-1",
    installed_at=INSTALLED,
    removed_at=MOVED,
    has_switch=True,
    pilot=False,
    radio=Radio.ON,
    register_dials=8,
    register_resolution=1,
    multiplier=1,
    key_id=7,
)
E100_MOVED = replace(
    E100, radio_id=47_622_888, installed_at=MOVED, removed_at=None, multiplier=40, pilot=True
)
W200 = replace(
    E100,
    badge="W200",
    serial="S-W200",
    radio_id=9,
    usage_point_id="U2",
    removed_at=None,
    has_switch=False,
    radio=Radio.OFF,
    register_dials=6,
    register_resolution=10,
)

SMALL_TOWN = Registry(
    transformers=(Transformer("T1", "F1", Decimal("37.5"), 37.441883, -122.143019),),
    premises=(
        Premise("P1", PremiseKind.SINGLE_FAMILY, 37.44, -122.14, "T1", "Z1", ("solar", "ev")),
        Premise("P2", PremiseKind.COMMERCIAL, 37.45, -122.15, "", "Z2", ()),
    ),
    usage_points=(
        UsagePoint("U1", "P1", Commodity.ELECTRIC, "electric_200a", 3, True, False, False),
        UsagePoint("U2", "P2", Commodity.WATER, "water_5_8", 3, False, False, True),
    ),
    accounts=(Account("A1", "A1", "residential", date(2020, 2, 29), None),),
    agreements=(Agreement("A1", "U1", date(2020, 2, 29), None),),
    meters=(E100, E100_MOVED, W200),
    collectors=(Collector(4_026_531_840, "Foothills", 37.36, -122.18),),
    channels=(
        Channel("E100", 0, "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0", 900, "Wh"),
        Channel("E100", 1, "0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.0.72.0", 900, "Wh"),
        Channel("W200", 0, "0.0.7.4.1.9.58.0.0.0.0.0.0.0.0.-1.128.0", 3600, "0.1gal"),
    ),
    contacts=(Contact("A1", "Ada Lovelace", "ada@example.org", "555-0100", "1 Mill Lane"),),
)
