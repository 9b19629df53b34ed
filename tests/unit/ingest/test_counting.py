"""Missing batches, from the message that shows them to the backfill that brings them."""

import json

import pytest

from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode
from mdms.domain.gaps import PATIENCE
from mdms.ports.messages import Envelope
from tests.fakes import FakeClock, FakeSource, FakeUnitOfWork
from tests.messages import NOON, NOON_S, READ_TOPIC, frame, message
from tests.unit.ingest.test_pipeline import ZONE, database

BACKFILL_TOPIC = "ami/v1/cpau/col/7/up/backfill"
STATE_TOPIC = "ami/v1/cpau/col/7/state"


def read(seq: int, *, boot_id: int = 99, minute: int = 0) -> Envelope:
    at_us = (NOON_S + 60 * minute) * 1_000_000
    return Envelope(
        READ_TOPIC, message(frame(), batch_seq=seq, boot_id=boot_id, batch_time_us=at_us)
    )


def backfill(
    seq: int, *frames: bytes, flags: int = 0, boot_id: int = 99, minute: int = 0
) -> Envelope:
    payload = message(
        *frames, batch_seq=seq, flags=fnb1.FLAG_BACKFILL | flags, boot_id=boot_id,
        batch_time_us=(NOON_S + 60 * minute) * 1_000_000,
    )  # fmt: skip
    return Envelope(BACKFILL_TOPIC, payload)


def asked_for(seq: int, *, minute: int) -> Envelope:
    return backfill(seq, frame(), minute=minute)


def state(seq: int, *, collector_id: int = 7) -> Envelope:
    said = {"s": "online", "id": collector_id, "boot": 99, "seq": seq, "oldest_seq": 1}
    return Envelope(STATE_TOPIC, json.dumps(said).encode())


async def take(work: FakeUnitOfWork, *envelopes: Envelope) -> None:
    source = FakeSource([[each] for each in envelopes])
    await Pipeline(source, work, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE)).run()
    assert len(source.acked) == len(envelopes)


def missing(work: FakeUnitOfWork) -> list[tuple[int | None, int | None]]:
    return [(hole.span.first_seq, hole.span.last_seq) for hole in work.gaps.by_id.values()]


async def test_a_jump_opens_a_hole_that_is_asked_for_when_patience_ends():
    work = database()

    await take(work, read(1), read(4))

    (hole,) = work.gaps.by_id.values()
    assert missing(work) == [(2, 3)]
    assert hole.due_at == NOON + PATIENCE


async def test_backfill_fills_holes_and_its_reads_are_stored():
    work = database()
    await take(work, read(1), read(4))

    await take(work, backfill(2, frame(deltas=[7], t_newest=NOON_S - 86_400)), read(3))

    assert missing(work) == []
    assert work.readings.interval_values[0, NOON_S - 86_400 - 900] == 7


async def test_an_empty_answer_gives_the_rest_of_a_hole_up():
    work = database()
    await take(work, read(1), read(4))
    await work.gaps.asked(dict.fromkeys(work.gaps.by_id, NOON))

    await take(work, backfill(2, flags=fnb1.FLAG_LAST_OF_BACKFILL))

    (lost,) = work.gaps.by_id.values()
    assert (lost.span.first_seq, lost.span.last_seq, lost.lost_at) == (2, 3, NOON)


@pytest.mark.parametrize("late", [read, asked_for])
async def test_what_was_given_up_and_comes_after_all_is_lost_no_more(late):
    work = database()
    await take(work, read(1, minute=-9), read(5, minute=-5))
    await work.gaps.lose(work.gaps.by_id, NOON)

    await take(work, late(3, minute=-7), read(1, minute=-9))

    assert missing(work) == [(2, 2), (4, 4)]
    assert {hole.lost_at for hole in work.gaps.by_id.values()} == {NOON}
    await take(work, late(2, minute=-8), late(4, minute=-6))
    assert missing(work) == []


async def test_the_same_number_of_another_count_is_not_what_was_given_up():
    work = database()
    await take(work, read(1, minute=-9), read(5, minute=-5))
    await work.gaps.lose(work.gaps.by_id, NOON)

    await take(work, read(3, boot_id=5, minute=1))

    assert (2, 4) in missing(work)


async def test_the_state_shows_what_was_lost_at_the_end():
    work = database()

    await take(work, read(1), state(3))

    assert missing(work) == [(2, 3)]


async def test_a_collector_that_lost_its_count_is_reported_once():
    work = database()
    anew = [read(1, boot_id=5, minute=1) for _ in range(2)]

    await take(work, read(10), *anew)

    assert [event.code for event in work.events.stored] == [EventCode.COLLECTOR_RESET]
    assert missing(work) == [(None, None)]


async def test_a_copy_that_a_wrong_clock_dated_is_stored_and_starts_no_count():
    work = database()
    await take(work, read(1, minute=-9), read(4, minute=-6))

    copied = frame(deltas=[7], t_newest=NOON_S - 86_400)
    await take(work, backfill(2, copied, flags=fnb1.FLAG_CLOCK_UNSYNCED, boot_id=5))

    assert work.events.stored == []
    assert missing(work) == [(2, 3)]
    assert work.readings.interval_values[0, NOON_S - 86_400 - 900] == 7


async def test_a_time_that_cannot_be_believed_does_not_bound_a_hole():
    work = database()
    a_century_off = read(2, minute=60 * 24 * 36_500)

    await take(work, read(1, minute=-5), a_century_off, read(4, minute=-1))

    (hole,) = work.gaps.by_id.values()
    assert hole.span.from_us == (NOON_S - 5 * 60) * 1_000_000


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (Envelope(STATE_TOPIC, b"online"), RejectReason.BAD_BODY),
        (state(1, collector_id=8), RejectReason.WRONG_COLLECTOR),
        (state(200_000), RejectReason.BAD_SEQUENCE),
    ],
)
async def test_a_state_that_cannot_be_true_is_a_dead_letter(envelope, reason):
    work = database()

    await take(work, read(1))
    await take(work, envelope)

    assert [each.reason for each in work.messages.rejected] == [reason]
    assert missing(work) == []


async def test_a_hole_that_could_not_be_committed_is_found_again():
    work = database()
    await take(work, read(1))
    work.failures = [None, None, AssertionError("a mistake of ours")]
    with pytest.raises(AssertionError):
        await take(work, read(4))
    assert missing(work) == []

    await take(work, read(4))

    assert missing(work) == [(2, 3)]
