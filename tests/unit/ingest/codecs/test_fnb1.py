"""FNB1: the golden vector, every check of the format's pages, and whatever bytes may come."""

import math
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import codecs
from ingest.codecs import fnb1, fnb1_readings
from ingest.codecs.decoded import Decoded
from ingest.codecs.fnb1_events import EventFrame
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.events import EventCode, Severity
from mdms.domain.readings import FLAG_PARTIAL, FLAG_POWER_FAIL
from tests.messages import EVENT_TOPIC, NOON, NOON_S, READ_TOPIC, event_frame, frame, message

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
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def decode(payload: bytes, topic: str = READ_TOPIC, received_at: datetime = NOON) -> Decoded:
    return codecs.decode(topic, payload, received_at)


def reason_for(payload: bytes, topic: str = READ_TOPIC) -> RejectReason:
    with pytest.raises(DecodeError) as caught:
        decode(payload, topic)
    return caught.value.reason


def test_the_golden_vector_decodes_as_the_page_says():
    decoded = decode(GOLDEN, received_at=MIDNIGHT + timedelta(seconds=40))

    frames = decoded.frames
    assert frames.radio_id.tolist() == [47_622_887]
    assert frames.at_s.tolist() == [int(MIDNIGHT.timestamp())]
    assert frames.register.tolist() == [721_345]
    assert frames.wire_channel.tolist() == [0x10]
    assert frames.interval_s.tolist() == [900]
    assert frames.value[0, 0] == 210
    assert frames.start_s[0, 0] == int(MIDNIGHT.timestamp()) - 900
    assert frames.present[0].tolist() == [*[True] * 10, False, True]
    assert decoded.message.batch_seq == 1001
    assert decoded.message.boot_id == 0x6A1B2C3D
    assert decoded.refused == ()
    assert fnb1.peek(GOLDEN).crc32 == 0xF0FDE6B9
    raw = np.frombuffer(decoded.body, fnb1_readings.READ)
    assert (raw["rssi"] == -1043).all()


def test_the_golden_event_decodes_as_the_page_says():
    decoded = decode(GOLDEN_EVENT, EVENT_TOPIC, MIDNIGHT + timedelta(seconds=40))

    (event,) = decoded.events
    assert event == EventFrame(
        index=0,
        radio_id=47_622_887,
        at_s=int(MIDNIGHT.timestamp()) + 10,
        code=EventCode.SWITCH_CHANGED,
        sub=1,
        seq=0x1235,
        severity=Severity.SAFETY,
        cleared=False,
        value=0,
        register=721_345,
    )
    assert decoded.message.batch_seq == 1002
    assert len(decoded.frames) == 0
    assert fnb1.peek(GOLDEN_EVENT).crc32 == 0xC79ECDCB


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"code": 23}, RejectReason.BAD_VALUE),
        ({"code": 0}, RejectReason.BAD_VALUE),
        ({"severity": 4}, RejectReason.BAD_VALUE),
        ({"flags": 2}, RejectReason.BAD_FLAGS),
        ({"rsv": b"\1"}, RejectReason.BAD_VALUE),
        ({"register": 1 << 40}, RejectReason.BAD_VALUE),
        ({"t_event": NOON_S + 301}, RejectReason.TIME_FUTURE),
        ({"t_event": NOON_S - 46 * 86_400}, RejectReason.TIME_PAST),
    ],
)
def test_an_event_frame_out_of_range_is_refused_and_its_neighbour_is_not(changed, reason):
    payload = message(event_frame(**changed), event_frame(), schema_id=2)

    decoded = decode(payload, EVENT_TOPIC)

    assert [(each.frame, each.reason) for each in decoded.refused] == [(0, reason)]
    assert [each.index for each in decoded.events] == [1]


def test_an_event_that_is_over_says_so():
    decoded = decode(message(event_frame(flags=1), schema_id=2), EVENT_TOPIC)

    assert decoded.events[0].cleared


