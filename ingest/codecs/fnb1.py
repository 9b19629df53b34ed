"""
FNB1, the collectors' uplink format: a 64-byte header and frames of 64 bytes, little-endian.

Source: headend notes 2.3 (layout, golden vector), 2.7 (answers) and 2.9 (ranges, empty batches).
Times on the wire are interval *ends*; they become starts here and nowhere else. A message that
cannot be trusted as a whole raises DecodeError; a frame that cannot be used is refused with its
reason and the rest of the message goes on. Answers to commands are cut out, not opened: only the
signer has their keys. The trailer of a signed message is measured, not verified.
"""

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.codecs import fnb1_events, fnb1_readings
from ingest.codecs.decoded import Decoded, Opened
from ingest.codecs.frames import Arrival
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.readings import Int64
from mdms.domain.time import to_epoch_s
from mdms.ports.messages import UplinkMessage

MAGIC: Final = b"FNB1"
VERSION: Final = 1
FLAG_ZSTD, FLAG_BACKFILL, FLAG_CLOCK_UNSYNCED, FLAG_LAST_OF_BACKFILL, FLAG_HMAC = (
    1 << bit for bit in range(5)
)
HMAC_SIZE: Final = 32
RAW_BYTES_MAX: Final = 4 << 20
FRAME_SIZE: Final = 64
SCHEMA_ANSWER, SCHEMA_PROGRESS = 3, 4

_KIND_OF = {
    fnb1_readings.SCHEMA_ID: "read",
    fnb1_events.SCHEMA_ID: "event",
    SCHEMA_ANSWER: "ack",
    SCHEMA_PROGRESS: "ack",
}
"""The topic that each kind of batch comes on; all of them may also come as backfill."""

HEADER: Final = struct.Struct("<4sBBHIIQQIHHIIiIII")
assert HEADER.size == 64, "the layout is fixed"  # noqa: PLR2004 - that is the number

AnyOpened = TypeVar("AnyOpened", bound=Opened)

_FLAGS_KNOWN = (1 << 5) - 1
_SEQUENCE_END = 1 << 63
_FLAGS_AT = 6
_RAW_LEN_AT = 44


class Header(NamedTuple):
    """The first 64 bytes of a message; names and order as on the wire."""

    magic: bytes
    version: int
    header_len: int
    flags: int
    collector_id: int
    boot_id: int
    batch_seq: int
    batch_time_us: int
    frame_count: int
    frame_size: int
    schema_id: int
    body_len: int
    raw_len: int
    clock_offset_ms: int
    buffered: int
    reserved: int
    crc32: int


def peek(payload: bytes) -> Header:
    """
    Read the header without looking at anything else.

    Raises:
        DecodeError: It is not the header of an FNB1 message of a version that we know.
    """
    if len(payload) < HEADER.size:
        raise DecodeError(RejectReason.BAD_LENGTH, f"{len(payload)} bytes hold no header")
    header = Header._make(HEADER.unpack_from(payload))
    if header.magic != MAGIC:
        raise DecodeError(RejectReason.BAD_MAGIC, f"starts with {header.magic!r}")
    if header.version != VERSION:
        raise DecodeError(RejectReason.BAD_VERSION, f"version {header.version}")
    if header.header_len != HEADER.size:
        raise DecodeError(RejectReason.BAD_LENGTH, f"header_len {header.header_len}")
    return header


def inflated_size(payload: bytes) -> int:
    """Return how many bytes a message takes when it is read, as far as it may be believed."""
    if not payload.startswith(MAGIC):
        return len(payload)
    said = int.from_bytes(payload[_RAW_LEN_AT : _RAW_LEN_AT + 4], "little")
    return max(len(payload), min(said, RAW_BYTES_MAX))


def is_signed(payload: bytes) -> bool:
    """Tell whether a message that could be opened has a trailer."""
    return bool(payload[_FLAGS_AT] & FLAG_HMAC)


def open_message(payload: bytes, arrival: Arrival) -> Opened:
    """
    Check a message as a whole and inflate it; its frames are not looked at.

    Whoever has keys of collectors verifies its trailer afterwards (`ingest.trailers`).

    Args:
        payload: The message as it came.
        arrival: Topic and time of reception.

    Raises:
        DecodeError: The message as a whole cannot be trusted or used.
    """
    header = peek(payload)
    _check(header, payload, arrival)
    is_dated = _is_dated(header, arrival)
    return Opened(
        message=UplinkMessage(
            collector_id=header.collector_id,
            boot_id=header.boot_id,
            batch_seq=header.batch_seq,
            batch_us=header.batch_time_us if is_dated else arrival.received_us,
            kind=arrival.kind,
            frame_count=header.frame_count,
            payload=payload,
            received_at=arrival.received_at,
            misdated=not is_dated,
        ),
        schema_id=header.schema_id,
        body=inflate(header, payload[HEADER.size : HEADER.size + header.body_len]),
        frame_size=header.frame_size,
        closed_s=_closed_s(header, is_dated=is_dated),
        last_of_backfill=bool(header.flags & FLAG_LAST_OF_BACKFILL),
    )


