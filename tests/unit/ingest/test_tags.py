"""Tags of meters: the golden vectors, and what becomes of a frame that somebody changed."""

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from ingest import codecs
from ingest.codecs.decoded import Decoded
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.tags import TagCheck, tag
from mdms.domain.errors import RejectReason
from mdms.ports.messages import Envelope
from tests.fakes import FakeClock, FakeSource
from tests.messages import EVENT_TOPIC, NOON, READ_TOPIC, event_frame, frame, message
from tests.unit.ingest.codecs.test_fnb1 import GOLDEN
from tests.unit.ingest.test_pipeline import ZONE, database

KEY = bytes(range(16))
MASTERS = {1: b"1" * 16, 2: b"2" * 16}
RADIO_ID = 47_622_887


def read_key(master: bytes, radio_id: int = RADIO_ID) -> bytes:
    """Return a meter's read key, as the page says."""
    signer = CMAC(AES(master))
    signer.update(b"mdms-read" + radio_id.to_bytes(4, "little"))
    return signer.finalize()


def signed(content: bytes, schema_id: int, *, key_id: int = 1) -> bytes:
    return content[:60] + tag(read_key(MASTERS[key_id]), content, schema_id)


def heard_elsewhere(content: bytes) -> bytes:
    """Return a reading frame as another collector writes it: level and age differ."""
    return content[:18] + b"\x07\x00\x11\x22\x33" + content[23:]


def sieve(*frames: bytes, schema_id: int = 1) -> Decoded:
    topic = READ_TOPIC if schema_id == 1 else EVENT_TOPIC
    decoded = codecs.decode(topic, message(*frames, schema_id=schema_id), NOON)
    return TagCheck(MASTERS).sieve(decoded)


def test_the_frame_of_the_page_has_the_tag_of_the_page():
    assert tag(KEY, GOLDEN[64:], 1) == bytes.fromhex("95c26752")


@pytest.mark.parametrize("key_id", [1, 2])
def test_a_signed_frame_passes_under_each_master_key(key_id):
    good = signed(frame(), 1, key_id=key_id)

    assert len(sieve(good, heard_elsewhere(good)).frames) == 2


def test_a_frame_without_a_tag_is_taken_as_it_is():
    assert sieve(frame()).refused == ()


@pytest.mark.parametrize(("required", "refused"), [
    ((), []), (((0, 2**32 - 1),), [0, 1]), (((RADIO_ID, RADIO_ID),), [0]), (((5, 6), (8, 9)), [1]),
])  # fmt: skip
def test_a_meter_that_must_sign_is_not_heard_without_a_tag(required, refused):
    decoded = codecs.decode(
        READ_TOPIC, message(frame(), frame(meter_id=8), signed(frame(), 1)), NOON
    )

    checked = TagCheck(MASTERS, required=required).sieve(decoded)

    assert [each.frame for each in checked.refused] == refused
    assert set(checked.frames.index.tolist()) == {0, 1, 2} - set(refused)


@pytest.mark.parametrize("at", [0, 4, 8, 16, 24, 59, 63])
def test_a_frame_that_was_changed_is_refused_and_its_neighbour_is_not(at):
    good = bytearray(signed(frame(meter_id=RADIO_ID), 1))
    good[at] ^= 1

    checked = sieve(bytes(good), frame(deltas=[1]))

    assert [each.frame for each in checked.refused] == [0]
    assert checked.frames.index.tolist() == [1]


def test_events_are_signed_too():
    good = signed(event_frame(), 2)
    forged = good[:8] + b"\x0d" + good[9:]

    checked = sieve(good, forged, schema_id=2)

    assert [event.index for event in checked.events] == [0]
    assert [each.reason for each in checked.refused] == [RejectReason.BAD_TAG]


def test_answers_are_not_ours_to_verify():
    payload = message(bytes(64), schema_id=3)
    decoded = codecs.decode("ami/v1/cpau/col/7/up/ack", payload, NOON)

    assert TagCheck(MASTERS).sieve(decoded) is decoded


async def test_a_forged_frame_becomes_a_dead_letter():
    forged, work = frame(tag=7), database()
    source = FakeSource([[Envelope(READ_TOPIC, message(forged, frame()))]])

    await Pipeline(
        source, work, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE), tags=TagCheck(MASTERS)
    ).run()

    (rejected,) = work.messages.rejected
    assert (rejected.reason, rejected.payload) == (RejectReason.BAD_TAG, forged)
    assert len(work.readings.interval_values) == 3