@pytest.mark.parametrize("schema_id", [3, 4])
def test_answers_are_cut_into_records_and_left_unopened(schema_id):
    records = [bytes([n]) * 64 for n in (1, 2)]

    decoded = decode(message(*records, schema_id=schema_id), "ami/v1/cpau/col/7/up/ack")

    assert decoded.answers == tuple(records)
    assert decoded.schema_id == schema_id


@pytest.mark.parametrize("schema_id", [1, 2, 3, 4])
def test_every_kind_of_batch_may_come_as_backfill(schema_id):
    sent = frame() if schema_id == 1 else event_frame()
    payload = message(sent, schema_id=schema_id, flags=fnb1.FLAG_BACKFILL)

    decoded = decode(payload, "ami/v1/cpau/col/7/up/backfill")

    assert decoded.message.kind == "backfill"
    assert not decoded.last_of_backfill


@pytest.mark.parametrize("kind", ["read", "ack"])
def test_events_on_another_topic_are_refused(kind):
    topic = f"ami/v1/cpau/col/7/up/{kind}"

    assert reason_for(GOLDEN_EVENT, topic) is RejectReason.UNKNOWN_SCHEMA


def test_reading_frames_on_another_topic_are_refused():
    payload = message(frame())

    assert reason_for(payload, "ami/v1/cpau/col/7/up/ack") is RejectReason.UNKNOWN_SCHEMA


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", RejectReason.BAD_LENGTH),
        (GOLDEN[:63], RejectReason.BAD_LENGTH),
        (GOLDEN[:-1], RejectReason.BAD_LENGTH),
        (GOLDEN + b"\0", RejectReason.BAD_LENGTH),
        (message(frame(), magic=b"FNB2"), RejectReason.BAD_MAGIC),
        (message(frame(), version=2), RejectReason.BAD_VERSION),
        (message(frame(), header_len=72), RejectReason.BAD_LENGTH),
        (message(frame(), flags=1 << 5), RejectReason.BAD_FLAGS),
        (message(frame(), flags=fnb1.FLAG_BACKFILL), RejectReason.BAD_FLAGS),
        (message(frame(), flags=fnb1.FLAG_HMAC), RejectReason.BAD_LENGTH),
        (message(frame()) + bytes(32), RejectReason.BAD_LENGTH),
        (message(frame(), collector_id=8), RejectReason.WRONG_COLLECTOR),
        (message(frame(), schema_id=9), RejectReason.UNKNOWN_SCHEMA),
        (message(frame(), reserved=1), RejectReason.BAD_VALUE),
        (message(frame(), batch_seq=0), RejectReason.BAD_SEQUENCE),
        (message(frame(), batch_seq=1 << 63), RejectReason.BAD_SEQUENCE),
        (message(frame(), raw_len=(4 << 20) + 64), RejectReason.TOO_LARGE),
        (message(frame(), frame_size=32), RejectReason.BAD_LENGTH),
        (message(frame(), frame_count=2), RejectReason.BAD_LENGTH),
        (message(frame(), raw_len=128, frame_count=2), RejectReason.BAD_LENGTH),
        (message(), RejectReason.BAD_COUNT),
        (message(frame(), flags=fnb1.FLAG_ZSTD), RejectReason.BAD_BODY),
    ],
)
def test_a_message_that_cannot_be_trusted_is_refused_with_its_reason(payload, reason):
    assert reason_for(payload) is reason


def test_a_damaged_byte_anywhere_in_the_body_fails_the_checksum():
    payload = bytearray(message(frame()))
    payload[100] ^= 1

    assert reason_for(bytes(payload)) is RejectReason.BAD_CRC


@pytest.mark.parametrize(
    "topic",
    [
        "ami/v1/cpau/col/07/up/read",
        "ami/v1/cpau/col/0/up/read",
        "ami/v1/cpau/col/4294967296/up/read",
        "ami/v1/cpau/col/\u0667/up/read",
        "ami/v1/cpau/col/7/up/state",
        "ami/v1/cpau/col/7/up/read/x",
        "ami/v1/cpau/col/7/up/read\n",
        "",
    ],
)
def test_a_topic_that_no_collector_has_is_refused(topic):
    assert reason_for(message(frame()), topic) is RejectReason.BAD_TOPIC


