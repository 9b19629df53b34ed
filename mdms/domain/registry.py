"""
Who is metered where: premises, usage points, meters, channels, accounts, collectors.

A meter sits at a usage point and carries a radio *for a time* (installed_at..removed_at), so a
badge may appear more than once; everything else is one row per identifier.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line asks for a commodity, and need not wait for arrays
    import numpy as np
    import numpy.typing as npt

    from mdms.domain.readings import Int32, Int64, UInt8

STILL_INSTALLED_S = 2**62
"""`removed_s` of a meter that is still in place."""


class Commodity(StrEnum):
    """What flows through a meter."""

    ELECTRIC = "electric"
    GAS = "gas"
    WATER = "water"


class PremiseKind(StrEnum):
    """What stands at an address."""

    SINGLE_FAMILY = "single_family"
    MULTI_UNIT = "multi_unit"
    COMMERCIAL = "commercial"
    INDUSTRIAL = "industrial"


class Radio(StrEnum):
    """Whether a meter's radio transmits."""

    ON = "on"
    OFF = "off"
    NONE = "none"


WIRE_COMMODITY = {Commodity.ELECTRIC: 1, Commodity.WATER: 2, Commodity.GAS: 3}
"""High nibble of the FNB1 channel byte."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """What feeds a group of premises."""

    transformer_id: str
    feeder_id: str
    kva: Decimal
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Premise:
    """A service location: where usage points stand."""

    premise_id: str
    kind: PremiseKind
    latitude: float
    longitude: float
    transformer_id: str
    water_zone: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """Where one service is delivered; the key of `vee` class limits is service_class."""

    usage_point_id: str
    premise_id: str
    commodity: Commodity
    service_class: str
    billing_cycle: int
    net_metering: bool
    temporary: bool
    irregular_usage: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays."""

    account_id: str
    master_account_id: str
    customer_type: str
    opened_on: date
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Which account pays for a usage point, and when."""

    account_id: str
    usage_point_id: str
    start_on: date
    end_on: date | None


@dataclass(frozen=True, slots=True)
class Meter:
    """
    A device at a usage point for a time.

    Attributes:
        badge: What is printed on it and what people type.
        radio_id: The meter_id of FNB1 frames.
        register_dials: Digits of the register.
        register_resolution: Quanta per unit of the last transmitted digit.
        multiplier: Register units to quanta of usage (current-transformer ratio).
    """

    badge: str
    serial: str
    radio_id: int
    usage_point_id: str
    model: str
    installed_at: datetime
    removed_at: datetime | None
    has_switch: bool
    pilot: bool
    radio: Radio
    register_dials: int
    register_resolution: int
    multiplier: int
    key_id: int


@dataclass(frozen=True, slots=True)
class MeterPlace:
    """A meter where it sits, with what the place says about it."""

    meter: Meter
    commodity: Commodity
    premise_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collector:
    """A tower that hears meters and speaks MQTT."""

    collector_id: int
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity of a meter; `channel` is the low nibble of the FNB1 channel byte."""

    badge: str
    channel: int
    reading_type: str
    interval_s: int
    unit: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the people of an account; kept in a schema of its own."""

    account_id: str
    name: str
    email: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that `mdms registry import` reads, in the order of its files."""

    transformers: tuple[Transformer, ...] = ()
    premises: tuple[Premise, ...] = ()
    usage_points: tuple[UsagePoint, ...] = ()
    accounts: tuple[Account, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    meters: tuple[Meter, ...] = ()
    collectors: tuple[Collector, ...] = ()
    channels: tuple[Channel, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelTable:
    """
    Every channel while it was installed: one row per channel and installation, in columns.

    Attributes:
        channel_id: Dense number of the channel, ours; repeats when a meter was moved.
        badge: Meter.
        reading_type: CIM reading type.
        commodity: Value of Commodity.
        service_class: Key of the class limits.
        usage_point_id: Where it was installed.
        transformer_id: What feeds the premise.
        radio_id: The meter_id of FNB1 frames.
        wire_channel: FNB1 channel byte: commodity in the high nibble, channel in the low one.
        interval_s: Length of an interval in seconds.
        installed_s: From this second on, since 1970-01-01 UTC.
        removed_s: Up to this second; STILL_INSTALLED_S while in place.
        radio_on: Whether intervals are expected.
        register_modulus: The register wraps to 0 at this many quanta.
        register_resolution: Quanta per unit of the last transmitted digit.
        multiplier: Register quanta to usage quanta.
    """

    channel_id: "Int32"
    badge: "npt.NDArray[np.object_]"
    reading_type: "npt.NDArray[np.object_]"
    commodity: "npt.NDArray[np.object_]"
    service_class: "npt.NDArray[np.object_]"
    usage_point_id: "npt.NDArray[np.object_]"
    transformer_id: "npt.NDArray[np.object_]"
    radio_id: "Int64"
    wire_channel: "UInt8"
    interval_s: "Int32"
    installed_s: "Int64"
    removed_s: "Int64"
    radio_on: "npt.NDArray[np.bool_]"
    register_modulus: "Int64"
    register_resolution: "Int64"
    multiplier: "Int64"

    def __len__(self) -> int:
        return len(self.channel_id)

    def take(self, rows: "npt.NDArray[np.intp] | npt.NDArray[np.bool_]") -> "ChannelTable":
        """Return the rows at these positions, or where this mask is true."""
        return ChannelTable(*(getattr(self, each.name)[rows] for each in fields(self)))
