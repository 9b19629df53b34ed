"""
PostgreSQL's binary COPY from and to numpy columns of whole numbers; pure, no connection.

In: structured big-endian arrays whose memory is the stream, row for row. Out: a record per channel
whose other fields are arrays, and many records in one row. The server sends a row as a message of
its own, and a message costs more than its content: read as arrays, a value takes a third of the
time, and a few channels to a message half of that.

Source: PostgreSQL manual, COPY, "Binary Format"; record_send() and array_send() for the layout of
records and arrays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import LiteralString

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
        name: Type of the column, as SQL calls it.
        oid: The same, as the wire calls it.
        scale: Wire units in one of ours.
        zero: Wire units that lie before the wire's zero, seen from ours.
    """

    code: str
    native: type[np.integer]
    name: LiteralString
    oid: int
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


BOOLEAN = Wire("u1", np.uint8, "boolean", 16)
CHAR = Wire("u1", np.uint8, '"char"', 18)
SMALLINT = Wire(">i2", np.int16, "smallint", 21)
INTEGER = Wire(">i4", np.int32, "integer", 23)
BIGINT = Wire(">i8", np.int64, "bigint", 20)
TIMESTAMP_S = Wire(">i8", np.int64, "timestamptz", 1184, scale=1_000_000, zero=_US_TO_2000)
"""timestamptz from and to seconds since 1970-01-01 UTC."""
TIMESTAMP_US = Wire(">i8", np.int64, "timestamptz", 1184, zero=_US_TO_2000)
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


def array(wire: Wire, values: Integers) -> bytes:
    """Return a column as one array, for a statement that takes few rows as parameters."""
    elements = np.empty(len(values), [("length", ">i4"), ("value", wire.code)])
    elements["length"] = np.dtype(wire.code).itemsize
    elements["value"] = wire.encode(values)
    return _ARRAY_HEAD.pack(1, 0, wire.oid, len(values), 1) + elements.tobytes()


def array_of_bytes(oid: int, values: Sequence[bytes]) -> bytes:
    """Return values of any length, BYTEA or TEXT in UTF-8, as one array."""
    pieces = [b""] * (2 * len(values))
    pieces[::2] = map(_LENGTH.pack, map(len, values))
    pieces[1::2] = values
    return _ARRAY_HEAD.pack(1, 0, oid, len(values), 1) + b"".join(pieces)


_LENGTH = Struct(">i")
BYTEA, TEXT = 17, 25
"""As the wire calls them."""

_ARRAY_HEAD = Struct(">5i")
"""One dimension, no NULL, type of the elements, how many, where they start to count."""


@dataclass(frozen=True, slots=True)
class Groups:
    """
    Records of plain fields and arrays.

    Attributes:
        leads: The plain fields, each of shape (records,).
        count: Elements of each record's arrays, shape (records,).
        columns: Elements of the arrays, record after record, each of shape (elements,).
    """

    leads: tuple[Integers, ...]
    count: npt.NDArray[np.int64]
    columns: tuple[Integers, ...]


def unpack(leads: Sequence[Wire], wires: Sequence[Wire], stream: bytes) -> Groups:
    """
    Return what a COPY TO sent whose rows are records joined, each (field, …, array, array, …).

    Args:
        leads: How the plain fields travel, in the order of the record; the first is an INTEGER.
        wires: How each array's elements travel, in the order of the record; at least one.
        stream: What came, header and trailer included; no field and no element is NULL, and the
            arrays of a record have one length.
    """
    records = _records(stream)
    codes = tuple(wire.code for wire in leads), tuple(wire.code for wire in wires)
    count_at = 4 + sum(8 + np.dtype(code).itemsize for code in codes[0]) + _BEFORE_COUNT
    counts: list[npt.NDArray[np.int64]] = []
    lead_parts: list[list[Integers]] = [[] for _ in leads]
    parts: list[list[Integers]] = [[] for _ in wires]
    position, end = 0, len(records)
    while position < end:
        at = position + count_at
        count = int.from_bytes(records[at : at + 4], "big")
        dtype = _group_dtype(*codes, count)
        most = min((end - position) // dtype.itemsize, _LOOK_AHEAD)
        rows = np.frombuffer(records, dtype, count=most, offset=position)
        rows = rows[: _leading(rows["count_0"] == count)]
        assert (rows["fields"] == len(leads) + len(wires)).all(), "statement and wires agree"
        counts.append(np.full(len(rows), count))
        for n, (part, wire) in enumerate(zip(lead_parts, leads, strict=True)):
            part.append(wire.decode(rows[f"lead_{n}"]))
        for n, (part, wire) in enumerate(zip(parts, wires, strict=True)):
            assert not rows[f"has_null_{n}"].any(), "no column of a read is NULL"
            part.append(wire.decode(rows[f"array_{n}"]["value"]).reshape(-1))
        position += len(rows) * dtype.itemsize
    return Groups(
        leads=tuple(_join(part, w.native) for part, w in zip(lead_parts, leads, strict=True)),
        count=np.concatenate([np.empty(0, np.int64), *counts]),
        columns=tuple(_join(part, wire.native) for part, wire in zip(parts, wires, strict=True)),
    )


_LOOK_AHEAD = 512
"""Records that are looked at together; from the first of another length on they are looked at anew.
"""


def _records(stream: bytes) -> bytes:
    """Return the one field of all rows, joined."""
    fields, position, end = [], len(HEADER), len(stream) - len(TRAILER)
    while position < end:
        first = position + _FIELD_HEAD.size
        count, length = _FIELD_HEAD.unpack_from(stream, position)
        assert count == 1, "a row is one field"
        position = first + length
        fields.append(stream[first:position])
    return b"".join(fields)


_FIELD_HEAD = Struct(">hi")


def _leading(alike: npt.NDArray[np.bool_]) -> int:
    """Return how many are true before the first that is not."""
    return len(alike) if alike.all() else int(alike.argmin())


def _join(parts: list[Integers], native: type[np.integer]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, native)


@lru_cache(maxsize=16)
def _row_dtype(codes: tuple[str, ...]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for n, code in enumerate(codes):
        fields += [(f"length_{n}", ">i4"), (f"value_{n}", code)]
    return np.dtype(fields)


_BEFORE_COUNT = 20
"""Bytes of an array in a record before it says how long it is."""


@lru_cache(maxsize=256)
def _group_dtype(leads: tuple[str, ...], codes: tuple[str, ...], count: int) -> np.dtype[np.void]:
    """Return the layout of a record whose arrays have `count` elements; channels are much alike."""
    fields: list[tuple[object, ...]] = [("fields", ">i4")]
    for n, code in enumerate(leads):
        fields += [(f"lead_type_{n}", ">i4"), (f"lead_length_{n}", ">i4"), (f"lead_{n}", code)]
    for n, code in enumerate(codes):
        fields += [
            (f"type_{n}", ">i4"),
            (f"length_{n}", ">i4"),
            (f"dimensions_{n}", ">i4"),
            (f"has_null_{n}", ">i4"),
            (f"element_type_{n}", ">i4"),
            (f"count_{n}", ">i4"),
            (f"lower_bound_{n}", ">i4"),
            (f"array_{n}", [("length", ">i4"), ("value", code)], (count,)),
        ]
    return np.dtype(fields)