def test_a_compressed_body_decodes_like_a_plain_one():
    plain = frame() * 20
    packed = pa.Codec("zstd").compress(plain, asbytes=True)

    decoded = decode(message(flags=fnb1.FLAG_ZSTD, body=packed, frame_count=20, raw_len=len(plain)))

    assert decoded.body == plain
    assert len(decoded.frames) == 20


def test_a_body_that_inflates_to_more_than_it_says_is_refused():
    bomb = pa.Codec("zstd").compress(bytes(64 << 20), asbytes=True)

    payload = message(flags=fnb1.FLAG_ZSTD, body=bomb, frame_count=1, raw_len=64)

    assert reason_for(payload) is RejectReason.BAD_BODY


def test_an_empty_message_may_end_a_backfill():
    flags = fnb1.FLAG_BACKFILL | fnb1.FLAG_LAST_OF_BACKFILL

    decoded = decode(message(flags=flags), "ami/v1/cpau/col/7/up/backfill")

    assert len(decoded.frames) == 0
    assert decoded.message.kind == "backfill"


@pytest.mark.parametrize(
    ("flags", "batch_time_us"),
    [
        (fnb1.FLAG_CLOCK_UNSYNCED, NOON_S * 1_000_000 - 5),
        (0, 0),
        (0, (NOON_S - 46 * 86_400) * 1_000_000),
        (0, (NOON_S + 301) * 1_000_000),
        (0, (1 << 32) * 1_000_000),
        (0, (1 << 64) - 1),
    ],
    ids=["unsynced", "1970", "46 days ago", "in 5 minutes", "2106", "never"],
)
def test_a_collector_whose_clock_is_wrong_gets_our_time_and_its_frames_keep_theirs(
    flags, batch_time_us
):
    decoded = decode(message(frame(), flags=flags, batch_time_us=batch_time_us))

    assert (decoded.message.batch_us, decoded.message.misdated) == (NOON_S * 1_000_000, True)
    assert math.isnan(decoded.closed_s)
    assert decoded.frames.at_s.tolist() == [NOON_S]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (frame(flags=1 << 10), RejectReason.BAD_FLAGS),
        (frame(rsv=1), RejectReason.BAD_VALUE),
        (frame(n=13), RejectReason.BAD_COUNT),
        (frame(n=255), RejectReason.BAD_COUNT),
        (frame(ilen=7), RejectReason.BAD_INTERVAL),
        (frame(scale=5), RejectReason.BAD_VALUE),
        (frame(scale=-1), RejectReason.BAD_VALUE),
        (frame(register=1 << 40), RejectReason.BAD_VALUE),
        (frame(register=(1 << 64) - 1), RejectReason.BAD_VALUE),
        (frame(mtype=0), RejectReason.BAD_VALUE),
        (frame(mtype=5), RejectReason.BAD_VALUE),
        (frame(q=0b01 << 6), RejectReason.BAD_VALUE),
        (frame(q=1 << 31, deltas=range(12)), RejectReason.BAD_VALUE),
        (frame(t_newest=NOON_S + 301), RejectReason.TIME_FUTURE),
        (frame(t_newest=NOON_S - 46 * 86_400), RejectReason.TIME_PAST),
    ],
)
def test_a_bad_frame_is_refused_and_its_neighbours_are_not(bad, reason):
    decoded = decode(message(frame(), bad, frame()))

    assert [(each.frame, each.reason) for each in decoded.refused] == [(1, reason)]
    assert decoded.frame_bytes(1) == bad
    assert decoded.frames.index.tolist() == [0, 2]


def test_quality_says_which_intervals_are_stored_and_how():
    sent = frame(deltas=[1, 2, 3, 4], q=0b11_10_01_00)

    frames = decode(message(sent)).frames

    assert frames.present[0, :5].tolist() == [True, False, False, True, False]
    assert (frames.flags[0] & FLAG_PARTIAL != 0).tolist()[:5] == [False, False, False, True, False]