def read(opened: Opened) -> Decoded:
    """
    Read the frames of one message.

    Frames stamped more than 45 days before their arrival or 5 minutes after it are refused.
    """
    received_s = to_epoch_s(opened.message.received_at)
    frames, refused = fnb1_readings.read(b"", received_s)
    events: tuple[fnb1_events.EventFrame, ...] = ()
    answers: tuple[bytes, ...] = ()
    match opened.schema_id:
        case fnb1_readings.SCHEMA_ID:
            frames, refused = fnb1_readings.read(opened.body, received_s, opened.closed_s)
        case fnb1_events.SCHEMA_ID:
            events, refused = fnb1_events.read(opened.body, received_s)
        case _:
            ends = range(FRAME_SIZE, len(opened.body) + 1, FRAME_SIZE)
            answers = tuple(opened.body[end - FRAME_SIZE : end] for end in ends)
    return Decoded(
        message=opened.message,
        schema_id=opened.schema_id,
        body=opened.body,
        frame_size=opened.frame_size,
        closed_s=opened.closed_s,
        last_of_backfill=opened.last_of_backfill,
        frames=frames,
        events=events,
        answers=answers,
        refused=refused,
    )


def decode(payload: bytes, arrival: Arrival) -> Decoded:
    """
    Read one message and its frames.

    Raises:
        DecodeError: The message as a whole cannot be trusted or used.
    """
    return read(open_message(payload, arrival))


def signals(payloads: Iterable[bytes]) -> tuple[Int64, npt.NDArray[np.float32]]:
    """Return radio id and signal [dB] of each frame of messages that were read before."""
    raw = np.frombuffer(b"".join(map(_body, payloads)), fnb1_readings.READ)
    return raw["meter_id"].astype(np.int64), raw["snr"].astype(np.float32)


def _body(payload: bytes) -> bytes:
    if not payload[_FLAGS_AT] & FLAG_ZSTD:
        size = int.from_bytes(payload[_RAW_LEN_AT : _RAW_LEN_AT + 4], "little")
        return payload[HEADER.size : HEADER.size + size]
    header = peek(payload)
    return inflate(header, payload[HEADER.size : HEADER.size + header.body_len])


def check_sum(header: Header, payload: bytes) -> None:
    """
    Compare the checksum of a message with what its header says.

    Raises:
        DecodeError: They differ.
    """
    body = memoryview(payload)[HEADER.size : HEADER.size + header.body_len]
    if _crc32(payload[: HEADER.size - 4], body) != header.crc32:
        raise DecodeError(RejectReason.BAD_CRC, f"crc32 is not {header.crc32:#010x}")


def blank(opened: AnyOpened, frames: npt.NDArray[np.integer]) -> AnyOpened:
    """
    Return the message with everything that these frames measured taken out.

    Who was heard, when and how well stays; the result is an uncompressed message that decodes,
    signed by nobody.
    """
    codec = fnb1_events if opened.schema_id == fnb1_events.SCHEMA_ID else fnb1_readings
    body = codec.blank(opened.body, frames)
    header = peek(opened.message.payload)
    flags = header.flags & ~(FLAG_ZSTD | FLAG_HMAC)
    head = HEADER.pack(*header._replace(flags=flags, body_len=len(body)))
    payload = _seal(head, body)
    return replace(opened, message=replace(opened.message, payload=payload), body=body)


def together(frames: Sequence[bytes], schema_id: int, arrival: Arrival) -> bytes:
    """Return a message that brings frames once more which came as an arrival says."""
    body = b"".join(frames)
    is_backfill = arrival.kind == "backfill"
    header = Header(
        magic=MAGIC,
        version=VERSION,
        header_len=HEADER.size,
        # Nobody remembers when its collector closed it.
        flags=FLAG_CLOCK_UNSYNCED | (FLAG_BACKFILL if is_backfill else 0),
        collector_id=arrival.collector_id,
        boot_id=0,
        batch_seq=1,
        batch_time_us=0,
        frame_count=len(frames),
        frame_size=FRAME_SIZE,
        schema_id=schema_id,
        body_len=len(body),
        raw_len=len(body),
        clock_offset_ms=0,
        buffered=0,
        reserved=0,
        crc32=0,
    )
    return _seal(HEADER.pack(*header), body)


