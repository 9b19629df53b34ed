"""
One process takes reads; others stand by, and the next one begins when it is gone.

Two at once would take the broker's session from each other, and do everything twice. Whatever only
one may do begins when the turn is ours (`mdms.storage.turn`) and ends before anybody else's can
begin: who comes next gives a predecessor that may still live the time to notice.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

import structlog

from mdms.app.tasks import Tasks, to_its_end
from mdms.domain.errors import UnavailableError
from mdms.domain.turns import Process
from mdms.ports.clock import Clock
from mdms.storage.turn import NOTICE_S
from mdms.telemetry import metrics

TRY_S: Final = 1.0

log = structlog.get_logger()


class Broker(Protocol):
    """A message source's connection, `ingest.mqtt.MqttSource`: there from entering to leaving."""

    async def until_connected(self) -> None:
        """Return once messages can come."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Turn(Protocol):
    """The right to take reads, which one process has at a time: `mdms.storage.turn.Turn`."""

    async def take(self) -> bool: ...
    async def last(self) -> Process | None: ...
    async def sign(self) -> None: ...
    async def lost(self) -> None: ...
    async def leave(self) -> None: ...


class Tenure:
    """
    Waits for the turn, has it, loses it, and waits again.

    Args:
        turn: Ours or another process's.
        broker: Connected only while the turn is ours.
        begin: Starts all that only one process does; called anew each time.
        clock: For waiting.
    """

    def __init__(
        self,
        turn: Turn,
        broker: Broker,
        begin: Callable[[Tasks], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._turn, self._broker, self._begin, self._clock = turn, broker, begin, clock
        self._waiting = asyncio.Event()

    @property
    def stands_by(self) -> bool:
        """Whether another process takes reads, or may not have noticed yet that it must not."""
        return self._waiting.is_set()

    async def until_known(self) -> None:
        """Return when the broker is there, or another process has the turn."""
        ways = {
            asyncio.ensure_future(self._waiting.wait()),
            asyncio.ensure_future(self._broker.until_connected()),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()

    async def forever(self) -> None:
        """Wait, serve, and wait again; cancelled, finish what is in hand and leave."""
        try:
            while True:
                try:
                    await self._until_ours()
                    await self._serve()
                except UnavailableError as error:
                    log.warning("ingest.turn.unknown", error=str(error))
                    await self._clock.sleep(TRY_S)
        finally:
            await to_its_end(self._turn.leave())

    async def _until_ours(self) -> None:
        while not await self._turn.take():
            self._stand_by(await self._turn.last())
            await self._clock.sleep(TRY_S)
        before = await self._turn.last()
        if before is not None and before != this_process() and not is_gone(before):
            self._stand_by(before)
            await self._clock.sleep(NOTICE_S)
        await self._turn.sign()
        if self.stands_by:
            log.warning("ingest.turn.taken", after=str(before or "nobody"))
        self._waiting.clear()
        metrics.INGEST_STANDBY.set(0)

    def _stand_by(self, before: Process | None) -> None:
        if not self.stands_by:
            log.warning("ingest.standby", taken_by=str(before or "a process that starts"))
        self._waiting.set()
        metrics.INGEST_STANDBY.set(1)

    async def _serve(self) -> None:
        tasks = Tasks()
        try:
            async with self._broker:
                try:
                    tasks.watch(lost := asyncio.create_task(self._turn.lost()))
                    if await self._is_connected_before(lost):
                        await self._begin(tasks)
                    await tasks.until(asyncio.Event())
                except asyncio.CancelledError:
                    await to_its_end(tasks.end())  # what is in hand is stored and acknowledged
                    raise
            assert lost.done(), "no other part ends by itself"
            log.warning("ingest.turn.lost")
        finally:
            await to_its_end(tasks.end())  # what is in hand comes again, here or elsewhere

    async def _is_connected_before(self, lost: asyncio.Task[None]) -> bool:
        connected = asyncio.create_task(self._broker.until_connected())
        try:
            await asyncio.wait({connected, lost}, return_when=asyncio.FIRST_COMPLETED)
            return connected.done()
        finally:
            connected.cancel()


def this_process() -> Process:
    """Return what others know this process by."""
    return Process(socket.gethostname(), os.getpid(), _pid_space())


def is_gone(process: Process) -> bool:
    """Tell whether a process has ended for sure; of one that we cannot see nobody knows."""
    if not process.pid_space or process.pid_space != _pid_space():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _pid_space() -> str:
    if sys.platform != "linux":
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