def test_a_power_failure_marks_every_interval_of_its_frame():
    frames = decode(message(frame(flags=1), frame())).frames

    assert (frames.flags[0] == FLAG_POWER_FAIL).all()
    assert (frames.flags[1] == 0).all()


def test_scale_multiplies_register_and_intervals():
    frames = decode(message(frame(register=(1 << 40) - 1, scale=4, deltas=[65_535]))).frames

    assert frames.register[0] == ((1 << 40) - 1) * 10_000
    assert frames.value[0, 0] == 655_350_000


@pytest.mark.parametrize("offset_s", [-150, -61, -1, 0, 60, 150])
def test_stamps_near_the_grid_are_snapped_and_the_register_keeps_its_own(offset_s):
    decoded = decode(message(frame(t_newest=NOON_S + offset_s)))

    assert decoded.refused == ()
    assert decoded.frames.start_s[0, :3].tolist() == [NOON_S - 900, NOON_S - 1800, NOON_S - 2700]
    assert decoded.frames.at_s.tolist() == [NOON_S + offset_s]


@pytest.mark.parametrize("offset_s", [-151, 151, -449])
def test_stamps_far_from_the_grid_lose_their_intervals_but_not_the_register(offset_s):
    decoded = decode(message(frame(t_newest=NOON_S + offset_s)))

    assert [each.reason for each in decoded.refused] == [RejectReason.BAD_ALIGNMENT]
    assert len(decoded.frames) == 1
    assert not decoded.frames.present.any()


def test_a_frame_without_intervals_is_a_register_of_any_period():
    decoded = decode(message(frame(ilen=240, deltas=[], t_newest=NOON_S - 1000)))

    assert decoded.refused == ()
    assert decoded.frames.interval_s.tolist() == [0]
    assert not decoded.frames.present.any()


def test_a_blanked_frame_tells_nothing_about_its_customer_and_the_message_still_decodes():
    plain = frame() + frame(meter_id=5, flags=0x80, tag=77)
    packed = pa.Codec("zstd").compress(plain, asbytes=True)
    decoded = decode(message(flags=fnb1.FLAG_ZSTD, body=packed, frame_count=2, raw_len=128))

    blanked = decode(fnb1.blank(decoded, np.array([1])).message.payload)

    assert blanked.frame_bytes(0) == frame()
    assert blanked.frame_bytes(1) == frame(meter_id=5, register=0, mtype=0, deltas=[])
    assert blanked.frames.index.tolist() == [0], "nobody reads a register of 0"
    assert blanked.message.batch_seq == decoded.message.batch_seq


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(payload):
    reason_for(payload)


@given(st.binary(min_size=64, max_size=640).map(lambda data: data[: len(data) // 64 * 64]))
def test_arbitrary_frames_in_a_sound_message_never_raise(body):
    count = len(body) // 64

    decoded = decode(message(body=body, frame_count=count, raw_len=len(body)))

    whole = {each.frame for each in decoded.refused}
    assert set(range(count)) - whole <= set(decoded.frames.index.tolist())
    assert (np.abs(decoded.frames.at_s - NOON_S) <= 45 * 86_400).all()


@given(st.data())
def test_a_mutated_message_is_refused_or_decoded(data):
    flags = data.draw(st.sampled_from([0, fnb1.FLAG_ZSTD]))
    body = frame() * 3
    if flags:
        body = pa.Codec("zstd").compress(body, asbytes=True)
    payload = bytearray(message(flags=flags, body=body, frame_count=3, raw_len=192))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):  # as a collector with a fault of its own would send it
        payload[60:64] = zlib.crc32(payload[64:], zlib.crc32(payload[:60])).to_bytes(4, "little")

    try:
        decoded = decode(bytes(payload))
    except DecodeError:
        return

    assert len(decoded.frames) <= decoded.message.frame_count
