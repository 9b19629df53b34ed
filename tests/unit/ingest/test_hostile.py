"""Whatever is sent: counted dead letters, never an exception, never memory without end."""

import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.assembly import Assembled, assemble
from ingest.codecs import fnb1
from mdms.domain.errors import RejectReason
from mdms.ports.messages import Envelope
from tests.fuzz.hostile import COLLECTOR, ROSTER, assert_harmless, check
from tests.messages import NOON, NOON_S, READ_TOPIC, event_frame, frame, message

MIB = 1 << 20
ZEROS = pa.compress(bytes(fnb1.RAW_BYTES_MAX), codec="zstd", asbytes=True)


@given(st.binary(max_size=2_000))
@example(b"")
def test_arbitrary_messages_are_stored_or_dead_letters(data):
    check(data)


def read(*payloads: bytes, topic: str = READ_TOPIC) -> Assembled:
    batch = [Envelope(topic, payload) for payload in payloads]
    assembled = assemble(batch, ROSTER, {}, received_at=NOON, recorded_at=NOON)
    assert_harmless(batch, assembled)
    return assembled


@pytest.mark.parametrize("raw_len", [0, 64, fnb1.RAW_BYTES_MAX - 64, 1 << 31, (1 << 32) - 64])
def test_a_bomb_that_lies_of_its_size_is_never_inflated_beyond_it(raw_len):
    bomb = message(body=ZEROS, flags=fnb1.FLAG_ZSTD, raw_len=raw_len, frame_count=raw_len // 64)
    tracemalloc.start()

    assembled = read(bomb)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(assembled.rejected) == 1
    assert peak < 3 * fnb1.RAW_BYTES_MAX


def test_a_bomb_that_says_its_size_is_many_bad_frames_and_few_dead_letters():
    count = fnb1.RAW_BYTES_MAX // 64
    bomb = message(
        body=ZEROS, flags=fnb1.FLAG_ZSTD, raw_len=fnb1.RAW_BYTES_MAX, frame_count=count
    )  # fmt: skip

    assembled = read(bomb)

    assert assembled.frame_count == count
    assert {each.reason for each in assembled.rejected} == {RejectReason.BAD_VALUE}
    assert sum(len(each.payload) for each in assembled.rejected) < MIB


@pytest.mark.parametrize("t_newest", [0, 1, (1 << 32) - 1])
def test_frames_of_1970_and_2106_are_dead_letters(t_newest):
    assembled = read(message(frame(t_newest=t_newest)))
    event = read(
        message(event_frame(t_event=t_newest), schema_id=2), topic="ami/v1/cpau/col/7/up/event"
    )

    assert {each.reason for each in [*assembled.rejected, *event.rejected]} <= {
        RejectReason.TIME_PAST, RejectReason.TIME_FUTURE,
    }  # fmt: skip
    assert len(assembled.rejected) == len(event.rejected) == 1


def test_the_largest_numbers_that_a_frame_can_carry_fit_into_the_database():
    assembled = read(
        message(frame(register=(1 << 40) - 1, scale=4, deltas=[65_535] * 12)),
        message(frame(register=1 << 40)),
    )

    assert assembled.registers.value.tolist() == [((1 << 40) - 1) * 10_000]
    assert set(assembled.intervals.value.tolist()) == {655_350_000}
    assert [each.reason for each in assembled.rejected] == [RejectReason.BAD_VALUE]


def test_who_publishes_as_another_is_refused_by_what_the_header_says():
    assembled = read(message(frame(), collector_id=COLLECTOR + 1))

    assert [each.reason for each in assembled.rejected] == [RejectReason.WRONG_COLLECTOR]


def test_a_replayed_batch_is_counted_once():
    payload = message(frame(t_newest=NOON_S - 900))

    assembled = read(*[payload] * 3)

    assert len({(m.boot_id, m.batch_seq, m.batch_us) for m in assembled.messages}) == 1
