"""The parts of a daemon as tasks."""

import asyncio

import pytest

from mdms.app.tasks import to_its_end
from mdms.domain.errors import UnavailableError


async def test_what_must_end_ends_however_often_we_are_cancelled():
    done, go_on = list[str](), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.append("done")

    waiting = asyncio.create_task(to_its_end(work()))
    for _ in range(3):
        await asyncio.wait({waiting}, timeout=0.001)
        waiting.cancel()
    await asyncio.wait({waiting}, timeout=0.001)
    still_waiting = not waiting.done()
    go_on.set()
    await asyncio.wait({waiting})

    assert still_waiting
    assert waiting.cancelled()
    assert done == ["done"]


async def test_what_fails_at_the_end_is_told():
    async def work() -> None:
        raise UnavailableError("away")

    with pytest.raises(UnavailableError):
        await to_its_end(work())
