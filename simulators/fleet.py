"""
The run itself: step by step, every collector publishes, and nobody goes on before all are ready.

Followers of the simulated clock answer every grant; a step is granted only after the broker
acknowledged everything that was published before its end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulators.collector import Collector, Sending, Topic
from simulators.counters import CounterFile
from simulators.field import Field, Order
from simulators.journal import Journal, Received, Step
from simulators.ledger import Ledger
from simulators.script import Director

STEP_S = 900
CALLED_STEP_S = 1
"""How far the step goes that follows somebody's call."""
SETTLE_S = 7_200
_PROGRESS_S = 4 * 3600


class Uplink(Protocol):
    """Collectors' way to the broker and back."""

    async def attend(self) -> None:
        """Return when every collector is connected and hears what it is told."""
        ...

    async def publish(self, collector_id: int, topic: Topic, payload: bytes) -> None:
        """Return when the broker has the message and somebody is there to read it."""
        ...

    async def announce(self, collector: Collector) -> None:
        """Say how a collector is."""
        ...

    def received(self) -> Sequence[Received]:
        """Return what collectors were told since the last call."""
        ...


class Pace(Protocol):
    """Who is told the time."""

    async def grant(
        self,
        step: int,
        at_s: int,
        seqs: Mapping[int, int],
        absent: Mapping[int, Sequence[int]],
    ) -> int:
        """
        Let the followers go on to this instant, and return when all have.

        Args:
            step: Number of the step, from 0.
            at_s: Its end, seconds since 1970-01-01 UTC.
            seqs: Last batch of each collector that has one.
            absent: Numbers since the last grant that do not arrive, by collector.

        Returns:
            How far the next step may go [s].
        """
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come; a step is 15 minutes here."""

    step: int
    steps: int
    at_s: int
    frames: int
    messages: int
    done: bool


class Fleet:
    """
    All collectors over one city, in step.

    Attributes:
        now_s: End of the last step that was played, seconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        field: Field,
        *,
        start_s: int,
        collectors: Sequence[Collector],
        counters: CounterFile,
        ledger: Ledger,
        uplink: Uplink,
        pace: Pace,
        director: Director,
        journal: Journal,
    ) -> None:
        self._field, self._director, self._journal = field, director, journal
        self._collectors = {collector.collector_id: collector for collector in collectors}
        self._counters, self._ledger = counters, ledger
        self._uplink, self._pace = uplink, pace
        self._start_s = self.now_s = start_s
        self._unheard: list[Received] = []
        self._step = 0
        self._step_s = STEP_S
        self._frames = self._messages = 0

    async def run(self, end_s: int, report: Callable[[Progress], None]) -> None:
        """Go from the start, or from where an earlier process was killed, to an instant."""
        await self._uplink.attend()
        if self._journal.past:
            await self._catch_up(self._journal.past)
        else:
            await self._pace.grant(0, self._start_s, {}, {})
        while self.now_s < end_s:
            await self._go_on(self._next_s(end_s))
            if (self.now_s - self._start_s) % _PROGRESS_S == 0:
                report(self.progress(end_s, done=False))

    async def settle(self) -> None:
        """Let two more hours pass in which nobody says anything new and nothing goes wrong."""
        for collector in self._collectors.values():
            collector.calm_down()
        for at_s in range(self.now_s + STEP_S, self.now_s + SETTLE_S + 1, STEP_S):
            self.now_s = at_s
            for each in self._uplink.received():
                if each.kind == "ctl":
                    self._collectors[each.collector_id].ask(each.payload, at_s)
            await self._publish(self._outgoing(at_s))
            for collector in self._collectors.values():
                await self._uplink.announce(collector)
            await self._grant(at_s)

    async def continue_until(self, end_s: int) -> None:
        """Go on to a later instant."""
        while self.now_s < end_s:
            await self._go_on(self._next_s(end_s))

    async def keep_time(
        self, pause: Callable[[float], Awaitable[None]], monotonic: Callable[[], float]
    ) -> None:
        """Go on in steps of a second, one every real second, until cancelled."""
        begun_s, since = self.now_s, monotonic()
        while True:
            await pause(max(0.0, self.now_s + 1 - begun_s - (monotonic() - since)))
            await self._go_on(self.now_s + 1)

    def progress(self, end_s: int, *, done: bool) -> Progress:
        """Return how far it has come on the way to an instant."""
        step, steps = ((at_s - self._start_s) // STEP_S for at_s in (self.now_s, end_s))
        return Progress(step, steps, self.now_s, self._frames, self._messages, done)

    def _next_s(self, end_s: int) -> int:
        """Return where the next step ends: on the quarter of an hour at the latest."""
        quarter_s = self.now_s - self.now_s % STEP_S + STEP_S
        return min(self.now_s + self._step_s, quarter_s, end_s)

    async def _go_on(self, at_s: int) -> None:
        called = await self._perform_calls()
        if called:
            at_s = min(at_s, self.now_s + CALLED_STEP_S)
        await self._uplink.attend()
        received = self._uplink.received()
        self._journal.step(at_s, received)
        await self._live(at_s, received)

    async def _perform_calls(self) -> bool:
        """Make the calls whose time has come, and return whether there were any."""
        called = False
        while (call := self._director.due(self.now_s)) is not None:
            self._journal.call()
            self._director.called += 1
            await self._director.perform(call, self.now_s)
            called = True
        return called

    async def _live(self, at_s: int, received: Sequence[Received]) -> None:
        """Play a step for all to see."""
        restarted = self._play(at_s, received)
        await self._publish(self._outgoing(at_s))
        for collector in restarted:
            await self._uplink.announce(collector)
        await self._grant(at_s)

    async def _catch_up(self, past: Sequence[Step]) -> None:
        """Play again what an earlier process played; only its last step may be unfinished."""
        for step in past[:-1]:
            self._play(step.at_s, step.received)
            for _, sendings in self._outgoing(step.at_s):
                self._note(sendings)
            self._step += 1
        self._director.called = self._journal.called
        await self._live(past[-1].at_s, past[-1].received)

    def _play(self, at_s: int, received: Sequence[Received]) -> Sequence[Collector]:
        """Let meters and collectors live through a step; return who started again."""
        self._director.spoil(self.now_s)
        collectors = self._collectors.values()
        gathered = self._field.step(at_s, self._orders(received))
        self.now_s = at_s
        self._ledger.settle()
        restarted = [collector for collector in collectors if collector.restart(at_s)]
        if not gathered.is_empty:
            for collector in collectors:
                collector.close(gathered, self._field.log, at_s)
            self._counters.keep({c.collector_id: c.seq for c in collectors})
        return restarted

    def _orders(self, received: Sequence[Received]) -> Sequence[Order]:
        """Return the envelopes that reach collectors now; what they are asked, they note."""
        orders = []
        told, self._unheard = [*self._unheard, *received], []
        for each in told:
            collector = self._collectors[each.collector_id]
            if not collector.is_reachable(self.now_s):
                self._unheard.append(each)
            elif each.kind == "cmd":
                orders.append(Order(each.collector_id, each.payload))
            else:
                collector.ask(each.payload, self.now_s)
        return orders

    def _outgoing(self, at_s: int) -> Sequence[tuple[int, Sequence[Sending]]]:
        return [(key, each.outgoing(at_s)) for key, each in self._collectors.items()]

    async def _publish(self, outgoing: Sequence[tuple[int, Sequence[Sending]]]) -> None:
        async with asyncio.TaskGroup() as sending:
            for collector_id, sendings in outgoing:
                if sendings:
                    sending.create_task(self._send(collector_id, sendings))

    async def _send(self, collector_id: int, sendings: Sequence[Sending]) -> None:
        for sending in sendings:
            await self._uplink.publish(collector_id, sending.topic, sending.payload)
            self._note([sending])

    def _note(self, sendings: Sequence[Sending]) -> None:
        for sending in sendings:
            sending.acknowledge()
            self._frames += sending.frame_count
            self._messages += 1

    async def _grant(self, at_s: int) -> None:
        self._step += 1
        collectors = self._collectors.items()
        seqs = {
            key: each.acknowledged_seq
            for key, each in collectors
            if each.acknowledged_seq is not None
        }
        absent = {key: each.absent for key, each in collectors if each.absent}
        self._step_s = await self._pace.grant(self._step, at_s, seqs, absent)
