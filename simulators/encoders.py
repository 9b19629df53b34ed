"""
FNB1 as a collector writes it: 64-byte frames in numpy, 64-byte header, CRC-32 over both.

Written from the format's description alone and shared with nobody, so that a mistake in the
head-end's decoder cannot hide behind the same mistake here.
"""

import struct
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool

INTERVALS = 12
FRAMES_MAX = 500
"""A batch closes at this many frames."""

MTYPE_PERIODIC = 1
SCHEMA_READING = 1

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
Frames = npt.NDArray[np.void]
"""A structured array of READING."""

_HEADER = struct.Struct("<4sBBHIIQQIHHIIiII")
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
    assert 0 < len(frames) <= FRAMES_MAX, "an empty or an endless batch is never closed"
    body = frames.tobytes()
    start = _HEADER.pack(
        b"FNB1",
        1,
        _HEADER.size + _CRC.size,
        0,
        header.collector_id,
        header.boot_id,
        header.batch_seq,
        header.batch_us,
        len(frames),
        READING.itemsize,
        SCHEMA_READING,
        len(body),
        len(body),
        header.clock_offset_ms,
        header.buffered,
        0,
    )
    return start + _CRC.pack(crc32(body, crc32(start))) + body
