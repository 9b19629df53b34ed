"""
Channels in blocks of one interval length, and the registers that count through them.

Every channel of the city has a number: block after block, row after row. The ledger, the radio
and the frames speak of channels by this number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.readings import Bool, Int32, Int64, UInt8
from mdms.domain.registry import WIRE_COMMODITY
from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.city import City
from simulators.load.source import Metered

HISTORY = 12
"""Intervals that a transmission carries at most."""

_LOW_NIBBLE = 0x0F


@dataclass(frozen=True)
class Block:
    """
    The channels of one interval length, one row each.

    Attributes:
        interval_s: Length of an interval [s].
        first: Number of the channel in row 0.
        meter: Position of each channel's meter in the city.
        ordinal: Which channel of its meter it is.
        wire: FNB1 channel byte.
        badge: What is printed on the meter.
        reading_type: CIM reading type.
        modulus: Where the register wraps [quanta].
        initial: Register at the start of the simulation [quanta].
    """

    interval_s: int
    first: int
    meter: Int64
    ordinal: Int64
    wire: UInt8
    badge: npt.NDArray[np.object_]
    reading_type: npt.NDArray[np.object_]
    modulus: Int64
    initial: Int64

    def __len__(self) -> int:
        return len(self.meter)

    @cached_property
    def measures_voltage(self) -> Bool:
        """Rows whose values are means of voltage: no register counts them."""
        voltage: Bool = (self.wire & _LOW_NIBBLE) == VOLTAGE_CHANNEL
        return voltage


def blocks_of(city: City) -> Sequence[Block]:
    """Return the city's channels by interval length, shortest first."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for meter, site in enumerate(city.sites):
        for ordinal, kind in enumerate(site.reading_types):
            rows.setdefault(kind.interval_s, []).append((meter, ordinal))
    moduli = city.moduli()
    blocks: list[Block] = []
    first = 0
    for interval_s, members in sorted(rows.items()):
        kinds = [city.sites[meter].reading_types[ordinal] for meter, ordinal in members]
        meter, ordinal = np.array(members, np.int64).T
        blocks.append(
            Block(
                interval_s=interval_s,
                first=first,
                meter=meter,
                ordinal=ordinal,
                wire=np.array(
                    [WIRE_COMMODITY[kind.commodity] << 4 | kind.channel for kind in kinds], np.uint8
                ),
                badge=np.array([city.registry.meters[m].badge for m in meter], np.object_),
                reading_type=np.array([kind.name for kind in kinds], np.object_),
                modulus=moduli[meter],
                initial=np.array([city.sites[m].initial[o] for m, o in members], np.int64),
            )
        )
        first += len(members)
    return blocks


class Counters:
    """
    Registers of one block over the current local day, with the intervals that led to it.

    Attributes:
        block: Whose registers.
        value: True value of each interval [quanta]: HISTORY intervals of the day before, then
            the day's, shape (rows, HISTORY + slots).
        gap: Intervals of which the meter kept no value, same shape.
        register: Count without wrapping [quanta] at the start of the day and at the end of each
            of its intervals, shape (rows, 1 + slots).
    """

    def __init__(self, block: Block, start_s: int) -> None:
        self.block = block
        self._start_s = self._day_s = start_s
        self.value: Int32 = np.zeros((len(block), HISTORY), np.int32)
        self.gap: Bool = np.zeros((len(block), HISTORY), np.bool_)
        self.register: Int64 = block.initial[:, None]
        self._today: Int64 = np.zeros((len(block), 0), np.int64)
        self._gap_today: Bool = np.zeros((len(block), 0), np.bool_)
        self._wanted: dict[int, Int64] = {}

    def count(self, day: LocalDay, metered: Metered) -> None:
        """Go on to the next local day."""
        assert metered.value.shape == (len(self.block), day.slots(self.block.interval_s))
        assert metered.value.max(initial=0) < 1 << 16, "a delta has 16 bits on the wire"
        self._day_s, self._today, self._wanted = day.start_s, metered.value, {}
        self._gap_today = metered.gap
        self.value = np.concatenate(
            [self.value[:, -HISTORY:], metered.value.astype(np.int32)], axis=1
        )
        self.gap = np.concatenate([self.gap[:, -HISTORY:], metered.gap], axis=1)
        added = np.cumsum(metered.value, axis=1)
        self.register = self.register[:, -1:] + np.concatenate(
            [np.zeros((len(added), 1), np.int64), added], axis=1
        )

    def limit(self, row: int, share: Floats) -> None:
        """
        Let only a share of what would be used today flow through one channel.

        Voltage is the mean of the time with power, and nobody knows it where there was none.

        Args:
            row: Row in the block.
            share: Share of each of the day's intervals with power, 0..1; what was counted
                before must keep its share.
        """
        if self.block.measures_voltage[row]:
            self._gap_today[row] = self.gap[row, HISTORY:] = share == 0
            return
        wanted = self._wanted.setdefault(row, self._today[row].copy())
        value = np.floor(wanted * share).astype(np.int64)
        self._today[row] = value
        self.value[row, HISTORY:] = value
        self.register[row, 1:] = self.register[row, 0] + np.cumsum(value)

    def at(self, row: int, at_s: int, flowed_s: float) -> int:
        """
        Return a register at any second of the current day [quanta], wrapped.

        Args:
            row: Row in the block.
            at_s: The instant, seconds since 1970-01-01 UTC.
            flowed_s: How long energy flowed since the interval began.
        """
        slot = (at_s - self._day_s) // self.block.interval_s
        count = int(self.register[row, slot])
        if slot < self._today.shape[1]:
            wanted = self._wanted.get(row, self._today[row])[slot]
            count += int(wanted * flowed_s // self.block.interval_s)
        return count % int(self.block.modulus[row])

    def recall(self, row: Int64, newest_s: Int64) -> "Recall":
        """
        Return what these rows transmit when their newest interval ends at these seconds.

        Args:
            row: Row in the block.
            newest_s: End of the newest interval, within the current day, both ends included.
        """
        block = self.block
        slot = (newest_s - self._day_s) // block.interval_s
        count = np.minimum((newest_s - self._start_s) // block.interval_s, HISTORY)
        column = slot[:, None] + (HISTORY - 1) - np.arange(HISTORY)
        carried = np.arange(HISTORY) < count[:, None]
        gap = self.gap[row[:, None], column] & carried
        return Recall(
            register=np.where(
                block.measures_voltage[row], 0, self.register[row, slot] % block.modulus[row]
            ),
            delta=np.where(carried & ~gap, self.value[row[:, None], column], 0).astype(np.uint16),
            gap=gap,
            count=count.astype(np.uint8),
        )


@dataclass(frozen=True, slots=True)
class Recall:
    """
    What a meter remembers at an instant, one row per transmission, newest interval first.

    Attributes:
        register: At the end of the newest interval [quanta], wrapped; 0 for voltage.
        delta: Value of each interval [quanta], 0 where there is none, shape (n, HISTORY).
        gap: Intervals of which there is no value, shape (n, HISTORY).
        count: How many intervals there are, gaps included.
    """

    register: Int64
    delta: npt.NDArray[np.uint16]
    gap: Bool
    count: UInt8
