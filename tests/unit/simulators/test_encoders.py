import hmac
import struct
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from simulators.encoders import (
    EVENT,
    FRAMES_MAX,
    INTERVALS,
    READING,
    BatchHeader,
    Frames,
    backfilled,
    event_batch,
    nothing_left,
    quality_bits,
    reading_batch,
    signed,
)

GOLDEN = bytes.fromhex(
    "464e423101400000070000003d2c1b6ae903000000000000c08e35378761060001000000400001004000000040000000"
    "f4ffffff0000000000000000b9e6fdf0"
    "e7aad602000e0e6bc1010b000000000034122300edfb0c01100f0c0000000000d200c300bc00f000310122010401ff00"
    "e600dd000000d6000000100000000000"
)
GOLDEN_EVENT = bytes.fromhex(
    "464e423101400000070000003d2c1b6aea03000000000000c08e35378761060001000000400002004000000040000000"
    "f4ffffff0000000000000000cbcd9ec7"
    "e7aad6020a0e0e6b0d000100351203000000000000000000c1010b0000000000edfb0c00000000000000000000000000"
    "00000000000000000000000000000000"
)
HEADER = BatchHeader(
    collector_id=7,
    boot_id=0x6A1B2C3D,
    batch_seq=1001,
    batch_us=int.from_bytes(GOLDEN[24:32], "little"),
    clock_offset_ms=-12,
)


def golden_frame() -> Frames:
    frame = np.zeros(1, READING)
    frame["meter_id"] = 47622887
    frame["t_newest"] = 1796083200  # 2026-12-01T00:00:00Z
    frame["register"] = 721345
    frame["seq"] = 0x1234
    frame["rx_age"] = 35
    frame["rssi"] = -1043
    frame["snr"] = 12
    frame["mtype"] = 1
    frame["chan"] = 0x10
    frame["ilen"] = 15
    frame["n"] = 12
    frame["delta"] = [210, 195, 188, 240, 305, 290, 260, 255, 230, 221, 0, 214]
    missing = np.zeros((1, INTERVALS), np.bool_)
    missing[0, 10] = True
    frame["q"] = quality_bits(missing)
    return frame


def test_the_golden_vector_comes_out_byte_for_byte():
    assert reading_batch(HEADER, golden_frame()).hex() == GOLDEN.hex()


def test_the_golden_event_comes_out_byte_for_byte():
    event = np.zeros(1, EVENT)
    event["meter_id"], event["t_event"] = 47622887, 1796083210  # 2026-12-01T00:00:10Z
    event["code"], event["sub"], event["seq"], event["severity"] = 13, 1, 0x1235, 3
    event["register"], event["rssi"], event["snr"] = 721345, -1043, 12

    payload = event_batch(replace(HEADER, batch_seq=1002), event)

    assert payload.hex() == GOLDEN_EVENT.hex()


@pytest.mark.parametrize("flags", [0b00000, 0b01010])
def test_a_signature_follows_the_body_and_covers_header_and_body(flags):
    plain = GOLDEN if not flags else backfilled(GOLDEN, last=True)

    payload = signed(plain, b"k" * 32)

    assert payload[6] == flags | 0b10000
    assert payload[60:64] == crc32(payload[:60] + payload[64:-32]).to_bytes(4, "little")
    assert payload[-32:] == hmac.digest(b"k" * 32, payload[:-32], "sha256")
    assert payload[8:60] == plain[8:60]
    assert payload[64:-32] == plain[64:]


def test_a_frame_is_64_bytes():
    assert READING.itemsize == EVENT.itemsize == 64


@pytest.mark.parametrize(("last", "flags"), [(False, 0b0010), (True, 0b1010)])
def test_a_backfilled_batch_differs_in_flags_and_checksum_only(last, flags):
    payload = backfilled(GOLDEN, last=last)

    assert struct.unpack_from("<H", payload, 6) == (flags,)
    assert payload[:6] + bytes(2) + payload[8:60] == GOLDEN[:60]
    assert payload[64:] == GOLDEN[64:]
    assert struct.unpack_from("<I", payload, 60) == (crc32(payload[:60] + payload[64:]),)


def test_what_is_gone_is_an_empty_batch_that_ends_the_backfill():
    payload = nothing_left(HEADER)

    assert len(payload) == 64
    assert struct.unpack_from("<H", payload, 6) == (0b1010,)
    assert struct.unpack_from("<I", payload, 32) == (0,)
    assert struct.unpack_from("<I", payload, 60) == (crc32(payload[:60]),)


@given(missing=arrays.arrays(np.bool_, (3, INTERVALS)))
def test_every_missing_interval_has_its_two_bits(missing):
    bits = quality_bits(missing)

    for frame, field in zip(missing, bits.tolist(), strict=True):
        assert [(field >> 2 * k) & 3 for k in range(INTERVALS)] == frame.astype(int).tolist()


@given(
    body=st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=5).map(b"".join),
    seq=st.integers(1, 2**64 - 1),
    buffered=st.integers(0, 2**32 - 1),
)
def test_a_batch_says_how_long_it_is_and_checks_every_byte(body, seq, buffered):
    header = BatchHeader(collector_id=1, boot_id=2, batch_seq=seq, batch_us=3, buffered=buffered)

    payload = reading_batch(header, np.frombuffer(body, READING))

    assert payload[64:] == body
    assert struct.unpack_from("<Q", payload, 16) == (seq,)
    assert struct.unpack_from("<I", payload, 32) == (len(body) // 64,)
    assert struct.unpack_from("<IIiII", payload, 40) == (len(body), len(body), 0, buffered, 0)
    assert struct.unpack_from("<I", payload, 60) == (crc32(payload[:60] + body),)


@pytest.mark.parametrize("count", [0, FRAMES_MAX + 1])
def test_a_batch_is_never_empty_nor_endless(count):
    with pytest.raises(AssertionError):
        reading_batch(HEADER, np.zeros(count, READING))
