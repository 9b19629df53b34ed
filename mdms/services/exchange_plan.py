"""
What an exchange of meters asks for, set beside what is known: both meters as they are then.

A sentence says what cannot be; nothing is written here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from mdms.domain.errors import OperatorError, UsageError
from mdms.domain.reading_types import READING_TYPES, VOLTAGE_CHANNEL, ReadingType
from mdms.domain.registry import Channel, Meter, MeterPlace, Radio
from mdms.ports.unit_of_work import UnitOfWork

NAMES: Final = {0: "delivered", 1: "received", 3: "reactive"}
"""Channels that have a register, as people call them."""

_MODULUS_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Device:
    """
    What is known of the new meter; None: as it is known already, else as of the old one.

    The attributes are those of `Meter`.
    """

    serial: str | None = None
    model: str | None = None
    has_switch: bool | None = None
    register_dials: int | None = None
    register_resolution: int | None = None
    key_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeAsked:
    """
    What somebody did at a usage point.

    Attributes:
        meter: Badge of the old meter, or usage point.
        new: Badge of the new one.
        radio_id: Its radio.
        removed_at: When the old one was taken out.
        installed_at: When the new one was put in; None: at once.
        final: What the old registers showed, by the name of the channel, in billing units.
        initial: What the new ones showed.
        device: The new meter itself.
        multiplier: Register units to quanta of usage; None: as at the old one.
        radio: Whether its radio transmits; None: as the old one's.
        reading_types: Of its channels; None: those of the old one.
        reason: For the record.
    """

    meter: str
    new: str
    radio_id: int
    removed_at: datetime
    installed_at: datetime | None = None
    final: Mapping[str, Decimal]
    initial: Mapping[str, Decimal]
    device: Device = Device()
    multiplier: int | None = None
    radio: Radio | None = None
    reading_types: Sequence[str] | None = None
    reason: str = ""


async def pair(work: UnitOfWork, place: MeterPlace, asked: ExchangeAsked) -> tuple[Meter, Meter]:
    """Return the old meter as it ended and the new one as it begins."""
    old = replace(place.meter, removed_at=asked.removed_at)
    begins = asked.installed_at or asked.removed_at
    if asked.new == old.badge:
        raise UsageError(f"{old.badge} cannot take its own place; a move is two rows of meters.csv")
    known: Meter | None = None
    for other in await work.registry.installations(asked.new, asked.radio_id):
        if other.badge == asked.new:
            known = other
        is_old = (other.badge, other.installed_at) == (old.badge, old.installed_at)
        ends = asked.removed_at if is_old else other.removed_at
        if ends is not None and ends <= begins:
            continue
        what = other.badge if other.badge == asked.new else f"radio {asked.radio_id}"
        until = "" if ends is None else f" until {ends.isoformat()}"
        raise OperatorError(
            f"{what} is in place at {other.usage_point_id} (meter {other.badge}) from "
            f"{other.installed_at.isoformat()} on{until}"
        )
    new = replace(
        known or old,
        badge=asked.new,
        radio_id=asked.radio_id,
        usage_point_id=old.usage_point_id,
        installed_at=begins,
        removed_at=None,
        pilot=old.pilot,
        radio=asked.radio or old.radio,
        multiplier=old.multiplier if asked.multiplier is None else asked.multiplier,
        serial=known.serial if known else "",
    )
    for each in fields(Device):
        stated = getattr(asked.device, each.name)
        if stated is None:
            continue
        if known and stated != getattr(known, each.name):
            raise OperatorError(
                f"{asked.new} is known with {each.name} {getattr(known, each.name)}, not {stated}"
            )
        new = replace(new, **{each.name: stated})
    if 10**new.register_dials * new.register_resolution > _MODULUS_MAX:
        raise UsageError("the register would count further than 64 bits")
    return old, new


async def stored_channels(work: UnitOfWork, badge: str) -> tuple[Channel, ...]:
    """Return what a meter is known to measure; nothing of one that is not known."""
    table = await work.registry.channels_of([badge])
    return _named(badge, sorted({str(name) for name in table.reading_type}))


async def channels_of(
    work: UnitOfWork, place: MeterPlace, new: Meter, reading_types: Sequence[str] | None
) -> tuple[Channel, ...]:
    """Return what the new meter measures; what it is known to measure already does not change."""
    if reading_types is None:
        alike = await stored_channels(work, place.meter.badge)
        reading_types = [each.reading_type for each in alike]
    channels = _named(new.badge, reading_types)
    if not channels or len({each.channel for each in channels}) < len(channels):
        raise UsageError("a meter has a channel of each kind at most, and at least one")
    for each in channels:
        if READING_TYPES[each.reading_type].commodity is not place.commodity:
            raise UsageError(f"{each.reading_type} is no reading type of {place.commodity}")
    for each in await stored_channels(work, new.badge):
        if each.reading_type not in {given.reading_type for given in channels}:
            raise OperatorError(f"{new.badge} is known to count {each.reading_type}; name it, too")
    return channels


def _named(badge: str, reading_types: Sequence[str]) -> tuple[Channel, ...]:
    kinds: list[ReadingType] = []
    for name in reading_types:
        if name not in READING_TYPES:
            raise UsageError(f"{name!r} is not a supported reading type")
        kinds.append(READING_TYPES[name])
    return tuple(Channel(badge, k.channel, k.name, k.interval_s, k.unit) for k in kinds)


def quanta_of(
    shown: Mapping[str, Decimal], channels: Sequence[Channel], meter: Meter
) -> dict[str, int]:
    """Return what registers showed, in quanta, by reading type."""
    kinds = {NAMES[c.channel]: c.reading_type for c in channels if c.channel != VOLTAGE_CHANNEL}
    found = {}
    for name, value in shown.items():
        if name not in kinds:
            raise UsageError(f"{meter.badge} has no register {name!r}, only {', '.join(kinds)}")
        exact = value * READING_TYPES[kinds[name]].quanta_per_billing_unit
        quanta = int(exact.to_integral_value(ROUND_HALF_UP))
        if not 0 <= quanta < 10**meter.register_dials * meter.register_resolution:
            raise UsageError(f"{meter.badge} has too few digits to show {value}")
        found[kinds[name]] = quanta
    return found
