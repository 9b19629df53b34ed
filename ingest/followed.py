"""
Following a simulation's time (design D18): demo and tests only.

The simulator publishes a step's messages and then grants the step's time, naming the last
message of each collector. The broker keeps no order between topics, so messages are held until
the grant that covers them, and a grant until its messages are all here or something was lost:
backfill will bring it, and what is late needs no grant any more. Then the clock moves,
they are stored, timers that are due run, and only then is the step reported done and the grant
acknowledged: a kill at any point repeats the step, and nothing happens twice.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec
import structlog

from ingest.backoff import pauses
from ingest.held import Grant, Held
from mdms.domain.errors import UnavailableError
from mdms.domain.time import EPOCH, from_epoch_us, to_epoch_us
from mdms.ports.messages import Envelope, MessageSource

FOLLOWER: Final = "daemon"
HOLE_S_MAX: Final = 0.5
"""A message that does not come within this real time was lost; one that is late needs no grant."""
STEP_S: Final = 900
"""Length of the next step when nothing asks for a shorter one."""
_PAUSE_S_MAX = 1.0

log = structlog.get_logger()


class AnsweringSource(MessageSource, Protocol):
    """A source through which one can also answer."""

    @property
    def connected(self) -> bool: ...
    async def publish(self, topic: str, payload: bytes) -> None: ...


class FollowedClock:
    """A clock whose civil time is granted from outside; before that it is 1970."""

    def __init__(self) -> None:
        self._now = EPOCH

    def now(self) -> datetime:
        """Return the time that was granted last."""
        return self._now

    def advance(self, to: datetime) -> None:
        """Move on to a granted time; one that has passed changes nothing."""
        self._now = max(self._now, to)

    def monotonic(self) -> float:
        """Return real time."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)  # noqa: TID251 - this is a clock


def simulated_time_topic(utility: str) -> str:
    """Return the topic of grants."""
    return f"ami/v1/{utility}/sim/time"


class FollowedSource:
    """A message source that yields the messages of one granted step after the other."""

    def __init__(
        self,
        source: AnsweringSource,
        clock: FollowedClock,
        *,
        utility: str,
        committed: Mapping[int, int],
        on_granted: Callable[[datetime], Awaitable[None]],
        wanted_step_s: Callable[[], int] = lambda: STEP_S,
    ) -> None:
        """
        Wrap a source that is subscribed to uplink topics and to grants.

        Args:
            source: Where messages and grants come from.
            clock: Moved on by each grant.
            utility: Code of the utility, part of each topic.
            committed: Highest batch_seq of each collector that is stored already.
            on_granted: Runs the timers that are due; called when a step's messages are stored.
            wanted_step_s: How long the next step may be, in simulated seconds.
        """
        self._source = source
        self._clock = clock
        self._time_topic = simulated_time_topic(utility)
        self._done_topic = f"ami/v1/{utility}/sim/done"
        self._held = Held(committed)
        self._grants: deque[tuple[Grant, Envelope]] = deque()
        self._on_granted = on_granted
        self._wanted_step_s = wanted_step_s
        self._request: asyncio.Task[Sequence[Envelope]] | None = None
        self._unstored_count = 0
        self._stored = asyncio.Event()

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        """Yield the messages of each step; they are acknowledged before the step is over."""
        del age_s_max  # a step is complete or it is not; it does not age
        self._unstored_count = 0  # who took them before has gone, and they come again
        arriving = self._source.batches(messages_max=messages_max, bytes_max=bytes_max, age_s_max=0)
        try:
            while True:
                now_us = to_epoch_us(self._clock.now())
                for batch in self._held.late(now_us, messages_max, bytes_max):
                    self._unstored_count += len(batch)
                    yield batch
                await self._until_stored()
                ready = await self._ready_grant(arriving)
                if ready is None:
                    continue
                grant, envelope = ready
                self._clock.advance(from_epoch_us(grant.t_us))
                for batch in self._held.release(grant, messages_max, bytes_max):
                    self._unstored_count += len(batch)
                    yield batch
                await self._until_stored()
                await self._on_granted(self._clock.now())
                await self._report_done(grant)
                await self._source.ack([envelope])
        finally:
            if self._request is not None:
                self._request.cancel()

    async def ack(self, batch: Sequence[Envelope]) -> None:
        """Acknowledge a step's messages."""
        await self._source.ack(batch)
        self._unstored_count -= len(batch)
        self._stored.set()

    async def _until_stored(self) -> None:
        """Wait for what was yielded: whoever stores it may ask for more meanwhile."""
        while self._unstored_count:
            self._stored.clear()
            await self._stored.wait()

    async def _ready_grant(
        self, arriving: AsyncIterator[Sequence[Envelope]]
    ) -> tuple[Grant, Envelope] | None:
        """Return a grant if every message that it names is here, else take what arrives next."""
        missing = self._held.missing(self._grants[0][0]) if self._grants else {}
        if self._grants and not missing:
            return self._grants.popleft()
        arrived = await self._arrived(arriving, HOLE_S_MAX if missing else None)
        if arrived is None:
            if not self._source.connected:
                return None  # nothing can come now, and then it will
            log.warning("followed.messages.missing", message_count=sum(missing.values()))
            return self._grants.popleft()
        for envelope in arrived:
            if envelope.topic == self._time_topic:
                await self._add_grant(envelope)
            else:
                self._held.add(envelope)
        return None

    async def _arrived(
        self, arriving: AsyncIterator[Sequence[Envelope]], timeout_s: float | None
    ) -> Sequence[Envelope] | None:
        """Return what comes next, or None if nothing comes in time."""
        if self._request is None:
            self._request = asyncio.create_task(_next(arriving))
        # A request that takes longer stays: to cancel it would end the generator behind it.
        done, _ = await asyncio.wait({self._request}, timeout=timeout_s)
        if not done:
            return None
        request, self._request = self._request, None
        return request.result()

    async def _add_grant(self, envelope: Envelope) -> None:
        try:
            grant = msgspec.json.decode(envelope.payload, type=Grant)
        except msgspec.MsgspecError as error:
            log.warning("followed.grant.unreadable", error=str(error))
            await self._source.ack([envelope])
        else:
            self._grants.append((grant, envelope))

    async def _report_done(self, grant: Grant) -> None:
        """Answer a grant; without the answer the simulation stands still."""
        answer = msgspec.json.encode(
            {"step": grant.step, "who": FOLLOWER, "step_s": self._wanted_step_s()}
        )
        for pause_s in pauses(_PAUSE_S_MAX):
            try:
                await self._source.publish(self._done_topic, answer)
            except UnavailableError as error:
                log.warning("followed.answer.delayed", error=str(error), pause_s=pause_s)
                await self._clock.sleep(pause_s)
            else:
                return


async def _next(arriving: AsyncIterator[Sequence[Envelope]]) -> Sequence[Envelope]:
    return await anext(arriving)
