"""What a codec makes of one message: frames in columns, and what it had to refuse."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from mdms.domain.errors import RejectReason
from mdms.domain.readings import Bool, Int32, Int64, UInt8
from mdms.domain.time import to_epoch_us

UInt16 = npt.NDArray[np.uint16]

UNTOLD: Final = -(1 << 40)
"""No age of an interval."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One frame that cannot be used, or only in part."""

    frame: int
    """Position in its message."""
    radio_id: int
    """As the frame says; it may be wrong in that as well."""
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class Frames:
    """
    Readings as they were sent, one row a frame; columns of one length.

    The two-dimensional columns hold the intervals of a frame, newest first, shape (frames, width).

    Attributes:
        index: Position in the message.
        radio_id: Who sent it.
        wire_channel: Commodity in the high nibble, channel in the low one.
        interval_s: Length of an interval; 0 where the frame carries a register only.
        at_s: Instant of the register as the meter stamped it, seconds since 1970-01-01 UTC.
        register: Quanta on the register.
        start_s: Start of each interval on the grid, seconds since 1970-01-01 UTC.
        value: Quanta; means nothing where `present` is false.
        present: The interval was sent and may be stored.
        flags: Rule mask of each interval.
        lag_s: Age of the newest interval when the meter sent the frame; UNTOLD where nobody knows,
            or where the interval says nothing about the meter's clock.
        alarms: Bits of the frame that tell of alarms that last (`fnb1_readings.ALARMS`).
        overflow: Intervals whose value was more than a frame can carry, shape (frames, width).
    """

    index: Int32
    radio_id: Int64
    wire_channel: UInt8
    interval_s: Int32
    at_s: Int64
    register: Int64
    start_s: Int64
    value: Int64
    present: Bool
    flags: Int64
    lag_s: Int64
    alarms: UInt16
    overflow: Bool

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: npt.NDArray[np.integer] | Bool) -> Self:
        """Return the frames at these positions, or where this mask is true."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concat(cls, *parts: Self) -> Self:
        """Return the frames of all parts, in their order; at least one part, all of one width."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


class Refusals:
    """The first thing that is wrong with each frame."""

    def __init__(self, radio_id: npt.NDArray[np.uint32]) -> None:
        self._radio_id = radio_id
        self.whole: Bool = np.zeros(len(radio_id), np.bool_)
        self._found: dict[int, Refusal] = {}

    def add(self, wrong: Bool, reason: RejectReason, detail: str) -> None:
        """Refuse these frames."""
        if wrong.any():
            self.note(wrong, reason, detail)
            self.whole |= wrong

    def note(self, wrong: Bool, reason: RejectReason, detail: str) -> None:
        """Refuse a part of these frames; the rest of them stays usable."""
        for frame in np.flatnonzero(wrong).tolist():
            radio_id = int(self._radio_id[frame])
            self._found.setdefault(frame, Refusal(frame, radio_id, reason, detail))

    def found(self) -> tuple[Refusal, ...]:
        """Return one refusal a frame."""
        return tuple(self._found.values())


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and when a message came in, as its topic and our clock say."""

    collector_id: int
    kind: str
    """Last part of the topic: read, event, backfill or ack."""
    received_at: datetime
    received_us: int = field(init=False)
    """The same, microseconds since 1970-01-01 UTC."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "received_us", to_epoch_us(self.received_at))
