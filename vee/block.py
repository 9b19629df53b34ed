"""
What the kernels work on: channels of one interval length in rows, slots of time in columns.

Missing is a mask, never a value. Days of 92, 96 and 100 slots are told apart by the slot table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import FLAG_POWER_FAIL, Bool, Int32, Int64
from mdms.domain.time import days_between, from_epoch_s, local_midnight, to_epoch_s
from vee.context import ELECTRIC, WATER, Context
from vee.edits import Edits
from vee.evidence import Evidence

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class SlotTable:
    """
    Consecutive intervals of whole local days.

    Attributes:
        interval_s: Length of an interval in seconds.
        start_s: Start of each slot, seconds since 1970-01-01 UTC, shape (slots,).
        day: Position in `days` of the local day in which a slot starts, shape (slots,).
        wall: Local wall-clock slot, 0 at midnight; skips an hour in spring and repeats one in
            autumn, shape (slots,).
        days: The local days, consecutive.
        first: First slot of each day and, last, the number of slots, shape (days + 1,).
        at: Slot of a day and wall-clock slot, the earlier one where there are two, -1 where
            there is none, shape (days, 86400 / interval_s).
    """

    interval_s: int
    start_s: Int64
    day: Int64
    wall: Int64
    days: tuple[date, ...]
    first: Int64
    at: Int64

    @classmethod
    def of_days(cls, first: date, last: date, *, interval_s: int, zone: ZoneInfo) -> Self:
        """Return the slots that start in the local days first..last, both included."""
        days = tuple(days_between(first, last))
        midnights = [to_epoch_s(local_midnight(day, zone)) for day in days]
        midnights.append(to_epoch_s(local_midnight(date.fromordinal(last.toordinal() + 1), zone)))
        starts = [-(-midnight // interval_s) * interval_s for midnight in midnights]
        start_s = np.arange(starts[0], starts[-1], interval_s, dtype=np.int64)
        bounds = np.searchsorted(start_s, starts)
        day = np.repeat(np.arange(len(days)), np.diff(bounds))
        wall = (start_s - np.array(midnights)[day]) // interval_s
        for number, (start, end) in enumerate(pairwise(midnights)):
            if end - start != DAY_S:
                here = slice(bounds[number], bounds[number + 1])
                wall[here] = [_wall_s(second, zone) // interval_s for second in start_s[here]]
        at = np.full((len(days), DAY_S // interval_s), -1, np.int64)
        backwards = np.arange(len(start_s))[::-1]
        at[day[backwards], wall[backwards]] = backwards
        return cls(interval_s, start_s, day, wall, days, bounds, at)

    def __len__(self) -> int:
        return len(self.start_s)

    def day_of(self, boundary: Int64) -> Int64:
        """Return the day that starts at or runs over each boundary; b lies before slot b."""
        return self.day[np.minimum(boundary, len(self) - 1)]

    @property
    def end_s(self) -> int:
        """Where the last slot ends, seconds since 1970-01-01 UTC."""
        return int(self.start_s[-1]) + self.interval_s


def one_value(grid: npt.NDArray[np.generic]) -> bool:
    """Return whether a grid is one value seen in every cell, as numpy.broadcast_to() makes it."""
    return grid.strides == (0, 0)


def _wall_s(second: int, zone: ZoneInfo) -> int:
    """Return the seconds that a local wall clock shows since its midnight."""
    clock = from_epoch_s(second).astimezone(zone)
    return clock.hour * 3600 + clock.minute * 60 + clock.second


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What is known of each channel; every array has the shape (channels,).

    Attributes:
        v_max: Physical maximum of one interval [quanta].
        modulus: The register wraps to 0 here [register quanta].
        resolution: Value of the register's last digit [register quanta].
        multiplier: Register quanta to usage quanta.
        linear: Whether L1 and the edge blend may be used.
        reversible: Whether the meter may run backwards.
    """

    v_max: Int64
    modulus: Int64
    resolution: Int64
    multiplier: Int64
    linear: Bool
    reversible: Bool

    @property
    def step(self) -> Int64:
        """How finely the register knows usage: resolution times multiplier [quanta]."""
        return self.resolution * self.multiplier


@dataclass(frozen=True, slots=True)
class Registers:
    """
    Register reads that stand for a slot boundary, sorted by channel and boundary.

    Attributes:
        channel: Row of the block, shape (reads,).
        boundary: 0..slots; boundary b lies before slot b; at most one read each, shape (reads,).
        value: What the register showed [register quanta], shape (reads,).
    """

    channel: Int64
    boundary: Int64
    value: Int64

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, reads: Int64 | Bool | slice) -> Self:
        """Return the reads at these positions, where this mask is true, or of this slice."""
        return type(self)(self.channel[reads], self.boundary[reads], self.value[reads])

    def of_channels(self, rows: slice) -> Self:
        """Return the reads of consecutive channels, without a copy."""
        first, last = np.searchsorted(self.channel, (rows.start, rows.stop)).tolist()
        return self.take(slice(first, last))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the reads of all parts, which hold rising channels."""
        return cls(
            np.concatenate([part.channel for part in parts]),
            np.concatenate([part.boundary for part in parts]),
            np.concatenate([part.value for part in parts]),
        )


@dataclass(frozen=True)
class Block:
    """
    Raw reads of many channels over one slot table.

    Attributes:
        slots: The columns.
        channel_id: The rows, each channel once, rising.
        limits: What is known of each channel.
        value: Quanta as received, 0 where absent, shape (channels, slots).
        present: Whether a value was received, shape (channels, slots).
        expected: Whether one was due: installed and its radio on, shape (channels, slots).
        flags: Rule mask as received, shape (channels, slots); `one_value` where none was.
        registers: Aligned register reads.
        known: What is known of the channels besides; None where nothing is.
        evidence: What else may help an estimate.
        edits: Which values a person set; None where nothing was edited.
    """

    slots: SlotTable
    channel_id: Int32
    limits: Limits
    value: Int64
    present: Bool
    expected: Bool
    flags: Int64
    registers: Registers
    known: Context | None = None
    evidence: Evidence = field(default_factory=Evidence.none)
    edits: Edits | None = None

    def __post_init__(self) -> None:
        shape = (len(self.channel_id), len(self.slots))
        for grid in (self.value, self.present, self.expected, self.flags):
            assert grid.shape == shape, "every grid is channels by slots"
        assert not self.value[~self.present].any(), "an absent value is 0"

    @cached_property
    def context(self) -> Context:
        """What is known of the channels; a meter that may run backwards is one for water."""
        if self.known is not None:
            return self.known
        commodity = np.where(self.limits.reversible, WATER, ELECTRIC).astype(np.uint8)
        return Context.plain(commodity, len(self.slots.days))

    @cached_property
    def all_expected(self) -> bool:
        """Whether a value was due in every slot."""
        return bool(self.expected.all())

    @property
    def flagged(self) -> bool:
        """Whether a value may have come with a flag: False spares a look at all of them."""
        return not one_value(self.flags) or bool(self.flags[:1, :1].any())

    @property
    def edited(self) -> Bool:
        """Where a person set the value: it counts, but nothing is estimated from it."""
        return np.zeros(self.value.shape, np.bool_) if self.edits is None else self.edits.standing

    @cached_property
    def power_fail(self) -> Bool:
        """Where power failed within the interval: actual, but no anchor and no reference."""
        if not self.flagged:
            return np.broadcast_to(np.False_, self.flags.shape)
        failed: Bool = (self.flags & FLAG_POWER_FAIL) != 0
        return failed
