"""
PostgreSQL's binary COPY from and to numpy columns of whole numbers; pure, no connection.

In: structured big-endian arrays whose memory is the stream, row for row. Out: one row per
channel whose other fields are arrays. The server sends each row as a message of its own, and a
message costs more than its content: read as arrays, a value takes a third of the time.

Source: PostgreSQL manual, COPY, "Binary Format"; array_send() for the layout of arrays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer]

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no header extension."""
TRAILER = b"\xff\xff"

_PART_ROWS = 4096
"""Some hundred thousand bytes: a part fits the cache, and the socket takes it at once."""

_US_TO_2000 = 946_684_800_000_000
"""Microseconds from 1970 to 2000-01-01 UTC, PostgreSQL's own epoch."""


@dataclass(frozen=True, slots=True)
class Wire:
    """
    How the values of a column travel.

    Attributes:
        code: Big-endian numpy type of one value on the wire.
        native: Our type of the column.
        scale: Wire units in one of ours.
        zero: Wire units that lie before the wire's zero, seen from ours.
    """

    code: str
    native: type[np.integer]
    scale: int = 1
    zero: int = 0

    def encode(self, values: Integers) -> Integers:
        """Return our values in wire units."""
        return values if self._is_plain else values.astype(np.int64) * self.scale - self.zero

    def decode(self, values: Integers) -> Integers:
        """Undo `encode`."""
        if not self._is_plain:
            values = (values.astype(np.int64) + self.zero) // self.scale
        return values.astype(self.native)

    @property
    def _is_plain(self) -> bool:
        return self.scale == 1 and self.zero == 0


CHAR = Wire("u1", np.uint8)
SMALLINT = Wire(">i2", np.int16)
INTEGER = Wire(">i4", np.int32)
BIGINT = Wire(">i8", np.int64)
TIMESTAMP_S = Wire(">i8", np.int64, scale=1_000_000, zero=_US_TO_2000)
"""timestamptz from and to seconds since 1970-01-01 UTC."""
TIMESTAMP_US = Wire(">i8", np.int64, zero=_US_TO_2000)
"""timestamptz from and to microseconds since 1970-01-01 UTC."""


def pack(wires: Sequence[Wire], columns: Sequence[Integers]) -> bytes:
    """Return the whole stream for COPY FROM; see `parts`."""
    return b"".join(bytes(part) for part in parts(wires, columns))


def parts(wires: Sequence[Wire], columns: Sequence[Integers]) -> Iterator[bytes | memoryview]:
    """
    Yield the stream for COPY FROM: one row per position of the columns, nothing NULL.

    A part lasts until the next one is asked for: the same memory is filled again, which stays in
    the processor's cache, and the server works on one part while the next is made.

    Args:
        wires: How each column travels, in the order of the table's column list.
        columns: Values, all of one length.
    """
    count = len(columns[0])
    assert all(len(column) == count for column in columns), "columns have one length"
    yield HEADER
    rows = _blank_rows(wires, min(count, _PART_ROWS))
    for first in range(0, count, _PART_ROWS):
        part = rows[: min(count - first, _PART_ROWS)]
        for n, (wire, column) in enumerate(zip(wires, columns, strict=True)):
            part[f"value_{n}"] = wire.encode(column[first : first + _PART_ROWS])
        yield part.data.cast("B")
    yield TRAILER


def _blank_rows(wires: Sequence[Wire], count: int) -> npt.NDArray[np.void]:
    """Return rows with everything in them that no value changes."""
    template = np.zeros(1, _row_dtype(tuple(wire.code for wire in wires)))
    template["fields"] = len(wires)
    for n, wire in enumerate(wires):
        template[f"length_{n}"] = np.dtype(wire.code).itemsize
    return np.repeat(template, count)


def unpack(wires: Sequence[Wire], stream: bytes) -> list[Integers]:
    """
    Return the columns of a COPY TO whose rows are (integer, array, array, …).

    Args:
        wires: How each array's elements travel, in the order of the row.
        stream: What came, header and trailer included; no field and no element is NULL.

    Returns:
        The leading integer, repeated for each element of its row's arrays; then the elements of
        each array, row after row.
    """
    codes = tuple(wire.code for wire in wires)
    leads: list[int] = []
    counts: list[int] = []
    parts: list[list[Integers]] = [[] for _ in wires]
    position = len(HEADER)
    end = len(stream) - len(TRAILER)
    while position < end:
        count = int.from_bytes(stream[position + _COUNT_AT : position + _COUNT_AT + 4], "big")
        group = np.frombuffer(stream, _group_dtype(codes, count), count=1, offset=position)[0]
        assert group["fields"] == 1 + len(wires), "the statement and the wires agree"
        leads.append(group["lead"])
        counts.append(count)
        for n, part in enumerate(parts):
            assert group[f"has_null_{n}"] == 0, "no column of a read is NULL"
            part.append(group[f"array_{n}"]["value"])
        position += group.dtype.itemsize
    lead = np.repeat(np.array(leads, np.int32), np.array(counts, np.int64))
    return [lead, *(w.decode(_join(part, w)) for w, part in zip(wires, parts, strict=True))]


def _join(parts: list[Integers], wire: Wire) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, wire.native)


@lru_cache(maxsize=16)
def _row_dtype(codes: tuple[str, ...]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for n, code in enumerate(codes):
        fields += [(f"length_{n}", ">i4"), (f"value_{n}", code)]
    return np.dtype(fields)


_COUNT_AT = 2 + 4 + 4 + 4 + 12
"""Where a row says how long its first array is: past field count, lead and three words."""


@lru_cache(maxsize=256)
def _group_dtype(codes: tuple[str, ...], count: int) -> np.dtype[np.void]:
    """Return the layout of one row whose arrays have `count` elements; channels are much alike."""
    fields: list[tuple[object, ...]] = [("fields", ">i2"), ("lead_length", ">i4"), ("lead", ">i4")]
    for n, code in enumerate(codes):
        fields += [
            (f"length_{n}", ">i4"),
            (f"dimensions_{n}", ">i4"),
            (f"has_null_{n}", ">i4"),
            (f"element_type_{n}", ">i4"),
            (f"count_{n}", ">i4"),
            (f"lower_bound_{n}", ">i4"),
            (f"array_{n}", [("length", ">i4"), ("value", code)], (count,)),
        ]
    return np.dtype(fields)
