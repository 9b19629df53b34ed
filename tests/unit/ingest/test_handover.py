"""When a batch closes: on count, on bytes, on age."""

import asyncio

import pytest

from ingest.handover import Handover
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope
from tests.brokers import LiveClock
from tests.fakes import FakeClock
from tests.messages import NOON

HOUR_S = 3600.0


def filled(*sizes: int, clock: Clock | None = None) -> Handover:
    handover = Handover(clock or FakeClock(NOON))
    for size in sizes:
        handover.put(Envelope("topic", bytes(size)))
    return handover


async def take(
    handover: Handover, *, messages: int = 10, size: int = 100, age_s: float = HOUR_S
) -> list[int]:
    async with asyncio.timeout(1):
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


async def test_live_messages_never_wait_behind_backfill():
    handover = Handover(FakeClock(NOON))
    old = [Envelope("ami/v1/cpau/col/7/up/backfill", bytes([n])) for n in range(3)]
    new = [Envelope("ami/v1/cpau/col/7/up/read", bytes([n])) for n in range(2)]
    for envelope in old:
        handover.put(envelope, behind=True)
    for envelope in new:
        handover.put(envelope)

    first = await handover.take(messages_max=3, bytes_max=100, age_s_max=0)
    second = await handover.take(messages_max=3, bytes_max=100, age_s_max=0)

    assert [*first, *second] == [*new, *old]
