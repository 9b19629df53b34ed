"""Trailers of collectors: what is believed of a batch that passed through other hands."""

import hashlib
import hmac
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from ingest import codecs
from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.trailers import CollectorKeys, TrailerCheck
from mdms.domain.errors import DecodeError, RejectReason
from mdms.ports.messages import Envelope
from tests.fakes import FakeClock, FakeSource
from tests.messages import NOON, READ_TOPIC, frame, message
from tests.unit.ingest.test_pipeline import ZONE, database

KEY, NEXT = bytes(range(32)), b"k" * 32
SIGNS = TrailerCheck({7: CollectorKeys((KEY,))})
MAY_SIGN = TrailerCheck({7: CollectorKeys((KEY,), required=False)})


def signed(*frames: bytes, key: bytes = KEY, flags: int = 0, **header: Any) -> bytes:
    content = message(*(frames or [frame()]), flags=fnb1.FLAG_HMAC | flags, **header)
    return content + hmac.new(key, content, hashlib.sha256).digest()


def changed_on_the_way(payload: bytes) -> bytes:
    """Return a batch with another register and a right checksum."""
    head, body = payload[:60], payload[64:72] + b"\x07" + payload[73:-32]
    return head + struct.pack("<I", zlib.crc32(head + body)) + body + payload[-32:]


def stripped(payload: bytes) -> bytes:
    """Return a batch as if its collector had not signed it."""
    head, body = payload[:6] + bytes(2) + payload[8:60], payload[64:-32]
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


def refusal(check: TrailerCheck, payload: bytes) -> RejectReason | None:
    opened = codecs.open_message(READ_TOPIC, payload, NOON)
    try:
        check.verify(opened.message)
    except DecodeError as error:
        return error.reason
    return None


def test_a_batch_under_its_collectors_key_is_believed():
    assert refusal(SIGNS, signed()) is None


@pytest.mark.parametrize("key", [KEY, NEXT])
def test_while_a_key_is_exchanged_both_are_believed(key):
    check = TrailerCheck({7: CollectorKeys((NEXT, KEY))})

    assert refusal(check, signed(key=key)) is None


@pytest.mark.parametrize("forge", [changed_on_the_way, stripped])
def test_a_batch_that_was_changed_on_the_way_is_refused(forge):
    assert refusal(SIGNS, forge(signed())) is RejectReason.BAD_HMAC


def test_a_batch_under_another_key_is_refused():
    assert refusal(SIGNS, signed(key=NEXT)) is RejectReason.BAD_HMAC


def test_a_collector_that_need_not_sign_yet_is_believed_without_and_not_with_a_wrong_trailer():
    assert refusal(MAY_SIGN, message(frame())) is None
    assert refusal(MAY_SIGN, signed()) is None
    assert refusal(MAY_SIGN, changed_on_the_way(signed())) is RejectReason.BAD_HMAC


def test_a_collector_without_a_key_is_believed_unsigned_only():
    nobody = TrailerCheck({8: CollectorKeys((KEY,))})

    assert refusal(nobody, message(frame())) is None
    assert refusal(nobody, signed()) is RejectReason.BAD_HMAC


def test_a_backfilled_batch_is_signed_anew():
    topic = READ_TOPIC.replace("read", "backfill")
    payload = signed(flags=fnb1.FLAG_BACKFILL)

    SIGNS.verify(codecs.open_message(topic, payload, NOON).message)


@pytest.mark.parametrize("keys", [(), (b"short",), (KEY, b"")])
def test_keys_that_protect_nothing_are_refused(keys):
    with pytest.raises(ValueError, match="32 bytes"):
        CollectorKeys(keys)


def test_what_is_blanked_is_signed_by_nobody_and_decodes():
    opened = codecs.open_message(READ_TOPIC, signed(frame(), frame(meter_id=5)), NOON)

    payload = fnb1.blank(opened, np.array([1])).message.payload

    assert codecs.open_message(READ_TOPIC, payload, NOON).frame_bytes(0) == frame()
    assert refusal(MAY_SIGN, payload) is None


async def test_a_forged_batch_is_a_dead_letter_and_does_not_move_its_collectors_count():
    work = database()
    forged, good = changed_on_the_way(signed(batch_seq=5)), signed(batch_seq=4)
    source = FakeSource([[Envelope(READ_TOPIC, forged), Envelope(READ_TOPIC, good)]])

    await Pipeline(
        source, work, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE), trailers=SIGNS
    ).run()

    (rejected,) = work.messages.rejected
    assert (rejected.reason, rejected.payload) == (RejectReason.BAD_HMAC, forged)
    assert [each.batch_seq for each in await work.messages.sequences()] == [4]
    assert len(source.acked) == 2
