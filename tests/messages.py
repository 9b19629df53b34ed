"""FNB1 messages for tests, written field by field from the format's page."""

import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
READ_TOPIC = "ami/v1/cpau/col/7/up/read"
EVENT_TOPIC = "ami/v1/cpau/col/7/up/event"


def frame(
    *,
    meter_id: int = 47_622_887,
    t_newest: int = NOON_S,
    register: int = 721_345,
    mtype: int = 1,
    chan: int = 0x10,
    ilen: int = 15,
    n: int | None = None,
    scale: int = 0,
    flags: int = 0,
    rsv: int = 0,
    deltas: Sequence[int] = (210, 195, 188),
    q: int = 0,
    snr: int = 12,
    tag: int = 0,
) -> bytes:
    """Return one reading frame of 64 bytes; `deltas` come newest first."""
    count = len(deltas) if n is None else n
    head = struct.pack("<IIQHHhbB", meter_id, t_newest, register, 1, 20, -1043, snr, mtype)
    middle = struct.pack("<BBBbHBB", chan, ilen, count, scale, flags, 0, rsv)
    return head + middle + struct.pack("<12HII", *[*deltas, *[0] * (12 - len(deltas))], q, tag)


def event_frame(
    *,
    meter_id: int = 47_622_887,
    t_event: int = NOON_S - 60,
    code: int = 1,
    sub: int = 0,
    seq: int = 5,
    severity: int = 2,
    flags: int = 0,
    value: int = 0,
    register: int = 721_345,
    rsv: bytes = b"",
    tag: int = 0,
) -> bytes:
    """Return one event frame of 64 bytes: a power failure, unless said otherwise."""
    head = struct.pack("<IIHHHBB", meter_id, t_event, code, sub, seq, severity, flags)
    return head + struct.pack("<qQhbB24sI", value, register, -1043, 12, 0, rsv, tag)


def message(
    *frames: bytes,
    magic: bytes = b"FNB1",
    version: int = 1,
    header_len: int = 64,
    flags: int = 0,
    collector_id: int = 7,
    boot_id: int = 99,
    batch_seq: int = 1,
    batch_time_us: int = NOON_S * 1_000_000,
    frame_count: int | None = None,
    frame_size: int = 64,
    schema_id: int = 1,
    body: bytes | None = None,
    body_len: int | None = None,
    raw_len: int | None = None,
    reserved: int = 0,
) -> bytes:
    """Return one message with a right checksum over whatever the arguments say."""
    sent = b"".join(frames) if body is None else body
    head = struct.pack(
        "<4sBBHIIQQIHHIIiII",
        magic, version, header_len, flags, collector_id, boot_id, batch_seq, batch_time_us,
        len(frames) if frame_count is None else frame_count, frame_size, schema_id,
        len(sent) if body_len is None else body_len,
        64 * len(frames) if raw_len is None else raw_len,
        0, 0, reserved,
    )  # fmt: skip
    return head + struct.pack("<I", zlib.crc32(head + sent)) + sent
