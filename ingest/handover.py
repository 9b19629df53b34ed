"""Messages that the broker has sent and the pipeline has not asked for yet."""

import asyncio
from collections import deque

from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope


class Handover:
    """
    A queue that is emptied in batches; a batch closes on count, on bytes or on age.

    It takes whatever is put; whoever puts must bound that. What is put behind fills up what room
    others leave in a batch, so that live data never waits for it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: deque[tuple[float, Envelope]] = deque()
        self._behind: deque[tuple[float, Envelope]] = deque()
        self._waiting_bytes = 0
        self._messages_max = self._bytes_max = 1
        self._worth_a_look = asyncio.Event()

    def put(self, envelope: Envelope, *, behind: bool = False) -> None:
        """Add a message; wakes the taker only if this one starts or fills a batch."""
        (self._behind if behind else self._ahead).append((self._clock.monotonic(), envelope))
        self._waiting_bytes += len(envelope.payload)
        if self._count == 1 or self._full():
            self._worth_a_look.set()

    def clear(self) -> None:
        """Forget what waits; the broker will send it again."""
        self._ahead.clear()
        self._behind.clear()
        self._waiting_bytes = 0

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

    @property
    def _count(self) -> int:
        return len(self._ahead) + len(self._behind)

    def _full(self) -> bool:
        return self._count >= self._messages_max or self._waiting_bytes >= self._bytes_max

    def _patience_s(self, age_s_max: float) -> float | None:
        """Return how long the oldest message may still be kept; None where there is none."""
        arrived_s = [lane[0][0] for lane in (self._ahead, self._behind) if lane]
        if not arrived_s:
            return None
        return min(arrived_s) + age_s_max - self._clock.monotonic()

    def _cut(self) -> list[Envelope]:
        """Take what fits; a message that is larger than a batch makes one of its own."""
        batch: list[Envelope] = []
        room = self._bytes_max
        for lane in (self._ahead, self._behind):
            while lane and len(batch) < self._messages_max:
                size = len(lane[0][1].payload)
                if batch and size > room:
                    return batch
                room -= size
                self._waiting_bytes -= size
                batch.append(lane.popleft()[1])
        assert batch, "a batch closes only when there is something in it"
        return batch
