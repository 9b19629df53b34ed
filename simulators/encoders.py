"""
FNB1 as a collector writes it: 64-byte frames in numpy, 64-byte header, CRC-32 over both.

Written from the format's description alone and shared with nobody, so that a mistake in the
head-end's decoder cannot hide behind the same mistake here.
"""

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool

INTERVALS = 12
FRAMES_MAX = 500
"""A batch closes at this many frames."""

MTYPE_PERIODIC, MTYPE_ON_DEMAND, MTYPE_RESTORED = 1, 2, 3
SCHEMA_READING, SCHEMA_EVENT, SCHEMA_ANSWER, SCHEMA_PROGRESS = 1, 2, 3, 4
FLAG_POWER_FAIL, FLAG_RESTORED, FLAG_OPEN, FLAG_ARMED = 1 << 0, 1 << 1, 1 << 8, 1 << 9
RECORD_SIZE = 64

READING = np.dtype(
    [
        ("meter_id", "<u4"),
        ("t_newest", "<u4"),
        ("register", "<u8"),
        ("seq", "<u2"),
        ("rx_age", "<u2"),
        ("rssi", "<i2"),
        ("snr", "i1"),
        ("mtype", "u1"),
        ("chan", "u1"),
        ("ilen", "u1"),
        ("n", "u1"),
        ("scale", "i1"),
        ("flags", "<u2"),
        ("repeat", "u1"),
        ("rsv", "u1"),
        ("delta", "<u2", (INTERVALS,)),
        ("q", "<u4"),
        ("tag", "<u4"),
    ]
)
EVENT = np.dtype(
    [
        ("meter_id", "<u4"),
        ("t_event", "<u4"),
        ("code", "<u2"),
        ("sub", "<u2"),
        ("seq", "<u2"),
        ("severity", "u1"),
        ("flags", "u1"),
        ("value", "<i8"),
        ("register", "<u8"),
        ("rssi", "<i2"),
        ("snr", "i1"),
        ("repeat", "u1"),
        ("rsv", "S24"),
        ("tag", "<u4"),
    ]
)
Frames = npt.NDArray[np.void]
"""A structured array of READING or of EVENT."""

_HEADER = struct.Struct("<4sBBHIIQQIHHIIiII")
_FLAGS_AT, _FLAGS = 6, struct.Struct("<H")
_BACKFILL, _LAST_OF_BACKFILL, _SIGNED = 1 << 1, 1 << 3, 1 << 4
_CRC = struct.Struct("<I")
_MISSING = 1


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """
    What a collector says about one batch; the rest of the header follows from the frames.

    Attributes:
        batch_us: When the batch was closed, microseconds since 1970-01-01 UTC.
        clock_offset_ms: What the collector believes that its clock is off.
        buffered: Frames that still wait for the backhaul.
    """

    collector_id: int
    boot_id: int
    batch_seq: int
    batch_us: int
    clock_offset_ms: int = 0
    buffered: int = 0


def quality_bits(missing: Bool) -> npt.NDArray[np.uint32]:
    """
    Return the field q: two bits for each delta, newest lowest.

    Args:
        missing: Intervals without a value, shape (frames, INTERVALS).
    """
    weights = np.uint32(_MISSING) << np.arange(0, 2 * INTERVALS, 2, dtype=np.uint32)
    bits: npt.NDArray[np.uint32] = (missing * weights).sum(axis=1, dtype=np.uint32)
    return bits


def reading_batch(header: BatchHeader, frames: Frames) -> bytes:
    """Return one message of schema 1; the bytes of the frames are taken as they are."""
    assert frames.dtype == READING, "a batch holds frames of one schema"
    return _batch(header, SCHEMA_READING, frames.tobytes())


def event_batch(header: BatchHeader, frames: Frames) -> bytes:
    """Return one message of schema 2; the bytes of the frames are taken as they are."""
    assert frames.dtype == EVENT, "a batch holds frames of one schema"
    return _batch(header, SCHEMA_EVENT, frames.tobytes())


def record_batch(header: BatchHeader, schema_id: int, records: Sequence[bytes]) -> bytes:
    """Return one message of schema 3 or 4."""
    assert schema_id in {SCHEMA_ANSWER, SCHEMA_PROGRESS}, "others are arrays of frames"
    assert all(len(record) == RECORD_SIZE for record in records), "records are of one size"
    return _batch(header, schema_id, b"".join(records))


def backfilled(payload: bytes, *, last: bool) -> bytes:
    """Return a batch as it answers a request: the same but for flags and checksum."""
    return _flagged(payload, _BACKFILL | (_LAST_OF_BACKFILL if last else 0))


def signed(payload: bytes, key: bytes) -> bytes:
    """Return a batch as its collector signs it: with a trailer under its key."""
    (flags,) = _FLAGS.unpack_from(payload, _FLAGS_AT)
    flagged = _flagged(payload, flags | _SIGNED)
    return flagged + hmac.digest(key, flagged, "sha256")


def nothing_left(header: BatchHeader) -> bytes:
    """Return the empty batch that answers a request for what is gone."""
    return backfilled(_message(header, SCHEMA_READING, b""), last=True)


def _flagged(payload: bytes, flags: int) -> bytes:
    start = payload[:_FLAGS_AT] + _FLAGS.pack(flags) + payload[_FLAGS_AT + 2 : _HEADER.size]
    body = payload[_HEADER.size + _CRC.size :]
    return start + _CRC.pack(crc32(body, crc32(start))) + body


def _batch(header: BatchHeader, schema_id: int, body: bytes) -> bytes:
    assert 0 < len(body) // RECORD_SIZE <= FRAMES_MAX, "no empty or endless batch is ever closed"
    return _message(header, schema_id, body)


def _message(header: BatchHeader, schema_id: int, body: bytes) -> bytes:
    start = _HEADER.pack(
        b"FNB1",
        1,
        _HEADER.size + _CRC.size,
        0,
        header.collector_id,
        header.boot_id,
        header.batch_seq,
        header.batch_us,
        len(body) // RECORD_SIZE,
        RECORD_SIZE,
        schema_id,
        len(body),
        len(body),
        header.clock_offset_ms,
        header.buffered,
        0,
    )
    return start + _CRC.pack(crc32(body, crc32(start))) + body
