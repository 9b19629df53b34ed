"""Reads on their way out: the current values of some channels, as every format writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdms.domain.reading_types import ReadingType
from mdms.domain.readings import Bool, Int16, Int64, UInt8


@dataclass(frozen=True, slots=True)
class OutgoingChannel:
    """
    A channel where it was last installed.

    Attributes:
        kind: What it measures.
        multiplier: What its register counts, in quanta of usage.
    """

    badge: str
    usage_point_id: str
    radio_id: int
    kind: ReadingType
    multiplier: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    Values of some channels; rows are sorted by channel and time, a time comes once.

    Attributes:
        channels: Whose they are.
        place: Of each interval, its channel's place among them.
        start_s: Its start, seconds since 1970-01-01 UTC.
        value: Quanta.
        status: Letter of Status as one byte, as displayed.
        method: Code of Method.
        flags: Rule mask.
        register_place: Of each register reading, its channel's place.
        register_at_s: Its instant, seconds since 1970-01-01 UTC.
        register_value: Quanta of the register.
        register_status: Letter of Status as one byte.
    """

    channels: Sequence[OutgoingChannel]
    place: Int64
    start_s: Int64
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64
    register_place: Int64
    register_at_s: Int64
    register_value: Int64
    register_status: UInt8

    def of_channel(self, number: int) -> slice:
        """Return the rows of the intervals of one channel."""
        first, last = np.searchsorted(self.place, [number, number + 1])
        return slice(int(first), int(last))


def begins_run(place: Int64, start_s: Int64, step_s: Int64) -> Bool:
    """Return the rows before which a channel ends, or intervals are missing."""
    begins = np.ones(len(place), np.bool_)
    begins[1:] = (place[1:] != place[:-1]) | (start_s[1:] != start_s[:-1] + step_s[:-1])
    return begins
