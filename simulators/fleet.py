"""
The run itself: step by step, every collector publishes, and nobody goes on before all are ready.

Followers of the simulated clock answer every grant; a step is granted only after the broker
acknowledged everything that was published before its end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulators.air import Air
from simulators.collector import Collector, CounterFile
from simulators.ledger import Ledger

STEP_S = 900
_PROGRESS_STEPS = 16


class Uplink(Protocol):
    """Where a collector's batches go."""

    async def publish(self, collector_id: int, payload: bytes) -> None:
        """Return when the broker has the message and somebody is there to read it."""
        ...


class Pace(Protocol):
    """Who is told the time."""

    async def grant(self, step: int, at_s: int, seqs: Mapping[int, int]) -> None:
        """
        Let the followers go on to this instant, and return when all have.

        Args:
            step: Number of the step, from 0.
            at_s: Its end, seconds since 1970-01-01 UTC.
            seqs: Last acknowledged batch of each collector that has one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    step: int
    steps: int
    at_s: int
    frames: int
    messages: int
    done: bool


class Fleet:
    """All collectors over one city, in step."""

    def __init__(
        self,
        air: Air,
        *,
        collectors: Sequence[Collector],
        counters: CounterFile,
        ledger: Ledger,
        uplink: Uplink,
        pace: Pace,
    ) -> None:
        self._air, self._collectors = air, collectors
        self._counters, self._ledger = counters, ledger
        self._uplink, self._pace = uplink, pace
        self._start_s = air.now_s
        self._step = 0
        self._frames = self._messages = 0

    async def run(self, end_s: int, report: Callable[[Progress], None]) -> None:
        """Go from the start to an instant in steps of 15 minutes."""
        await self._pace.grant(0, self._start_s, {})
        for at_s in range(self._start_s + STEP_S, end_s + 1, STEP_S):
            await self._go_on(at_s)
            if self._step % _PROGRESS_STEPS == 0:
                report(self.progress(end_s, done=False))

    async def continue_until(self, end_s: int) -> None:
        """Go on to a later instant in steps of 15 minutes; the last one may be shorter."""
        while self._air.now_s < end_s:
            await self._go_on(min(self._air.now_s + STEP_S, end_s))

    async def keep_time(
        self, pause: Callable[[float], Awaitable[None]], monotonic: Callable[[], float]
    ) -> None:
        """Go on in steps of a second, one every real second, until cancelled."""
        begun_s, since = self._air.now_s, monotonic()
        while True:
            await pause(max(0.0, self._air.now_s + 1 - begun_s - (monotonic() - since)))
            await self._go_on(self._air.now_s + 1)

    def progress(self, end_s: int, *, done: bool) -> Progress:
        """Return how far it has come on the way to an instant."""
        steps = (end_s - self._start_s) // STEP_S
        return Progress(self._step, steps, self._air.now_s, self._frames, self._messages, done)

    async def _go_on(self, at_s: int) -> None:
        heard = self._air.step(at_s)
        self._ledger.settle()
        if len(heard):
            for collector in self._collectors:
                collector.close(heard, at_s)
            self._counters.keep({c.collector_id: c.seq for c in self._collectors})
        async with asyncio.TaskGroup() as sending:
            for collector in self._collectors:
                if collector.sendable(at_s):
                    sending.create_task(self._send(collector, at_s))
        self._step += 1
        seqs = {
            collector.collector_id: collector.acknowledged_seq
            for collector in self._collectors
            if collector.acknowledged_seq is not None
        }
        await self._pace.grant(self._step, at_s, seqs)

    async def _send(self, collector: Collector, at_s: int) -> None:
        for batch in collector.sendable(at_s):
            await self._uplink.publish(collector.collector_id, batch.payload)
            collector.acknowledge(batch)
            self._frames += batch.frame_count
            self._messages += 1
