"""One process takes reads; who stands by begins when that one is gone, and not before."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from mdms.app.tasks import Tasks
from mdms.app.tenure import Tenure, is_gone, this_process
from mdms.domain.errors import UnavailableError
from mdms.domain.turns import Process
from mdms.storage.turn import NOTICE_S
from mdms.telemetry import metrics
from tests.fakes import FakeClock
from tests.messages import NOON

ELSEWHERE = Process("other", 7, "another kernel")


class Line:
    """A turn, a broker and the parts that need both, which write down what happens."""

    def __init__(self, *taken: bool | Exception, last: Process | None = None) -> None:
        self.said: list[str] = []
        self.clock = FakeClock(NOON)
        self.is_over, self.is_reachable = asyncio.Event(), asyncio.Event()
        self.is_reachable.set()
        self._taken, self._last = list(taken), last
        self.tenure = Tenure(self, self, self.begin, self.clock)

    # The turn.
    async def take(self) -> bool:
        await asyncio.create_task(nothing())  # others come to their turns
        taken = self._taken.pop(0) if len(self._taken) > 1 else self._taken[0]
        if isinstance(taken, Exception):
            raise taken
        return taken

    async def last(self) -> Process | None:
        return self._last

    async def sign(self) -> None:
        self._last = this_process()
        waited_s = (self.clock.now() - NOON).total_seconds()
        self.said.append(f"signed after {waited_s:g} s")

    async def lost(self) -> None:
        await self.is_over.wait()
        self.is_over.clear()

    async def leave(self) -> None:
        self.said.append("left")

    # The broker.
    async def until_connected(self) -> None:
        await self.is_reachable.wait()

    async def __aenter__(self) -> None:
        self.said.append("connected")

    async def __aexit__(self, *_: object) -> None:
        self.said.append("disconnected")

    # What only one may do.
    async def begin(self, tasks: Tasks) -> None:
        tasks.start(self._work())

    async def _work(self) -> None:
        try:
            self.said.append("working")
            await asyncio.Event().wait()
        finally:
            self.said.append("ended")

    async def runs_until(self, true: Callable[[], bool]) -> None:
        running = asyncio.create_task(self.tenure.forever())
        async with asyncio.timeout(30):
            while not true():
                await asyncio.wait({running}, timeout=0.001)
        running.cancel()
        await asyncio.wait({running})


async def nothing() -> None: ...


def pid_that_ended() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


async def test_what_is_in_hand_is_stored_and_acknowledged_before_we_leave():
    line = Line(True)

    await line.runs_until(lambda: "working" in line.said)

    assert line.said == [
        "signed after 0 s", "connected", "working", "ended", "disconnected", "left",
    ]  # fmt: skip


async def test_who_lost_the_turn_takes_no_message_more_and_tries_again():
    line = Line(True)

    def is_working_again() -> bool:
        if line.said[-1:] == ["working"] and "ended" not in line.said:
            line.is_over.set()
        return line.said.count("working") == 2

    await line.runs_until(is_working_again)

    assert line.said[:5] == ["signed after 0 s", "connected", "working", "disconnected", "ended"]


async def test_a_turn_that_ends_while_the_broker_is_away_is_given_up():
    line = Line(True)
    line.is_reachable.clear()
    line.is_over.set()

    await line.runs_until(lambda: line.said.count("connected") == 2)

    assert line.said[:3] == ["signed after 0 s", "connected", "disconnected"]
    assert "working" not in line.said


async def test_who_stands_by_touches_nothing_and_says_so():
    line = Line(False, last=ELSEWHERE)

    await line.runs_until(lambda: line.clock.now() > NOON)

    assert line.said == ["left"]
    assert line.tenure.stands_by
    assert metrics.INGEST_STANDBY._value.get() == 1


async def test_who_was_perhaps_only_cut_off_gets_time_to_notice():
    line = Line(False, True, last=ELSEWHERE)

    await line.runs_until(lambda: "working" in line.said)

    assert line.said[0] == f"signed after {1 + NOTICE_S:g} s"
    assert not line.tenure.stands_by
    assert metrics.INGEST_STANDBY._value.get() == 0


async def test_nobody_waits_for_a_process_that_has_ended():
    line = Line(True, last=replace(this_process(), pid=pid_that_ended()))

    await line.runs_until(lambda: "working" in line.said)

    assert line.said[0] == "signed after 0 s"


async def test_a_database_that_is_away_is_asked_again():
    line = Line(UnavailableError("away"), True)

    await line.runs_until(lambda: "working" in line.said)

    assert "connected" in line.said


async def test_a_part_that_fails_ends_it_all():
    line = Line(True)

    async def begin(tasks: Tasks) -> None:
        tasks.start(fail())

    async def fail() -> None:
        raise ValueError("a mistake")

    tenure = Tenure(line, line, begin, line.clock)

    with pytest.raises(ValueError, match="a mistake"):
        await tenure.forever()

    assert line.said[-2:] == ["disconnected", "left"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can tell")
def test_of_a_process_that_lives_or_is_elsewhere_nobody_says_that_it_is_gone():
    assert not is_gone(replace(this_process(), pid=os.getppid()))
    assert not is_gone(replace(this_process(), pid=1))
    assert not is_gone(ELSEWHERE)
