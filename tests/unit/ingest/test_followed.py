"""Steps of simulated time: held, released, reported done, whatever the order of arrival."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import pytest

from ingest import followed
from ingest.followed import FollowedClock, FollowedSource
from mdms.domain.errors import UnavailableError
from mdms.domain.time import EPOCH
from mdms.ports.messages import Envelope
from tests.fakes import FakeSource
from tests.messages import NOON, NOON_S, frame, message

TIME_TOPIC = "ami/v1/cpau/sim/time"
DONE_TOPIC = "ami/v1/cpau/sim/done"


class Line(FakeSource):
    """A source that falls silent instead of ending, and keeps what is published."""

    def __init__(self, *batches: Sequence[Envelope]) -> None:
        super().__init__(batches)
        self.published: list[tuple[str, dict[str, object]]] = []
        self.away_count = 0
        self.connected = True

    async def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        async for batch in super().batches(
            messages_max=messages_max, bytes_max=bytes_max, age_s_max=age_s_max
        ):
            yield batch
        await asyncio.Event().wait()

    async def publish(self, topic: str, payload: bytes) -> None:
        if self.away_count:
            self.away_count -= 1
            raise UnavailableError("away")
        self.published.append((topic, json.loads(payload)))


def read(seq: int, *, collector_id: int = 7, step: int = 1) -> Envelope:
    topic = f"ami/v1/cpau/col/{collector_id}/up/read"
    closed_us = (NOON_S + 900 * step) * 1_000_000
    payload = message(frame(), collector_id=collector_id, batch_seq=seq, batch_time_us=closed_us)
    return Envelope(topic, payload)


def done(step: int, step_s: int = 900) -> tuple[str, dict[str, object]]:
    return DONE_TOPIC, {"step": step, "who": "daemon", "step_s": step_s}


def grant(step: int, *, absent: Sequence[int] = (), **seq: int) -> Envelope:
    ends = {name.removeprefix("c"): last for name, last in seq.items()}
    t_us = (NOON_S + 900 * step) * 1_000_000
    granted = {"step": step, "t_us": t_us, "seq": ends, "absent": {"7": list(absent)}}
    return Envelope(TIME_TOPIC, json.dumps(granted).encode())


class Daemon:
    """Takes batches as the pipeline does and writes down what happens."""

    def __init__(self, line: Line, committed: dict[int, int] | None = None) -> None:
        self.line = line
        self.clock = FollowedClock()
        self.stored: list[tuple[datetime, list[Envelope]]] = []
        self.granted: list[datetime] = []
        self.source = FollowedSource(
            line, self.clock, utility="cpau", committed=committed or {}, on_granted=self.on_granted
        )

    async def on_granted(self, now: datetime) -> None:
        self.granted.append(now)

    async def run_until_done(self, steps: int, *, messages_max: int = 500) -> None:
        await self.run_until(lambda: len(self.line.published) >= steps, messages_max=messages_max)

    async def run_until(self, is_over: Callable[[], bool], *, messages_max: int = 500) -> None:
        async def run() -> None:
            async for batch in self.source.batches(
                messages_max=messages_max, bytes_max=1 << 20, age_s_max=1
            ):
                self.stored.append((self.clock.now(), list(batch)))
                await self.source.ack(batch)

        task = asyncio.create_task(run())
        try:
            async with asyncio.timeout(30):
                while not is_over():
                    await asyncio.wait({task}, timeout=0.001)
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_messages_are_held_until_the_grant_that_covers_them():
    first, second, allowed = read(1), read(2), grant(1, c7=2)
    line = Line([first], [second], [allowed])
    daemon = Daemon(line)

    await daemon.run_until_done(1)

    assert daemon.stored == [(NOON + timedelta(minutes=15), [first, second])]
    assert line.published == [done(1)]
    assert line.acked == [first, second, allowed]


async def test_a_step_is_not_over_while_somebody_stores_its_messages_and_asks_for_more():
    first, second, allowed = read(1), read(2), grant(1, c7=2)
    line = Line([first, second, allowed])
    daemon = Daemon(line)
    batches = daemon.source.batches(messages_max=1, bytes_max=1 << 20, age_s_max=1)

    taken = [await anext(batches), await anext(batches)]
    ahead = asyncio.ensure_future(anext(batches))
    await asyncio.wait({ahead}, timeout=0.01)
    before = list(daemon.granted), list(line.published)
    for batch in taken:
        await daemon.source.ack(batch)
    while not line.published:
        await asyncio.wait({ahead}, timeout=0.001)
    ahead.cancel()
    await asyncio.wait({ahead})

    assert before == ([], [])
    assert daemon.granted == [NOON + timedelta(minutes=15)]
    assert line.acked == [first, second, allowed]


async def test_a_grant_waits_for_every_message_that_it_names():
    messages = [read(2), read(1, collector_id=8), read(1)]
    daemon = Daemon(Line([grant(1, c7=2, c8=1)], *[[each] for each in messages]))

    await daemon.run_until_done(1)

    assert daemon.stored[0][1] == [messages[2], messages[0], messages[1]]


async def test_messages_of_the_next_step_are_not_released_with_this_one():
    early = read(2, step=2)
    daemon = Daemon(Line([early, read(1), grant(1, c7=1)], [grant(2, c7=2)]))

    await daemon.run_until_done(2)

    assert daemon.stored[1] == (NOON + timedelta(minutes=30), [early])


async def test_timers_run_at_the_granted_time_after_the_messages_are_acknowledged():
    daemon = Daemon(line := Line([read(1), grant(1, c7=1)]))
    acked_before = []

    async def on_granted(now: datetime) -> None:
        acked_before.append(len(line.acked))
        daemon.granted.append(now)

    daemon.source._on_granted = on_granted

    await daemon.run_until_done(1)

    assert daemon.granted == [NOON + timedelta(minutes=15)]
    assert acked_before == [1]


async def test_a_repeated_grant_is_answered_again():
    daemon = Daemon(line := Line([read(1), grant(1, c7=1)], [grant(1, c7=1)]))

    await daemon.run_until_done(2)

    assert [answer["step"] for _, answer in line.published] == [1, 1]
    assert len(daemon.stored) == 1


async def test_after_a_restart_a_step_that_was_stored_needs_no_messages():
    daemon = Daemon(line := Line([grant(4, c7=12)]), committed={7: 12})

    await daemon.run_until_done(1)

    assert line.published == [done(4)]


async def test_a_message_without_a_readable_header_counts_as_one_that_is_missing():
    broken = Envelope("ami/v1/cpau/col/7/up/read", b"junk")
    daemon = Daemon(Line([grant(1, c7=2)], [broken], [read(2)]))

    await daemon.run_until_done(1)

    assert broken in daemon.stored[0][1]
    assert len(daemon.stored[0][1]) == 2


@pytest.mark.parametrize("at", [16, 23, 24, 31, 70])
async def test_a_damaged_message_is_let_through_with_the_next_step(at):
    whole = read(1)
    damaged = bytearray(whole.payload)
    damaged[at] ^= 0x7F
    broken = Envelope(whole.topic, bytes(damaged))
    daemon = Daemon(Line([broken, grant(1, c7=1)]))

    await daemon.run_until_done(1)

    assert daemon.stored[0][1] == [broken]


async def test_of_two_counts_the_older_messages_come_first():
    old, new = read(500), read(1, step=2)
    daemon = Daemon(Line([new, old, grant(2, c7=1)]))

    await daemon.run_until_done(1)

    assert daemon.stored[0][1] == [old, new]


async def test_a_number_that_never_comes_holds_nothing_up_for_ever(monkeypatch):
    monkeypatch.setattr(followed, "HOLE_S_MAX", 0.01)
    daemon = Daemon(Line([read(2), grant(1, c7=2)]))

    await daemon.run_until_done(1)

    assert len(daemon.stored) == 1


async def test_a_large_step_comes_in_bounded_batches():
    daemon = Daemon(Line([*[read(seq) for seq in range(1, 8)], grant(1, c7=7)]))

    await daemon.run_until_done(1, messages_max=3)

    assert [len(batch) for _, batch in daemon.stored] == [3, 3, 1]


async def test_an_answer_is_repeated_until_the_broker_takes_it():
    line = Line([grant(1)])
    line.away_count = 1

    await Daemon(line).run_until_done(1)

    assert line.published == [done(1)]


async def test_a_grant_that_cannot_be_read_is_dropped():
    junk = Envelope(TIME_TOPIC, b"{}")
    line = Line([junk], [grant(1)])

    await Daemon(line).run_until_done(1)

    assert junk in line.acked


def test_the_clock_never_goes_back():
    clock = FollowedClock()
    assert clock.now() == EPOCH

    clock.advance(NOON)
    clock.advance(NOON - timedelta(days=1))

    assert clock.now() == NOON


async def test_waiting_is_real():
    clock = FollowedClock()
    before_s = clock.monotonic()

    await clock.sleep(0.001)

    assert clock.monotonic() > before_s
    assert clock.now() == EPOCH


async def test_what_was_not_sent_is_not_waited_for():
    daemon = Daemon(line := Line([read(2), grant(1, absent=[1], c7=2)]))

    await daemon.run_until_done(1)

    assert line.published == [done(1)]


async def test_what_comes_after_its_step_needs_no_other_grant():
    overdue = read(2)
    line = Line([read(1), grant(1, c7=1)], [overdue])
    daemon = Daemon(line)

    await daemon.run_until(lambda: len(daemon.stored) == 2)

    assert daemon.stored[1] == (NOON + timedelta(minutes=15), [overdue])


async def test_what_was_stored_before_its_grant_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(followed, "HOLE_S_MAX", 60)
    of_a_slow_clock = read(2, step=0)
    daemon = Daemon(line := Line([read(1), grant(1, c7=1)], [of_a_slow_clock], [grant(2, c7=2)]))

    await daemon.run_until_done(2)

    assert daemon.stored[1] == (NOON + timedelta(minutes=15), [of_a_slow_clock])
    assert line.published == [done(1), done(2)]


async def test_nothing_is_given_up_while_the_broker_is_away(monkeypatch):
    monkeypatch.setattr(followed, "HOLE_S_MAX", 0.01)
    line = Line([read(2), grant(1, c7=2)])
    line.connected = False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Daemon(line).run_until_done(1)

    assert line.published == []


async def test_a_collector_that_lost_its_count_is_followed_from_its_new_one():
    daemon = Daemon(
        line := Line([read(1), grant(1, c7=1)], [grant(2, c7=2)], [read(2, step=2)]),
        committed={7: 500},
    )

    await daemon.run_until_done(2)

    assert line.published == [done(1), done(2)]
    assert [len(batch) for _, batch in daemon.stored] == [1, 1]


async def test_a_state_comes_after_the_messages_that_it_speaks_of():
    state = Envelope("ami/v1/cpau/col/7/state", b"{}")
    daemon = Daemon(Line([state, read(1), grant(1, c7=1)]))

    await daemon.run_until_done(1)

    assert daemon.stored[0][1][-1] == state


async def test_the_answer_says_how_long_the_next_step_may_be():
    daemon = Daemon(line := Line([grant(1)]))
    daemon.source._wanted_step_s = lambda: 1

    await daemon.run_until_done(1)

    assert line.published == [done(1, step_s=1)]


@pytest.mark.parametrize("missing", [1, 2])
async def test_a_step_that_is_incomplete_is_not_granted(missing):
    daemon = Daemon(line := Line([read(1), grant(1, c7=1 + missing)]))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await daemon.run_until_done(1)

    assert line.published == []
