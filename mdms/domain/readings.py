"""
Reads in columns: what every layer passes on, with the codes that go with each value.

A value is a whole number of *quanta*: 1 Wh, 0.1 gal, 0.01 ccf, as the channel's reading type
says. Stored time is the start of an interval. Missing is the absence of a row, never a value.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

RAW_VERSION = 0


class Status(StrEnum):
    """How a value came to be and how far it is trusted; one letter, as stored and exported."""

    RAW = "R"
    VALIDATED = "V"
    ACCEPTED = "A"
    SUSPECT = "S"
    MISSING = "M"
    DERIVED = "D"
    ESTIMATED = "E"
    FINAL_ESTIMATE = "F"
    ZERO = "Z"
    EDITED = "X"
    NOT_EXPECTED = "N"

    @property
    def code(self) -> int:
        """The letter as one byte: how columns and the database hold it."""
        return ord(self.value)


class Method(IntEnum):
    """
    How an estimate was made; 0 is no estimate.

    Up to A1 in the order in which methods are tried; H4 is tried where a bracket's total is known.
    """

    NONE = 0
    D1 = 1
    Z1 = 2
    Z2 = 3
    K1 = 4
    L1 = 5
    H1 = 6
    H2 = 7
    H3 = 8
    C1 = 9
    A1 = 10
    H4 = 11


class Source(IntEnum):
    """Where a version came from."""

    UPLINK = 1
    BACKFILL = 2
    FILE = 3
    SELF_READ = 4
    VEE = 5
    EDIT = 6


_RULES_END: Final = 59


def rule_bit(number: int) -> int:
    """Return the flag of validation rule V<number>; above V58 are the marks of estimates."""
    assert 0 < number < _RULES_END, f"a mask has no bit for rule {number}"
    return 1 << number


FLAG_EST_CLAMPED = 1 << 0
FLAG_EST_UNSCALED = 1 << 59
FLAG_EST_EXTREME = 1 << 60
FLAG_OUTAGE_CONFLICT = 1 << 61
FLAG_EST_COARSE = 1 << 62
FLAG_PARTIAL = rule_bit(10)
"""The head-end said that the interval is partial (FNB1 q = 3)."""
FLAG_POWER_FAIL = rule_bit(34)
"""Power failed within the interval: actual, but never an anchor or a reference."""


def ascends(*keys: npt.NDArray[np.integer]) -> bool:
    """Return whether each row exceeds the one before it, by the first key, then the next."""
    later = keys[-1][1:] > keys[-1][:-1]
    for key in keys[-2::-1]:
        later &= key[1:] == key[:-1]
        later |= key[1:] > key[:-1]
    return bool(later.all())


class _Columns:
    """Rows in columns of one length; `_key` names the columns that a version belongs to."""

    __slots__ = ()
    _key: ClassVar[tuple[str, ...]]
    _names: ClassVar[tuple[str, ...]]
    channel_id: Int32
    version: Int16

    def __len__(self) -> int:
        return len(self.channel_id)

    def take(self, rows: Int64 | Bool | slice) -> Self:
        """Return the rows at these positions, where this mask is true, or of this slice."""
        return type(self)(*(getattr(self, name)[rows] for name in self._names))

    @classmethod
    def concat(cls, *parts: Self) -> Self:
        """Return the rows of all parts, in their order; at least one part."""
        full = [part for part in parts if len(part)]
        if len(full) <= 1:  # nearly always: then nothing is copied
            return full[0] if full else parts[0]
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls._names))

    def current(self) -> Self:
        """Return the highest version of each key, sorted by key."""
        keys = [getattr(self, name) for name in self._key]
        if ascends(*keys):
            return self  # one version of each, as most stretches of most channels have
        order = np.lexsort((self.version, *reversed(keys)))
        last = np.zeros(len(order), np.bool_)
        last[-1:] = True
        for key in keys:
            last[:-1] |= key[order][1:] != key[order][:-1]
        return self.take(order[last])


_IS_ESTIMATE: Final = np.zeros(256, np.bool_)
_IS_ESTIMATE[[Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code]] = True


@dataclass(frozen=True, slots=True)
class IntervalReads(_Columns):
    """
    Versions of interval values, one row each, columns of one length.

    Attributes:
        channel_id: Channel, ours.
        start_s: Start of the interval, seconds since 1970-01-01 UTC.
        version: 0 as received; validation and edits append from 1.
        value: Quanta.
        status: Letter of Status as one byte.
        method: Code of Method.
        flags: Rule mask; bit n is rule Vn.
        recorded_us: When this version was known, microseconds since 1970-01-01 UTC.
        source: Code of Source.
    """

    _key: ClassVar = ("channel_id", "start_s")
    _names: ClassVar = (
        "channel_id", "start_s", "version", "value", "status", "method", "flags",
        "recorded_us", "source",
    )  # fmt: skip

    channel_id: Int32
    start_s: Int64
    version: Int16
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64
    recorded_us: Int64
    source: Int16

    @classmethod
    def raw(
        cls,
        channel_id: npt.NDArray[np.integer],
        start_s: npt.NDArray[np.integer],
        value: npt.NDArray[np.integer],
        *,
        flags: npt.NDArray[np.integer] | None = None,
        recorded_us: int,
        source: Source,
    ) -> Self:
        """Return version 0 rows as they were received, status R."""
        n = len(channel_id)
        return cls(
            channel_id=np.asarray(channel_id, np.int32),
            start_s=np.asarray(start_s, np.int64),
            version=np.zeros(n, np.int16),
            value=np.asarray(value, np.int64),
            status=np.full(n, Status.RAW.code, np.uint8),
            method=np.zeros(n, np.int16),
            flags=np.zeros(n, np.int64) if flags is None else np.asarray(flags, np.int64),
            recorded_us=np.full(n, recorded_us, np.int64),
            source=np.full(n, source, np.int16),
        )

    @classmethod
    def empty(cls) -> Self:
        """Return no rows."""
        none = np.empty(0, np.int64)
        return cls.raw(none, none, none, recorded_us=0, source=Source.UPLINK)


@dataclass(frozen=True, slots=True)
class RegisterReads(_Columns):
    """
    Versions of cumulative register values at an instant, one row each.

    Attributes:
        channel_id: Channel, ours.
        at_s: Instant as the meter stamped it, seconds since 1970-01-01 UTC; not snapped.
        version: 0 as received; edits append from 1.
        value: Quanta on the register, before rollover is taken into account.
        status: Letter of Status as one byte.
        recorded_us: When this version was known, microseconds since 1970-01-01 UTC.
        source: Code of Source.
    """

    _key: ClassVar = ("channel_id", "at_s")
    _names: ClassVar = (
        "channel_id", "at_s", "version", "value", "status", "recorded_us", "source",
    )  # fmt: skip

    channel_id: Int32
    at_s: Int64
    version: Int16
    value: Int64
    status: UInt8
    recorded_us: Int64
    source: Int16

    def measured(self) -> Self:
        """Return the newest read of each instant, none that was estimated or is held; sorted."""
        estimated = _IS_ESTIMATE[self.status]
        current = (self.take(~estimated) if estimated.any() else self).current()
        held = current.status == Status.SUSPECT.code
        return current.take(~held) if held.any() else current

    @classmethod
    def raw(
        cls,
        channel_id: npt.NDArray[np.integer],
        at_s: npt.NDArray[np.integer],
        value: npt.NDArray[np.integer],
        *,
        recorded_us: int,
        source: Source,
    ) -> Self:
        """Return version 0 rows as they were received, status R."""
        n = len(channel_id)
        return cls(
            channel_id=np.asarray(channel_id, np.int32),
            at_s=np.asarray(at_s, np.int64),
            version=np.zeros(n, np.int16),
            value=np.asarray(value, np.int64),
            status=np.full(n, Status.RAW.code, np.uint8),
            recorded_us=np.full(n, recorded_us, np.int64),
            source=np.full(n, source, np.int16),
        )

    @classmethod
    def empty(cls) -> Self:
        """Return no rows."""
        none = np.empty(0, np.int64)
        return cls.raw(none, none, none, recorded_us=0, source=Source.UPLINK)
