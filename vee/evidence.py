"""
What is known of a block besides its reads and may help an estimate; each part may be absent.

A block without evidence is estimated from its own reads and registers alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int16, Int32, Int64
from vee.kernels.gaps import Float


@dataclass(frozen=True, slots=True)
class Spans:
    """
    Stretches of time of some channels.

    Attributes:
        channel: Row of the block, shape (spans,).
        from_s: Start, seconds since 1970-01-01 UTC, shape (spans,).
        until_s: End, likewise; not before the start.
    """

    channel: Int64
    from_s: Int64
    until_s: Int64

    @classmethod
    def none(cls) -> Self:
        """Return no span."""
        return cls(*(np.zeros(0, np.int64) for _ in fields(cls)))

    def take(self, which: Bool) -> Self:
        """Return some of them."""
        return type(self)(*(getattr(self, each.name)[which] for each in fields(self)))

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, slots=True)
class Leaks:
    """
    Confirmed leaks; those of one channel do not overlap.

    Attributes:
        channel: Row of the block, shape (leaks,).
        from_s: Since when, seconds since 1970-01-01 UTC, shape (leaks,).
        until_s: Until when; far in the future while it runs, shape (leaks,).
        rate: What runs out [quanta per hour], shape (leaks,).
    """

    channel: Int64
    from_s: Int64
    until_s: Int64
    rate: Float


@dataclass(frozen=True, slots=True)
class CheckChannel:
    """
    A validated second measurement of the same points (K1).

    Attributes:
        value: Quanta, shape (channels, slots).
        valid: Where it may be copied, shape (channels, slots).
        channel_id: The channel that measured it, shape (channels, slots).
    """

    value: Int64
    valid: Bool
    channel_id: Int32


@dataclass(frozen=True, slots=True)
class LastYear:
    """
    Reads of the same channels 52, 53 and 51 weeks before each slot (H3).

    Attributes:
        value: Quanta, shape (weeks, channels, slots).
        valid: Valid, actual, and of the same people, shape (weeks, channels, slots).
        start_s: When they start, seconds since 1970-01-01 UTC, shape (weeks, slots); any where
            none is valid.
    """

    value: Int64
    valid: Bool
    start_s: Int64


@dataclass(frozen=True, slots=True)
class Peers:
    """
    The others of a class that a profile was taken from.

    Attributes:
        channel_id: Rising, shape (peers,).
        first: First local day looked at.
        last: Last local day.
    """

    channel_id: Int32
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class ClassProfile:
    """
    How services of the same class use a day (C1).

    Attributes:
        share: Share of a day's usage that falls into each slot, by season and type of day, NaN
            where nothing is known, shape (channels, slots).
        daily: Mean daily usage of the class [quanta], NaN likewise, shape (channels, slots).
        peers: Whom it was taken from.
        of: Position in `peers`, any where nothing is known, shape (channels, slots).
    """

    share: Float
    daily: Float
    peers: Sequence[Peers]
    of: Int64


@dataclass(frozen=True, slots=True)
class BucketRegisters:
    """
    Registers that count one time-of-use bucket each; they wrap as the channel's register does.

    Attributes:
        bucket: Bucket of each slot, numbered from 0 on, -1 where none counts, shape (channels,
            slots).
        channel: Row of the block of each read, shape (reads,).
        of: Bucket of each read, shape (reads,).
        boundary: Boundary that each read stands for, shape (reads,).
        value: What it showed [register quanta], shape (reads,).
    """

    bucket: Int16
    channel: Int64
    of: Int64
    boundary: Int64
    value: Int64


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    Everything besides the reads.

    Attributes:
        outages: From a power failure to the restoration (Z1).
        check: A second measurement.
        last_year: The same days a year before.
        of_class: What similar services do.
        leaks: Below their rate no interval lay.
        buckets: Time-of-use registers.
        waiting: Days on which nothing is estimated but between registers, shape (days,): of mass
            events, which are looked at as a whole.
        outdoor_f: How warm each day was [degrees F], NaN where nobody stated it, shape (days,).
    """

    outages: Spans
    check: CheckChannel | None = None
    last_year: LastYear | None = None
    of_class: ClassProfile | None = None
    leaks: Leaks | None = None
    buckets: BucketRegisters | None = None
    waiting: Bool | None = None
    outdoor_f: Float | None = None

    @classmethod
    def none(cls) -> Self:
        """Return that of a block about which nothing else is known."""
        return cls(outages=Spans.none())