def _check(header: Header, payload: bytes, arrival: Arrival) -> None:
    """Refuse what contradicts itself, its topic or its checksum."""
    if header.flags & ~_FLAGS_KNOWN:
        raise DecodeError(RejectReason.BAD_FLAGS, f"flags {header.flags:#06x}")
    trailer = HMAC_SIZE if header.flags & FLAG_HMAC else 0
    if len(payload) != HEADER.size + header.body_len + trailer:
        raise DecodeError(
            RejectReason.BAD_LENGTH, f"{len(payload)} bytes, but body_len {header.body_len}"
        )
    check_sum(header, payload)
    if header.collector_id != arrival.collector_id:
        raise DecodeError(
            RejectReason.WRONG_COLLECTOR,
            f"collector {header.collector_id} on the topic of {arrival.collector_id}",
        )
    _check_content(header, arrival.kind)


def _check_content(header: Header, kind: str) -> None:
    if kind not in (_KIND_OF.get(header.schema_id), "backfill") or header.schema_id not in _KIND_OF:
        raise DecodeError(RejectReason.UNKNOWN_SCHEMA, f"schema {header.schema_id} on up/{kind}")
    if bool(header.flags & FLAG_BACKFILL) != (kind == "backfill"):
        raise DecodeError(RejectReason.BAD_FLAGS, f"flags {header.flags:#06x} on up/{kind}")
    if header.reserved:
        raise DecodeError(RejectReason.BAD_VALUE, "a reserved field is not 0")
    if not 1 <= header.batch_seq < _SEQUENCE_END:
        raise DecodeError(RejectReason.BAD_SEQUENCE, f"batch_seq {header.batch_seq}")
    if header.raw_len > RAW_BYTES_MAX:
        raise DecodeError(RejectReason.TOO_LARGE, f"raw_len {header.raw_len}")
    if header.frame_size != FRAME_SIZE:
        raise DecodeError(RejectReason.BAD_LENGTH, f"frame_size {header.frame_size}")
    if header.raw_len != header.frame_count * header.frame_size:
        raise DecodeError(
            RejectReason.BAD_LENGTH, f"{header.frame_count} frames in raw_len {header.raw_len}"
        )
    end_of_backfill = FLAG_BACKFILL | FLAG_LAST_OF_BACKFILL
    if header.frame_count == 0 and header.flags & end_of_backfill != end_of_backfill:
        raise DecodeError(RejectReason.BAD_COUNT, "empty, but not the end of a backfill")


def _is_dated(header: Header, arrival: Arrival) -> bool:
    """
    Tell whether a batch's own time can be believed.

    A collector that says that its clock is wrong is believed in that. One that does not say so may
    still be a century off; its frames have stamps of their own and are as good as others.
    """
    if header.flags & FLAG_CLOCK_UNSYNCED or header.frame_count == 0:
        return False
    age_us = arrival.received_us - header.batch_time_us
    return -EARLY_S_MAX * 1_000_000 <= age_us <= LATE_S_MAX * 1_000_000


def _closed_s(header: Header, *, is_dated: bool) -> float:
    """Return when a batch of fresh frames was closed; NaN where its collector cannot tell."""
    if header.flags & FLAG_BACKFILL or not is_dated:
        return math.nan
    return header.batch_time_us / 1_000_000


def inflate(header: Header, sent: bytes) -> bytes:
    """Return the frames; never more than `raw_len` bytes, which has been bounded before."""
    if not header.flags & FLAG_ZSTD:
        if len(sent) != header.raw_len:
            raise DecodeError(
                RejectReason.BAD_LENGTH, f"body_len {len(sent)}, but raw_len {header.raw_len}"
            )
        return sent
    try:
        # One shot into a buffer of exactly this size: more or less than that is an error.
        body: bytes = pa.Codec("zstd").decompress(
            sent, decompressed_size=header.raw_len, asbytes=True
        )
    except OSError as error:
        raise DecodeError(RejectReason.BAD_BODY, str(error)) from error
    return body


def _seal(head: bytes, body: bytes) -> bytes:
    """Return the message with its checksum put right."""
    head = head[:-4]
    return head + _crc32(head, body).to_bytes(4, "little") + body


def _crc32(head: bytes, body: bytes | memoryview) -> int:
    return zlib.crc32(body, zlib.crc32(head))
