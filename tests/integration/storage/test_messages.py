"""Raw messages, dead letters and collector sequences on a real database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow as pa
import pytest

from mdms.domain.errors import RejectReason
from mdms.domain.time import Period, to_epoch_us
from mdms.ports.messages import CollectorSequence, Rejected, UplinkMessage

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 3, 8, tzinfo=UTC)
FIRST = UplinkMessage(
    collector_id=7,
    boot_id=111,
    batch_seq=1,
    batch_us=to_epoch_us(AT),
    kind="read",
    frame_count=500,
    payload=b"FNB1" + bytes(32_000),
    received_at=AT + timedelta(seconds=2),
)


def batch(seq: int, *, boot_id: int = 111) -> UplinkMessage:
    at = AT + timedelta(minutes=15 * seq)
    return replace(FIRST, boot_id=boot_id, batch_seq=seq, batch_us=to_epoch_us(at), received_at=at)


async def test_a_message_is_kept_once_and_comes_back_whole(store, database):
    async with store() as work:
        first = await work.messages.record([FIRST, batch(2)])
        second = await work.messages.record([FIRST, batch(3)])

    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await connection.execute(
            "SELECT payload_zstd, payload_size FROM uplink_message ORDER BY batch_seq"
        )
        payload, size = (await found.fetchall())[0]
    assert (first, second) == (2, 1)
    assert pa.decompress(payload, size, codec="zstd", asbytes=True) == FIRST.payload


async def test_every_message_of_a_batch_can_be_read_without_the_others(store, database):
    payloads = [b"FNB1" + bytes([number]) * 40 * number for number in range(50)]
    async with store() as work:
        await work.messages.record(
            [replace(batch(seq), payload=payload) for seq, payload in enumerate(payloads, 1)]
        )

    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await connection.execute(
            "SELECT payload_zstd, payload_size FROM uplink_message ORDER BY random()"
        )
        rows = await found.fetchall()
    read = [pa.decompress(frame, size, codec="zstd", asbytes=True) for frame, size in rows]
    assert sorted(read) == sorted(payloads)


async def test_the_newest_readings_of_each_collector_come_back_as_they_came(store):
    other = replace(batch(9), collector_id=8)
    event = replace(batch(4), kind="event")
    async with store() as work:
        await work.messages.record([FIRST, batch(2), batch(3), event, other])

        newest = await work.messages.newest(2)

    assert newest == [batch(2), batch(3), other]


async def test_a_known_number_with_another_boot_or_time_is_new_data(store):
    async with store() as work:
        await work.messages.record([FIRST])

        added = await work.messages.record(
            [replace(FIRST, boot_id=222), replace(FIRST, batch_us=FIRST.batch_us + 1)]
        )

    assert added == 2


async def test_what_says_something_else_under_a_known_key_is_kept_beside_it_once(store):
    second, third = (replace(FIRST, payload=b"FNB1" + bytes([n]) * 64) for n in (1, 2))
    async with store() as work:
        assert await work.messages.record([FIRST, second]) == 2

    async with store() as work:
        assert await work.messages.record([third, second, third, FIRST, batch(2)]) == 2
        sent = await work.raw_messages.sent(Period(AT, AT + timedelta(minutes=1)), 9)

    assert [message.payload for message in sent] == [FIRST.payload, second.payload, third.payload]
    assert [message.batch_us - FIRST.batch_us for message in sent] == [0, 1, 2]


async def test_what_is_kept_beside_the_last_of_a_month_belongs_to_the_next_one(store):
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    last = replace(FIRST, batch_us=to_epoch_us(midnight) - 1)
    async with store() as work:
        assert await work.messages.record([last, replace(last, payload=b"FNB1" + bytes(64))]) == 2


async def test_a_batch_that_was_asked_for_again_is_coded_anew_and_not_kept_twice(store):
    again = replace(FIRST, kind="backfill", payload=b"FNB1" + bytes(64))
    async with store() as work:
        await work.messages.record([FIRST])

        assert await work.messages.record([again]) == 0
        assert await work.messages.record([replace(again, frame_count=499)]) == 1


async def test_an_answer_that_is_coded_otherwise_each_time_is_kept_once(store):
    first, last = (
        replace(FIRST, kind="backfill", payload=b"FNB1" + bytes([flag]) * 64) for flag in (2, 6)
    )
    async with store() as work:
        assert await work.messages.record([first]) == 1

        assert await work.messages.record([last]) == 0


async def test_an_event_is_kept_beside_readings_of_its_number(store):
    event = replace(FIRST, kind="event", payload=b"FNB1" + bytes(64))
    async with store() as work:
        assert await work.messages.record([FIRST]) == 1

        assert await work.messages.record([event]) == 1
        assert await work.messages.record([event, FIRST]) == 0


async def test_messages_without_a_time_of_their_own_that_came_together_are_all_kept(store):
    one, two = (replace(FIRST, payload=b"FNB1" + bytes([n]) * 64, misdated=True) for n in (1, 2))
    later = [replace(each, batch_us=each.batch_us + 5_000_000) for each in (two, one)]
    async with store() as work:
        assert await work.messages.record([one, two]) == 2

        assert await work.messages.record(later) == 0


async def test_what_is_kept_beside_others_goes_behind_the_last_of_them(store):
    third, fourth = (
        replace(FIRST, batch_us=FIRST.batch_us + us, payload=b"FNB1" + bytes([us]) * 64)
        for us in (3, 0)
    )
    async with store() as work:
        assert await work.messages.record([FIRST, third]) == 2

        assert await work.messages.record([fourth]) == 1
        sent = await work.raw_messages.sent(Period(AT, AT + timedelta(minutes=1)), 9)

    assert [message.batch_us - FIRST.batch_us for message in sent] == [0, 3, 4]


async def test_a_sequence_only_moves_forward_within_a_boot(store):
    async with store() as work:
        await work.messages.record([batch(5), batch(3)])
        await work.messages.record([batch(4)])

        [sequence] = await work.messages.sequences()

    newest = batch(5)
    assert sequence == CollectorSequence(7, 111, 5, AT + timedelta(minutes=75), newest.received_at)


async def test_a_collector_that_started_anew_takes_over_and_keeps_the_lead(store):
    restarted = replace(batch(9, boot_id=222), batch_seq=1)
    async with store() as work:
        await work.messages.record([batch(5)])
        await work.messages.record([restarted, batch(6)])
        await work.messages.record([batch(7)])

        [sequence] = await work.messages.sequences()

    assert (sequence.boot_id, sequence.batch_seq) == (222, 1)


async def test_dead_letters_are_counted_by_reason(store):
    letter = Rejected(RejectReason.BAD_CRC, "crc", "ami/v1/x", b"\0\xff", None, AT)
    async with store() as work:
        await work.messages.reject([letter, replace(letter, frame_index=3)])
        await work.messages.reject(
            [replace(letter, reason=RejectReason.BAD_TOPIC, detail="a\0b", topic="\0")]
        )
        await work.messages.reject([])
        again = await work.messages.reject([replace(letter, received_at=AT + timedelta(hours=1))])

        counts = await work.messages.dead_letter_counts()

    assert counts == {RejectReason.BAD_CRC: 2, RejectReason.BAD_TOPIC: 1}
    assert again == 0


@pytest.mark.parametrize("outcome", ["cured", "blanked"])
async def test_what_was_read_again_and_is_refused_once_more_waits_anew(store, database, outcome):
    letter = Rejected(RejectReason.UNKNOWN_METER, "", "ami/v1/x", bytes(64), 3, AT, 1)
    async with store() as work:
        await work.messages.reject([letter])
    with psycopg.connect(database) as connection:
        ((number,),) = connection.execute("SELECT dead_letter_id FROM dead_letter").fetchall()
    async with store() as work:
        if outcome == "cured":
            await work.quarantine.cured([number], AT)
        else:
            blanked = replace(letter, reason=RejectReason.OPTED_OUT, payload=b"\0")
            await work.quarantine.still_refused({number: blanked})
        assert await work.quarantine.waiting_count() == 0

        news = [await work.messages.reject([letter]) for _ in range(2)]

        assert news == [1, 0]
        assert await work.quarantine.waiting_count() == 1
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT dead_letter_id, payload FROM dead_letter").fetchall()
    assert found == [(number, bytes(64))]


async def test_a_message_without_a_time_of_its_own_is_kept_once_however_often_it_comes(store):
    again = replace(FIRST, batch_us=FIRST.batch_us + 60_000_000, misdated=True)
    other = replace(again, payload=b"FNB1" + bytes(64))
    async with store() as work:
        assert await work.messages.record([replace(FIRST, misdated=True)]) == 1

    async with store() as work:
        assert await work.messages.record([again, other]) == 1


async def test_whole_months_go_when_all_that_came_in_them_has_had_its_term(store):
    in_november = replace(FIRST, received_at=AT + timedelta(days=20))
    february = datetime(2027, 2, 2, tzinfo=UTC)
    in_february = replace(batch(2), batch_us=to_epoch_us(february), received_at=february)
    async with store() as work:
        await work.messages.record([in_november, in_february])

    async with store() as work:
        too_early = await work.raw_messages.forget(datetime(2026, 11, 20, tzinfo=UTC))
        in_time = await work.raw_messages.forget(datetime(2027, 1, 31, tzinfo=UTC))
    async with store() as work:
        oldest = await work.raw_messages.oldest()
        await work.messages.record([in_november])  # the month is made again

    assert (too_early, in_time) == (0, 1)
    assert oldest == february


async def test_a_month_stays_for_a_message_that_came_late(store):
    late = replace(FIRST, received_at=datetime(2026, 12, 10, tzinfo=UTC))
    async with store() as work:
        await work.messages.record([late])

    async with store() as work:
        gone = await work.raw_messages.forget(datetime(2026, 12, 5, tzinfo=UTC))

    assert gone == 0
