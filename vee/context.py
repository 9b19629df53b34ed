"""
What is known of channels besides their reads: what they measure, what went before, who is there.

A block without a context is judged as plain delivered energy or flow, without a past.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int64, UInt8
from mdms.domain.registry import WIRE_COMMODITY, Commodity
from vee.evidence import Spans

ELECTRIC = WIRE_COMMODITY[Commodity.ELECTRIC]
WATER = WIRE_COMMODITY[Commodity.WATER]
GAS = WIRE_COMMODITY[Commodity.GAS]

UNKNOWN = -1
"""No sibling, or no maximum of earlier days."""


class Quantity(IntEnum):
    """What a channel measures: the low nibble of the FNB1 channel byte (headend notes 2.3, 2.7)."""

    DELIVERED = 0
    RECEIVED = 1
    NET = 2
    """Delivered less received: the only quantity with a sign."""
    REACTIVE = 3
    VOLTAGE = 4


USAGE = (Quantity.DELIVERED, Quantity.RECEIVED, Quantity.NET)
"""Energy or volume that flows through a service, whichever way."""


@dataclass(frozen=True, slots=True)
class History:
    """
    What the days before say; a day counts when it is whole and nothing in it failed or is held.

    Attributes:
        first_judged: First day of the block whose own reads count; stored outcomes count before.
        peak: Largest value of the valid days looked back to [quanta], 0 where there is none,
            shape (channels, days).
        valid_days: How many days that are, shape (channels, days).
        zero_days: Days without usage that run up to the first judged day, shape (channels,).
        inactive_quanta: Used without an account until that day [quanta], shape (channels,).
    """

    first_judged: int
    peak: Int64
    valid_days: Int64
    zero_days: Int64
    inactive_quanta: Int64

    @classmethod
    def none(cls, channels: int, days: int) -> Self:
        """Return that of channels that were never heard before."""
        return cls(
            first_judged=0,
            peak=np.zeros((channels, days), np.int64),
            valid_days=np.zeros((channels, days), np.int64),
            zero_days=np.zeros(channels, np.int64),
            inactive_quanta=np.zeros(channels, np.int64),
        )


@dataclass(frozen=True, slots=True)
class Openings(Spans):
    """
    When services were switched off, by confirmed commands.

    They were confirmed open since `from_s`; at `until_s` a command to close them was sent.
    """


@dataclass(frozen=True, slots=True)
class Conflicts:
    """
    Raw values that differ from the stored raw one of their interval (V06), sorted by cell.

    Attributes:
        channel: Row of the block, shape (conflicts,).
        slot: Column of the block, shape (conflicts,).
        value: The other value [quanta], shape (conflicts,).
    """

    channel: Int64
    slot: Int64
    value: Int64

    @classmethod
    def none(cls) -> Self:
        """Return no conflict."""
        return cls(*(np.zeros(0, np.int64) for _ in range(3)))

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, slots=True)
class Clocks(Spans):
    """
    When meters' clocks were known to be off: since the last good check, until they were set right.

    Attributes:
        offset_s: Meter's clock less UTC, at least, shape (spans,).
    """

    offset_s: Int64


@dataclass(frozen=True, slots=True)
class Context:
    """
    What is known of a block's channels; single columns have the shape (channels,).

    Attributes:
        commodity: ELECTRIC, WATER or GAS.
        quantity: Code of Quantity.
        irregular: `irregular_usage` services: pumps, events, welders; their values are no surprise.
        net_metering: Services that generate.
        delivered: Row of the same meter's delivered energy, UNKNOWN where there is none.
        inactive: Days on which nobody had an account, shape (channels, days).
        history: What went before.
        openings: When the service was off.
        conflicts: Values that contradict the stored ones.
        clocks: When meters' clocks were off.
        since: First day of the block from which on the same people were there, shape (channels,
            days); None where nobody moved.
        lone: Days on which a channel said nothing and the same meter sent others, of intervals
            of another length, shape (channels, days); None where no channel did.
    """

    commodity: UInt8
    quantity: UInt8
    irregular: Bool
    net_metering: Bool
    delivered: Int64
    inactive: Bool
    history: History
    openings: Openings
    conflicts: Conflicts
    clocks: Clocks = field(default_factory=Clocks.none)
    since: Int64 | None = None
    lone: Bool | None = None

    @classmethod
    def plain(cls, commodity: UInt8, days: int) -> Self:
        """Return that of delivered energy or flow about which nothing else is known."""
        channels = len(commodity)
        return cls(
            commodity=commodity,
            quantity=np.full(channels, Quantity.DELIVERED, np.uint8),
            irregular=np.zeros(channels, np.bool_),
            net_metering=np.zeros(channels, np.bool_),
            delivered=np.arange(channels),
            inactive=np.zeros((channels, days), np.bool_),
            history=History.none(channels, days),
            openings=Openings.none(),
            conflicts=Conflicts.none(),
        )

    def measures(self, *quantities: Quantity) -> Bool:
        """Return the channels that measure one of these quantities, shape (channels,)."""
        found = np.zeros(len(self.quantity), np.bool_)
        for quantity in quantities:
            found |= self.quantity == quantity
        return found
