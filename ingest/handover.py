"""Messages that the broker has sent and the pipeline has not asked for yet."""

import asyncio
from collections import deque
from enum import IntEnum
from typing import Final

from ingest.codecs import fnb1
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope

BACKFILL_BYTES_MAX: Final = 1 << 20
"""Of backfill per batch: what comes meanwhile waits for its transaction, so that must be short."""


class Lane(IntEnum):
    """What goes before what when there is more than a batch can take."""

    ANSWER = 0
    """Somebody waits in the dark for it."""
    ALARM = 1
    LIVE = 2
    BACKFILL = 3


_LANES: Final = {"ack": Lane.ANSWER, "event": Lane.ALARM, "backfill": Lane.BACKFILL}


def lane(topic: str) -> Lane:
    """Return the lane of what comes on a topic; states stay among the reads that they count."""
    return _LANES.get(topic.rpartition("/up/")[2], Lane.LIVE)


class Handover:
    """
    A queue that is emptied in batches; a batch closes on count, on bytes or on age.

    It takes whatever is put; whoever puts must bound that. Answers and alarms go first, and
    backfill fills up what room others leave, so that live data never waits for it. Bytes are
    those that a message has once inflated.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: tuple[deque[tuple[float, int, Envelope]], ...] = tuple(deque() for _ in Lane)
        self._count = self._waiting_bytes = 0
        self._messages_max = self._bytes_max = 1
        self._worth_a_look = asyncio.Event()

    def put(self, envelope: Envelope) -> None:
        """Add a message; wakes the taker only if this one starts or fills a batch."""
        size = fnb1.inflated_size(envelope.payload)
        self._lanes[lane(envelope.topic)].append((self._clock.monotonic(), size, envelope))
        self._count += 1
        self._waiting_bytes += size
        if self._count == 1 or self._full():
            self._worth_a_look.set()

    def holds(self, messages: int, size: int) -> bool:
        """Tell whether so many messages wait, or so many bytes."""
        return self._count >= messages or self._waiting_bytes >= size

    def clear(self) -> None:
        """Forget what waits; the broker will send it again."""
        for waiting in self._lanes:
            waiting.clear()
        self._count = self._waiting_bytes = 0

    async def take(self, *, messages_max: int, bytes_max: int, age_s_max: float) -> list[Envelope]:
        """Wait for a batch to close and return it, the oldest message first; never empty."""
        self._messages_max, self._bytes_max = messages_max, bytes_max
        while not self._full():
            patience_s = self._patience_s(age_s_max)
            if patience_s is not None and patience_s <= 0:
                break
            self._worth_a_look.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._worth_a_look.wait()
            except TimeoutError:
                continue
        return self._cut()

    def _full(self) -> bool:
        return self.holds(self._messages_max, self._bytes_max)

    def _patience_s(self, age_s_max: float) -> float | None:
        """Return how long the oldest message may still be kept; None where there is none."""
        arrived_s = [waiting[0][0] for waiting in self._lanes if waiting]
        if not arrived_s:
            return None
        return min(arrived_s) + age_s_max - self._clock.monotonic()

    def _cut(self) -> list[Envelope]:
        """Take what fits; a message that is larger than a batch makes one of its own."""
        batch: list[Envelope] = []
        room = self._bytes_max
        for each in Lane:
            waiting = self._lanes[each]
            if each is Lane.BACKFILL:
                room = min(room, BACKFILL_BYTES_MAX)
            while waiting and len(batch) < self._messages_max:
                _, size, envelope = waiting[0]
                if batch and size > room:
                    return batch
                room -= size
                self._count -= 1
                self._waiting_bytes -= size
                waiting.popleft()
                batch.append(envelope)
        assert batch, "a batch closes only when there is something in it"
        return batch
