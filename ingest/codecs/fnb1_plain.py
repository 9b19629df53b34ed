"""
FNB1 messages that need no closer look, opened together: their headers are read in columns.

Nearly every message is one: readings that are not compressed, a header in which nothing is
remarkable, a checksum that is right. `fnb1.open_message` opens each of them to the same, in twice
the time. What is not plain it must see: it has every rule, and a reason for whatever breaks one.
"""

import math
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs import fnb1, fnb1_readings
from ingest.codecs.decoded import Opened
from ingest.codecs.frames import Arrival
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX
from mdms.domain.readings import Bool, Int64
from mdms.ports.messages import UplinkMessage

HEADERS: Final = np.dtype([
    ("magic", "S4"), ("version", "u1"), ("header_len", "u1"), ("flags", "<u2"),
    ("collector_id", "<u4"), ("boot_id", "<u4"), ("batch_seq", "<u8"), ("batch_time_us", "<u8"),
    ("frame_count", "<u4"), ("frame_size", "<u2"), ("schema_id", "<u2"), ("body_len", "<u4"),
    ("raw_len", "<u4"), ("clock_offset_ms", "<i4"), ("buffered", "<u4"), ("reserved", "<u4"),
    ("crc32", "<u4"),
])  # fmt: skip
assert HEADERS.itemsize == fnb1.HEADER.size, "the layout is the same"
assert HEADERS.names == fnb1.Header._fields, "and so are the names"

_US_PER_S = 1_000_000
_READ, _BACKFILL = "read", "backfill"


def open_plain(
    payloads: Sequence[bytes], arrivals: Sequence[Arrival | None]
) -> list[Opened | None]:
    """
    Open the messages that are plain; None stands for each that must be looked at.

    Args:
        payloads: Messages as they came, all at one time; at least one.
        arrivals: Where each of them came; None where no collector's messages do.
    """
    size = HEADERS.itemsize
    heads = [payload[:size].ljust(size, b"\0") for payload in payloads]
    headers = np.frombuffer(b"".join(heads), HEADERS)
    bodies, check_sums = [], []
    for payload, head, body_len in zip(payloads, heads, headers["body_len"].tolist(), strict=True):
        body = payload[size : size + body_len]
        bodies.append(body)
        check_sums.append(zlib.crc32(body, zlib.crc32(head[:-4])))  # as long as it is in the cache
    plain = _is_plain(headers, np.array(list(map(len, payloads))), arrivals)
    plain &= headers["crc32"] == np.array(check_sums, np.uint32)
    rows = zip(
        plain.tolist(),
        arrivals,
        payloads,
        bodies,
        headers["boot_id"].tolist(),
        headers["batch_seq"].tolist(),
        headers["batch_time_us"].tolist(),
        headers["frame_count"].tolist(),
        strict=True,
    )
    opened: list[Opened | None] = []
    for is_plain, arrival, payload, body, boot_id, batch_seq, batch_us, frame_count in rows:
        if not is_plain or arrival is None:
            opened.append(None)
            continue
        message = UplinkMessage(
            collector_id=arrival.collector_id,
            boot_id=boot_id,
            batch_seq=batch_seq,
            batch_us=batch_us,
            kind=arrival.kind,
            frame_count=frame_count,
            payload=payload,
            received_at=arrival.received_at,
        )
        opened.append(
            Opened(
                message=message,
                schema_id=fnb1_readings.SCHEMA_ID,
                body=body,
                frame_size=fnb1.FRAME_SIZE,
                closed_s=math.nan if arrival.kind == _BACKFILL else batch_us / _US_PER_S,
                last_of_backfill=False,
            )
        )
    return opened


def _is_plain(
    headers: npt.NDArray[np.void], sizes: Int64, arrivals: Sequence[Arrival | None]
) -> Bool:
    """Return of each message whether everything but its checksum is as it nearly always is."""
    known = [each for each in arrivals if each is not None]
    if not known:
        return np.zeros(len(headers), np.bool_)
    collector_id = np.array([-1 if each is None else each.collector_id for each in arrivals])
    is_read = np.array([each is not None and each.kind == _READ for each in arrivals])
    is_backfill = np.array([each is not None and each.kind == _BACKFILL for each in arrivals])
    flags, raw_len = headers["flags"], headers["raw_len"]
    trailer = np.where(flags & fnb1.FLAG_HMAC, fnb1.HMAC_SIZE, 0)
    received_us = known[0].received_us
    plain: Bool = (
        (headers["magic"] == fnb1.MAGIC)
        & (headers["version"] == fnb1.VERSION)
        & (headers["header_len"] == HEADERS.itemsize)
        & (flags & ~np.uint16(fnb1.FLAG_HMAC) == np.where(is_backfill, fnb1.FLAG_BACKFILL, 0))
        & (is_read | is_backfill)
        & (headers["collector_id"] == collector_id)
        & (headers["batch_seq"] >= 1)
        & (headers["batch_seq"] < 1 << 63)
        & (headers["batch_time_us"] >= max(received_us - LATE_S_MAX * _US_PER_S, 0))
        & (headers["batch_time_us"] <= max(received_us + EARLY_S_MAX * _US_PER_S, 0))
        & (headers["frame_count"] >= 1)
        & (headers["frame_size"] == fnb1.FRAME_SIZE)
        & (headers["schema_id"] == fnb1_readings.SCHEMA_ID)
        & (raw_len <= fnb1.RAW_BYTES_MAX)
        & (raw_len == headers["frame_count"].astype(np.int64) * fnb1.FRAME_SIZE)
        & (raw_len == headers["body_len"])
        & (sizes == HEADERS.itemsize + raw_len.astype(np.int64) + trailer)
        & (headers["reserved"] == 0)
    )
    return plain
