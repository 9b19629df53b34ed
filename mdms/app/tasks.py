"""The parts of a daemon as tasks: side by side while all is well, ended one after the other."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_CANCEL_AGAIN_S = 10.0


class Tasks:
    """The parts that run side by side; the first that fails ends them all."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, part: Coroutine[Any, Any, None]) -> None:
        """Run a part beside the others."""
        self.watch(asyncio.create_task(part))

    def watch(self, task: asyncio.Task[None]) -> None:
        """Take a part among the others that runs already."""
        self._tasks.append(task)

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the signal, or for the first part to end, which none does by itself."""
        signalled = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({signalled, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        for task in done - {signalled}:
            task.result()

    async def end(self) -> None:
        """Cancel the parts in the order in which they were started, one after the other."""
        for task in self._tasks:
            # asyncio.wait_for of Python 3.11, which libraries use, can swallow a cancellation.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_CANCEL_AGAIN_S)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait until work has ended, however often we are cancelled meanwhile; then be cancelled."""
    task = asyncio.create_task(work)
    was_cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            was_cancelled = True
    task.result()
    if was_cancelled:
        raise asyncio.CancelledError


@asynccontextmanager
async def ended_in_order() -> AsyncIterator[Tasks]:
    """Yield the tasks of a daemon; end them on leaving."""
    tasks = Tasks()
    try:
        yield tasks
    finally:
        await tasks.end()


def on_signal() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
