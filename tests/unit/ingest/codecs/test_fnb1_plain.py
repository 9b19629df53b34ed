"""What is opened in columns is what the careful reader would open; the rest is left to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import codecs
from ingest.assembly import Assembled, assemble
from ingest.codecs import fnb1
from ingest.codecs.decoded import Opened
from ingest.codecs.fnb1 import FLAG_BACKFILL, FLAG_HMAC, FLAG_LAST_OF_BACKFILL, FLAG_ZSTD
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX
from mdms.domain.errors import DecodeError
from mdms.ports.messages import Envelope
from tests.fuzz.hostile import ROSTER
from tests.messages import EVENT_TOPIC, NOON, NOON_S, READ_TOPIC, event_frame, frame, message

BACKFILL_TOPIC = "ami/v1/cpau/col/7/up/backfill"
STATE_TOPIC = "ami/v1/cpau/col/7/state"
TOPICS = [READ_TOPIC, BACKFILL_TOPIC, EVENT_TOPIC, STATE_TOPIC, "ami/v1/cpau/col/8/up/read", "x"]
MANY = 20
US_PER_S = 1_000_000
NOON_US = NOON_S * US_PER_S
EARLY_US, LATE_US = EARLY_S_MAX * US_PER_S, -LATE_S_MAX * US_PER_S
TOO_MUCH = bytes(fnb1.RAW_BYTES_MAX + fnb1.FRAME_SIZE)

EDITS: list[dict[str, Any]] = [
    {},
    *({"magic": magic} for magic in (b"FNB0", b"FNB\0", b"\0\0\0\0")),
    *({"version": version} for version in (0, 2)),
    *({"header_len": length} for length in (0, 63, 65)),
    *({"flags": flags} for flags in range(65)),
    *({"collector_id": number} for number in (0, 8, (1 << 32) - 1)),
    *({"batch_seq": seq} for seq in (0, 5, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)),
    *(
        {"batch_time_us": NOON_US + age_us}
        for age_us in (EARLY_US, EARLY_US + 1, LATE_US, LATE_US - 1)
    ),
    *({"batch_time_us": time_us} for time_us in (0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)),
    *({"frame_count": count} for count in (0, 2, 1 << 26, (1 << 32) - 1)),
    *({"frame_size": size} for size in (0, 63, 128)),
    {"frame_size": 32, "frame_count": 2},
    *({"schema_id": schema_id} for schema_id in range(6)),
    *({"body_len": length} for length in (0, 63, 65, 96, 128, (1 << 32) - 1)),
    *({"raw_len": length} for length in (0, 63, 128, fnb1.RAW_BYTES_MAX, (1 << 32) - 64)),
    {"raw_len": 128, "frame_count": 2},
    {"body": b"", "frame_count": 0, "raw_len": 0},
    {"body": TOO_MUCH, "frame_count": len(TOO_MUCH) // 64, "raw_len": len(TOO_MUCH)},
    {"reserved": 1},
]
"""What one message may say that another does not; most of it is wrong."""
SMALL = [edit for edit in EDITS if len(edit.get("body", b"")) <= fnb1.FRAME_SIZE]


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A message that is right, wrong in a field or two, or damaged on its way."""
    edit = draw(st.sampled_from(SMALL)) | draw(st.just({}) | st.sampled_from(SMALL))
    payload = message(frame(), **edit) + draw(st.sampled_from([b"", b"", bytes(32), b"\0"]))
    damaged = bytearray(payload)
    for at in draw(st.just([]) | st.lists(st.integers(0, len(payload) - 1), max_size=2)):
        damaged[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(damaged[: draw(st.just(len(damaged)) | st.integers(0, len(damaged)))])


envelopes = st.builds(Envelope, st.sampled_from(TOPICS[:2]) | st.sampled_from(TOPICS), payloads())


def carefully(envelope: Envelope) -> Opened | None:
    try:
        return codecs.open_message(envelope.topic, envelope.payload, NOON)
    except DecodeError:
        return None


def comparable(opened: Opened | None) -> tuple[str, Opened] | None:
    """NaN is not even itself."""
    return None if opened is None else (repr(opened.closed_s), replace(opened, closed_s=0))


def assembled(batch: Sequence[Envelope]) -> Assembled:
    return assemble(batch, ROSTER, {}, received_at=NOON, recorded_at=NOON)


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_is_plain_that_the_careful_reader_would_refuse_or_read_otherwise(topic):
    sound = message(frame())
    batch = [Envelope(topic, message(frame(), **edit)) for edit in EDITS]
    batch += [Envelope(topic, sound + rest) for rest in (b"\0", bytes(32), sound)]
    batch += [Envelope(topic, sound[:size]) for size in (0, 4, 63, 64, 127)]
    batch.append(Envelope(topic, sound[:-1] + b"\1"))

    together = codecs.open_plain(batch, NOON)

    for envelope, plain in zip(batch, together, strict=True):
        assert plain is None or comparable(plain) == comparable(carefully(envelope))


@settings(max_examples=40)
@given(st.lists(envelopes, min_size=MANY, max_size=MANY + 5))
def test_whatever_is_opened_together_is_what_each_is_alone(batch):
    together = codecs.open_plain(batch, NOON)

    for envelope, plain in zip(batch, together, strict=True):
        if plain is not None:
            assert comparable(plain) == comparable(carefully(envelope))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (READ_TOPIC, message(frame(), frame(meter_id=5), batch_seq=3)),
        (READ_TOPIC, message(frame(), flags=FLAG_HMAC) + bytes(fnb1.HMAC_SIZE)),
        (BACKFILL_TOPIC, message(frame(), flags=FLAG_BACKFILL)),
    ],
    ids=["readings", "signed", "asked for"],
)
def test_the_usual_is_plain(topic, payload):
    usual = Envelope(topic, payload)

    together = codecs.open_plain([usual] * MANY, NOON)

    assert [comparable(each) for each in together] == [comparable(carefully(usual))] * MANY
    assert None not in together


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (EVENT_TOPIC, message(event_frame(), schema_id=2)),
        (BACKFILL_TOPIC, message(flags=FLAG_BACKFILL | FLAG_LAST_OF_BACKFILL)),
        (READ_TOPIC, message(frame(), batch_time_us=0)),
        (
            READ_TOPIC,
            message(
                body=pa.compress(frame(), codec="zstd", asbytes=True),
                flags=FLAG_ZSTD, frame_count=1, raw_len=64,
            ),
        ),
    ],
    ids=["events", "empty", "misdated", "compressed"],
)  # fmt: skip
def test_the_unusual_is_left_to_the_careful_reader(topic, payload):
    unusual = Envelope(topic, payload)

    assert codecs.open_plain([unusual] * MANY, NOON) == [None] * MANY
    assert carefully(unusual) is not None


@settings(max_examples=40)
@given(st.lists(envelopes, min_size=MANY, max_size=MANY + 5))
def test_a_bad_message_among_many_is_the_dead_letter_that_it_is_alone(batch):
    together = assembled(batch)

    alone = [assembled([envelope]) for envelope in batch]
    assert together.rejected == [letter for each in alone for letter in each.rejected]
    assert together.messages == [kept for each in alone for kept in each.messages]
    assert together.counted == [seen for each in alone for seen in each.counted]
    assert together.reports == [said for each in alone for said in each.reports]
