"""Refused messages are evidence; what silent radios measured is not."""

import struct
from typing import Any

import pyarrow as pa
import pytest

from ingest import codecs
from ingest.assembly import Roster, assemble
from ingest.channels import ChannelIndex
from ingest.codecs import fnb1
from mdms.domain.errors import RejectReason
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fuzz.hostile import COLLECTOR, RADIO, ROSTER, SILENT, TRAILERS
from tests.messages import NOON, NOON_S, READ_TOPIC, event_frame, frame, message

STRANGERS_TOPIC = "ami/v1/cpau/col/8/up/read"
REGISTER, DELTA = 123_456_789, 54_321
HEARD = frame(meter_id=RADIO, register=REGISTER - 1)
SILENT_FRAME = frame(meter_id=SILENT, register=REGISTER, deltas=(DELTA,))
MEASURED = struct.pack("<Q", REGISTER), struct.pack("<H", DELTA)
ZIPPED = pa.compress(HEARD + SILENT_FRAME, codec="zstd", asbytes=True)


def sent(**header: Any) -> bytes:
    return message(HEARD, SILENT_FRAME, **{"collector_id": COLLECTOR, **header})


def zipped(**header: Any) -> bytes:
    return sent(**header, body=ZIPPED, raw_len=128, flags=fnb1.FLAG_ZSTD)


def kept_of(payload: bytes, topic: str = READ_TOPIC) -> tuple[RejectReason, bytes]:
    (letter,) = assemble(
        [Envelope(topic, payload)], ROSTER, {COLLECTOR: 1},
        received_at=NOON, recorded_at=NOON, trailers=TRAILERS,
    ).rejected  # fmt: skip
    return letter.reason, letter.payload


def inflated(payload: bytes) -> bytes:
    try:
        return payload + bytes(pa.decompress(payload[64:], 128, codec="zstd", asbytes=True))
    except OSError:
        return payload


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        (sent(collector_id=8), STRANGERS_TOPIC, RejectReason.UNKNOWN_COLLECTOR),
        (zipped(collector_id=8), STRANGERS_TOPIC, RejectReason.UNKNOWN_COLLECTOR),
        (sent(batch_seq=1_000_000), READ_TOPIC, RejectReason.BAD_SEQUENCE),
        (sent(flags=fnb1.FLAG_HMAC) + bytes(32), READ_TOPIC, RejectReason.BAD_HMAC),
        (sent(), STRANGERS_TOPIC, RejectReason.WRONG_COLLECTOR),
        (zipped(), STRANGERS_TOPIC, RejectReason.WRONG_COLLECTOR),
        (sent(reserved=1), READ_TOPIC, RejectReason.BAD_VALUE),
        (sent()[:-1], READ_TOPIC, RejectReason.BAD_LENGTH),
        (sent()[:-40], READ_TOPIC, RejectReason.BAD_LENGTH),
        (b"X" + sent()[1:], READ_TOPIC, RejectReason.BAD_MAGIC),
        (sent()[:100] + b"\xff" + sent()[101:], READ_TOPIC, RejectReason.BAD_CRC),
    ],
)
def test_nothing_that_a_silent_radio_measured_is_kept_of_a_refused_message(payload, topic, reason):
    why, kept = kept_of(payload, topic)

    assert why is reason
    assert not any(each in inflated(kept) for each in MEASURED)
    assert struct.pack("<I", SILENT) in kept


def test_nor_of_its_events():
    alarm = event_frame(meter_id=SILENT, register=REGISTER)
    payload = message(alarm, collector_id=8, schema_id=2)

    _, kept = kept_of(payload, "ami/v1/cpau/col/8/up/event")

    assert MEASURED[0] not in kept


def test_a_message_of_an_unknown_collector_still_decodes_and_holds_what_others_sent():
    _, kept = kept_of(zipped(collector_id=8), STRANGERS_TOPIC)

    decoded = codecs.decode(STRANGERS_TOPIC, kept, NOON)

    assert decoded.frame_bytes(0) == HEARD
    assert decoded.frames.register.tolist() == [REGISTER - 1], "a register of 0 would be a lie"


def kept_for_the_registry(payload: bytes, *, off_until_s: int) -> bytes:
    """Return what waits of a message of an unknown collector that hears a radio that was silent."""
    rows = (
        Installed(radio_id=SILENT, removed_s=off_until_s, radio_on=False),
        Installed(radio_id=SILENT, installed_s=off_until_s),
    )
    roster = Roster(ChannelIndex(channel_table(*rows)), frozenset())
    envelope = Envelope(STRANGERS_TOPIC, payload)
    (letter,) = assemble([envelope], roster, {}, received_at=NOON, recorded_at=NOON).rejected
    return letter.payload


@pytest.mark.parametrize(("off_until_s", "is_kept"), [(NOON_S - 900, True), (NOON_S - 899, False)])
def test_a_radio_that_may_be_heard_again_waits_as_it_came(off_until_s, is_kept):
    payload = sent(collector_id=8)

    kept = kept_for_the_registry(payload, off_until_s=off_until_s)

    assert (kept == payload) is is_kept
    assert all(each in kept for each in MEASURED) is is_kept


def test_what_breaks_the_decoder_shows_nothing_of_a_radio_that_was_silent_once(monkeypatch):
    def explode(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ingest.codecs.fnb1_readings.read", explode)

    kept = kept_for_the_registry(sent(collector_id=8), off_until_s=NOON_S - 900)

    assert not any(each in kept for each in MEASURED)


@pytest.mark.parametrize("payload", [b"", b"FNB1", message(HEARD, collector_id=7)[:-1], bytes(200)])
def test_what_holds_no_silent_radio_is_kept_as_it_came(payload):
    _, kept = kept_of(payload)

    assert kept == payload
