"""What a service is made of: parts of its meters, terms, flags; and how a result is hashed."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final

from mdms.billing.channels import BilledChannel, ReadReason, ServicePeriod
from mdms.billing.registers import Quality
from mdms.billing.units import unrounded_units, whole_units
from mdms.domain.reading_types import READING_TYPES, ReadingType
from mdms.ports.billing import BilledService, BillingDeterminant

DIRECTIONS: Final = {0: "delivered", 1: "received", 3: "reactive"}
"""Name of what a channel counts, by the low nibble of its FNB1 byte."""
_SHARE_PLACES: Final = Decimal("0.000001")
_WATTS_IN_KW: Final = 1_000


_HASHED_FIELDS: Final = tuple(
    field.name for field in fields(BilledService) if field.name not in {"content_hash", "revision"}
)


class Flag(StrEnum):
    """What whoever bills a service must know: a closed set."""

    DEMAND_ESTIMATED = "DEMAND_ESTIMATED"
    """An estimate would have set the demand; what was measured did."""
    DEMAND_INCOMPLETE = "DEMAND_INCOMPLETE"
    """Likewise, and much is estimated: a person settles it."""
    ESTIMATED = "ESTIMATED"
    """A register at an end is an estimate."""
    EXCHANGED = "EXCHANGED"
    """More than one meter measured it."""
    GIVEN_BACK = "GIVEN_BACK"
    """An estimate before was too high: usage is below zero."""
    INTERVALS_MISSING = "INTERVALS_MISSING"
    """A person had the period estimated: it is billed by registers alone."""
    PRORATED = "PRORATED"
    """Outside of 27 to 33 days of service."""
    SCHEDULE_CHANGED = "SCHEDULE_CHANGED"
    """The rate schedule changed within: charges are split by days."""
    VACANT = "VACANT"
    """Nobody pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    By what a service is billed.

    Attributes:
        schedules: First day and name of each rate schedule of the period, the earliest first.
        pressure: Pressure factor of gas at the place.
        therm: Therms in a ccf; None where nobody said.
    """

    schedules: tuple[tuple[date, str], ...]
    pressure: Decimal
    therm: Decimal | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one channel contributes."""

    channel: BilledChannel
    determinant: BillingDeterminant

    @property
    def kind(self) -> ReadingType:
        """What it measures."""
        return READING_TYPES[self.determinant.reading_type]

    @property
    def direction(self) -> str:
        """Name of its quantity."""
        return DIRECTIONS[self.kind.channel]


def content_hash(service: BilledService) -> str:
    """Return the SHA-256 of a service as canonical JSON; equal content, equal hash."""
    return hashlib.sha256(canonical(service)).hexdigest()


def canonical(service: BilledService) -> bytes:
    """Return everything but hash and revision as JSON: sorted keys, no blanks, ASCII."""
    plain = {name: _plain(getattr(service, name)) for name in _HASHED_FIELDS}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Mapping | int | str):
        return value
    if isinstance(value, tuple):
        return list(value)
    return str(value)


def order(part: Part) -> tuple[str, str, int]:
    """Return by what parts are sorted: meter, reading type, time."""
    return part.determinant.badge, part.determinant.reading_type, part.channel.read_start_s


def usage_of(parts: Iterable[Part]) -> dict[str, tuple[int, ReadingType]]:
    """Return quanta and their unit by direction; quanta of one direction are alike."""
    found: dict[str, tuple[int, ReadingType]] = {}
    for part in parts:
        before, kind = found.get(part.direction, (0, part.kind))
        assert kind.unit == part.kind.unit, "one service counts in one unit"
        found[part.direction] = (before + part.determinant.usage_quanta, kind)
    return found


def totals(
    usage: Mapping[str, tuple[int, ReadingType]],
) -> tuple[dict[str, int], dict[str, Any], set[Flag]]:
    """Return whole units, exact ones, and whether anything is below zero."""
    quantities: dict[str, int] = {}
    exact: dict[str, str] = {}
    for direction, (quanta, kind) in usage.items():
        name = f"{direction}_{kind.billing_unit.lower()}"
        quantities[name] = whole_units(quanta, kind)
        exact[name] = str(unrounded_units(quanta, kind))
    if {"delivered", "received"} <= usage.keys():
        quantities["net_kwh"] = quantities["delivered_kwh"] - quantities["received_kwh"]
    below = any(quanta < 0 for quanta, _ in usage.values())
    return quantities, {"exact": exact}, {Flag.GIVEN_BACK} if below else set()


def estimated_share(parts: Sequence[Part]) -> Decimal:
    """Return the estimated share of what was delivered, meters weighted by their usage."""
    rows = [each.determinant for each in parts if each.kind.channel == 0]
    if len(rows) == 1:
        return rows[0].estimated_share
    weights = [max(0, row.usage_quanta) for row in rows]
    whole = sum(weights)
    if not whole:
        return max((row.estimated_share for row in rows), default=Decimal(0))
    share = sum(
        (row.estimated_share * weight for row, weight in zip(rows, weights, strict=True)),
        Decimal(0),
    )
    return (share / whole).quantize(_SHARE_PLACES, ROUND_HALF_UP)


def flags_of(period: ServicePeriod, parts: Sequence[Part], quality: Quality) -> Iterable[Flag]:
    """Yield what follows from parts and period alone."""
    if quality is Quality.ESTIMATED:
        yield Flag.ESTIMATED
    ends = {each.channel.opened_by for each in parts} | {each.channel.closed_by for each in parts}
    if ReadReason.EXCHANGE in ends:
        yield Flag.EXCHANGED
    if not period.account_id:
        yield Flag.VACANT
    if any(each.channel.estimated_because for each in parts):
        yield Flag.INTERVALS_MISSING


def kilowatts(watts: Decimal) -> int:
    """Return power in whole kW, half up."""
    return int((watts / _WATTS_IN_KW).quantize(Decimal(1), ROUND_HALF_UP))
