"""A small registry to command, and a command to one of its meters."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from mdms.domain.controls import Action, EndDeviceControl, new_id
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)

AT = datetime(2026, 11, 4, 18, tzinfo=UTC)
INSTALLED_AT = datetime(2026, 11, 1, tzinfo=UTC)

ELECTRIC = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"
WATER = "0.0.7.4.1.9.58.0.0.0.0.0.0.0.0.-1.128.0"
GAS = "0.0.7.4.1.7.58.0.0.0.0.0.0.0.0.0.119.0"

_POINT = UsagePoint("UE1", "P1", Commodity.ELECTRIC, "electric_100a", 1, False, False, False)
_METER = Meter(
    badge="E1",
    serial="S-E1",
    radio_id=47622887,
    usage_point_id="UE1",
    model="m",
    installed_at=INSTALLED_AT,
    removed_at=None,
    has_switch=True,
    pilot=True,
    radio=Radio.ON,
    register_dials=6,
    register_resolution=1000,
    multiplier=1,
    key_id=1,
)


def a_registry() -> Registry:
    """One home: E1 with a switch, E2 without, water W1, gas G1; collectors 17 and 18."""
    commodities = {
        "E1": Commodity.ELECTRIC,
        "E2": Commodity.ELECTRIC,
        "W1": Commodity.WATER,
        "G1": Commodity.GAS,
    }
    return Registry(
        transformers=(Transformer("T1", "F1", Decimal(50), 37.4, -122.1),),
        premises=(Premise("P1", PremiseKind.SINGLE_FAMILY, 37.4, -122.1, "T1", "Z1", ()),),
        usage_points=tuple(
            replace(_POINT, usage_point_id=f"U{badge}", commodity=commodity)
            for badge, commodity in commodities.items()
        ),
        accounts=(Account("A1", "A1", "residential", date(2020, 1, 1), None),),
        agreements=tuple(
            Agreement("A1", f"U{badge}", date(2020, 1, 1), None) for badge in commodities
        ),
        meters=tuple(
            replace(
                _METER,
                badge=badge,
                serial=f"S-{badge}",
                radio_id=_METER.radio_id + number,
                usage_point_id=f"U{badge}",
                has_switch=badge == "E1",
                pilot=badge == "E1",
            )
            for number, badge in enumerate(commodities)
        ),
        collectors=(Collector(17, "north", 37.4, -122.1), Collector(18, "south", 37.4, -122.1)),
        channels=(
            Channel("E1", 0, ELECTRIC, 900, "Wh"),
            Channel("E2", 0, ELECTRIC, 900, "Wh"),
            Channel("W1", 0, WATER, 3600, "0.1gal"),
            Channel("G1", 0, GAS, 3600, "0.01ccf"),
        ),
    )


def a_control(**changes: Any) -> EndDeviceControl:
    """A disconnect of E1, requested at AT."""
    control = EndDeviceControl(
        control_id=new_id(AT),
        action=Action.DISCONNECT,
        badge="E1",
        serial="S-E1",
        radio_id=47622887,
        key_id=1,
        usage_point_id="UE1",
        commodity=Commodity.ELECTRIC,
        cause="MOVE_OUT",
        order="SO-1",
        reason="moved on Friday",
        requested_by="clerk",
        requested_at=AT,
        not_before=AT,
        not_after=AT + timedelta(minutes=15),
    )
    return replace(control, **changes)
