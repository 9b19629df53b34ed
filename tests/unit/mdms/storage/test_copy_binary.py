"""Binary COPY: what is packed is what PostgreSQL documents, and unpacking undoes it."""

import struct

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mdms.storage import copy_binary
from mdms.storage.copy_binary import (
    BIGINT,
    CHAR,
    HEADER,
    INTEGER,
    SMALLINT,
    TIMESTAMP_S,
    TIMESTAMP_US,
    TRAILER,
    Wire,
)

WIRES = [TIMESTAMP_S, TIMESTAMP_US, BIGINT, SMALLINT, CHAR]
YEAR_2000_S = 946_684_800
SECONDS = st.integers(YEAR_2000_S - 10**9, YEAR_2000_S + 10**10)


def column(wire: Wire, count: int) -> st.SearchStrategy[npt.NDArray[np.integer]]:
    if wire is TIMESTAMP_S:
        return arrays.arrays(wire.native, count, elements=SECONDS)
    if wire is TIMESTAMP_US:
        return arrays.arrays(wire.native, count, elements=SECONDS.map(lambda s: s * 1_000_000))
    return arrays.arrays(wire.native, count)


columns = st.integers(0, 20).flatmap(
    lambda count: st.tuples(*(column(wire, count) for wire in WIRES))
)
groups = st.lists(
    st.tuples(
        st.integers(0, 2**31 - 1),
        st.integers(1, 20).flatmap(
            lambda count: st.tuples(*(column(wire, count) for wire in WIRES))
        ),
    ),
    max_size=5,
)


def test_values_of_any_length_are_packed_as_an_array_of_postgresql():
    packed = copy_binary.array_of_bytes(copy_binary.BYTEA, [b"ab", b"", b"c"])

    head = struct.pack(">5i", 1, 0, 17, 3, 1)  # one dimension, no NULL, bytea, 3 from 1 on
    assert packed == head + b"\0\0\0\x02ab" + b"\0\0\0\0" + b"\0\0\0\x01c"


def test_a_row_is_packed_as_the_manual_says():
    packed = copy_binary.pack(
        [INTEGER, TIMESTAMP_S, CHAR],
        [np.array([7]), np.array([YEAR_2000_S + 1]), np.array([ord("R")])],
    )

    assert packed == (
        b"PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x03"
        b"\x00\x00\x00\x04\x00\x00\x00\x07"
        b"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x0f\x42\x40"
        b"\x00\x00\x00\x01R"
        b"\xff\xff"
    )


@given(columns)
def test_every_packed_row_reads_back_field_by_field(given_columns):
    packed = copy_binary.pack(WIRES, given_columns)

    body = packed[len(HEADER) : -len(TRAILER)]
    rows = list(struct.iter_unpack(">hiqiqiqihiB", body))
    seconds, microseconds, values, smalls, letters = given_columns
    assert [row[0] for row in rows] == [5] * len(rows)
    assert [row[1::2] for row in rows] == [(8, 8, 8, 2, 1)] * len(rows)
    assert [row[2] // 1_000_000 + YEAR_2000_S for row in rows] == seconds.tolist()
    assert [row[4] + YEAR_2000_S * 1_000_000 for row in rows] == microseconds.tolist()
    assert [row[6] for row in rows] == values.tolist()
    assert [row[8] for row in rows] == smalls.tolist()
    assert [row[10] for row in rows] == letters.tolist()


def as_record(channel: int, given_columns: tuple[npt.NDArray[np.integer], ...]) -> bytes:
    """Write one record of (channel, array, array, …) as record_send() and array_send() do."""
    fields = [struct.pack(">iiii", 1 + len(given_columns), 23, 4, channel)]
    for wire, values in zip(WIRES, given_columns, strict=True):
        wanted = wire.encode(values).astype(wire.code)
        elements = b"".join(
            struct.pack(">i", wanted.itemsize) + wanted[n : n + 1].tobytes()
            for n in range(len(wanted))
        )
        field = struct.pack(">iiiii", 1, 0, 20, len(values), 1) + elements
        fields += [struct.pack(">ii", 1016, len(field)), field]
    return b"".join(fields)


def as_rows(records: list[bytes], together: int) -> bytes:
    """Write rows of one field, so many records in each."""
    parts = [
        b"".join(records[first : first + together]) for first in range(0, len(records), together)
    ]
    return b"".join(struct.pack(">hi", 1, len(part)) + part for part in parts)


@given(groups, st.integers(1, 3))
def test_arrays_unpack_to_the_columns_that_were_sent(given_groups, together):
    records = [as_record(*group) for group in given_groups]
    stream = HEADER + as_rows(records, together) + TRAILER

    unpacked = copy_binary.unpack([INTEGER], WIRES, stream)

    assert unpacked.leads[0].tolist() == [lead for lead, _ in given_groups]
    assert unpacked.count.tolist() == [len(parts[0]) for _, parts in given_groups]
    for n, (wire, values) in enumerate(zip(WIRES, unpacked.columns, strict=True)):
        assert values.dtype == wire.native
        assert values.tolist() == [one for _, parts in given_groups for one in parts[n].tolist()]


def test_columns_of_different_length_are_our_mistake():
    with pytest.raises(AssertionError, match="one length"):
        copy_binary.pack([INTEGER, INTEGER], [np.array([1]), np.array([1, 2])])
