"""When a batch closes: on count, on bytes, on age."""

import asyncio

import pytest

from ingest.handover import BACKFILL_BYTES_MAX, Handover
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope
from tests.brokers import LiveClock
from tests.fakes import FakeClock
from tests.messages import NOON, message

HOUR_S = 3600.0


def filled(*sizes: int, clock: Clock | None = None) -> Handover:
    handover = Handover(clock or FakeClock(NOON))
    for size in sizes:
        handover.put(Envelope("topic", bytes(size)))
    return handover


async def take(
    handover: Handover, *, messages: int = 10, size: int = 100, age_s: float = HOUR_S
) -> list[int]:
    async with asyncio.timeout(10):
        batch = await handover.take(messages_max=messages, bytes_max=size, age_s_max=age_s)
    return [len(each.payload) for each in batch]


async def test_a_batch_closes_on_count():
    handover = filled(1, 2, 3)

    assert await take(handover, messages=2) == [1, 2]


async def test_a_batch_closes_on_bytes_and_keeps_to_them():
    handover = filled(60, 60, 60)

    assert await take(handover) == [60]
    assert await take(handover) == [60]


async def test_a_message_larger_than_a_batch_comes_alone():
    assert await take(filled(500, 1)) == [500]


async def test_a_batch_closes_on_age():
    assert await take(filled(1), age_s=0) == [1]
    assert await take(filled(1, clock=LiveClock()), age_s=0.01) == [1]


async def test_a_batch_that_fills_while_it_is_waited_for_closes_at_once():
    handover = filled(1)
    taking = asyncio.create_task(take(handover, messages=2))
    await asyncio.wait({taking}, timeout=0)

    handover.put(Envelope("topic", bytes(2)))

    assert await taking == [1, 2]


async def test_an_empty_handover_waits_for_the_first_message():
    handover = filled()
    taking = asyncio.create_task(take(handover, age_s=0))
    await asyncio.wait({taking}, timeout=0)
    assert not taking.done()

    handover.put(Envelope("topic", bytes(7)))

    assert await taking == [7]


async def test_what_is_forgotten_is_not_taken():
    handover = filled(1, 2)

    handover.clear()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await take(handover, age_s=0)


def up(kind: str, number: int, size: int = 1) -> Envelope:
    return Envelope(f"ami/v1/cpau/col/7/up/{kind}", bytes([number]) * size)


async def test_answers_go_before_alarms_before_live_reads_before_backfill():
    handover = Handover(FakeClock(NOON))
    state = Envelope("ami/v1/cpau/col/7/state", b"s")
    sent = [up("backfill", 1), up("read", 2), state, up("event", 3), up("ack", 4), up("read", 5)]
    for envelope in sent:
        handover.put(envelope)

    first = await handover.take(messages_max=4, bytes_max=100, age_s_max=0)
    second = await handover.take(messages_max=4, bytes_max=100, age_s_max=0)

    assert [*first, *second] == [sent[4], sent[3], sent[1], sent[2], sent[5], sent[0]]


async def test_a_batch_takes_little_backfill_so_that_what_comes_meanwhile_waits_little():
    handover = Handover(FakeClock(NOON))
    for number in range(4):
        handover.put(up("backfill", number, BACKFILL_BYTES_MAX // 2))

    first = await handover.take(messages_max=10, bytes_max=1 << 30, age_s_max=0)
    handover.put(up("read", 9))
    second = await handover.take(messages_max=10, bytes_max=1 << 30, age_s_max=0)

    assert [each.payload[0] for each in first] == [0, 1]
    assert [each.payload[0] for each in second] == [9, 2, 3]


async def test_a_small_message_that_inflates_counts_as_what_it_becomes():
    bomb = message(body=bytes(100), raw_len=4 << 20)
    handover = Handover(FakeClock(NOON))
    for _ in range(5):
        handover.put(Envelope("ami/v1/cpau/col/7/up/read", bomb))

    batch = await handover.take(messages_max=100, bytes_max=8 << 20, age_s_max=HOUR_S)

    assert len(batch) == 2


async def test_a_size_that_nobody_may_have_is_not_believed():
    handover = Handover(FakeClock(NOON))
    for _ in range(3):
        handover.put(Envelope("topic", message(body=bytes(100), raw_len=0xFFFF_FFFF)))

    batch = await handover.take(messages_max=100, bytes_max=16 << 20, age_s_max=0)

    assert len(batch) == 3
