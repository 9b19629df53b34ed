"""
A daemon and a signer, each a process of its own that may be killed at any moment.

Whoever started one holds the other end of its line: the daemon tells each step of a command's life
before it commits it and after, asks for signatures and hands envelopes over, the signer tells when
it is about to commit, and both wait for an answer each time. So a kill hits them exactly there.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from commands.approvals import ControlApprovals
from commands.codecs import Answer, Command
from commands.dispatcher import Dispatcher
from commands.machine import Event
from commands.requests import ControlRequests
from commands.signer import Signed, SignerRefusedError
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms.domain.controls import ControlState, ControlStep
from mdms.domain.errors import MdmsError
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.signer import SignerMemory
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.signer import open_signer_memory
from mdms.storage.unit_of_work import open_store
from tests.controls import AT
from tests.fakes import FakeClock
from tests.lawful import a_judge
from tests.meters import MASTER
from tests.signing import open_rules, supervisors

COMMITTING = "committing"
"""What a signer says before each of its commits; it waits for an answer."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Failed:
    """An error as it crosses a line."""

    kind: type[Exception]
    args: tuple[Any, ...]

    def error(self) -> Exception:
        return self.kind(*self.args)


class Mortal:
    """One process, and the line to it."""

    def __init__(self, body: Callable[..., None], *args: Any) -> None:
        self.line, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=body, args=(theirs, *args), daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is dead."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.line.close()


def signer(line: Connection, dsn: str, edition: str | None) -> None:
    """Be a signer until killed."""
    asyncio.run(_signer(line, dsn, edition))


async def _signer(line: Connection, dsn: str, edition: str | None) -> None:
    clock = FakeClock(AT)
    async with open_signer_memory(dsn, statement_timeout_s=30) as memory:

        @asynccontextmanager
        async def told() -> AsyncIterator[SignerMemory]:
            async with memory() as work:
                yield work
                line.send(COMMITTING)
                line.recv()

        local = LocalSigner(
            KeyRing({1: MASTER}), told, clock, open_rules(edition), supervisors=supervisors()
        )
        while True:
            name, now, *args = line.recv()
            clock.advance(now - clock.now())
            line.send(await _outcome(partial(getattr(local, name), *args)))


def daemon(line: Connection, dsn: str, edition: str | None, remote_open: bool) -> None:  # noqa: FBT001 - crosses processes by position
    """Be the part of the daemon that commands pass through, until killed."""
    asyncio.run(_daemon(line, dsn, edition, remote_open=remote_open))


async def _daemon(line: Connection, dsn: str, edition: str | None, *, remote_open: bool) -> None:
    clock = FakeClock(AT)
    judge = a_judge(edition, remote_open=remote_open)
    outside = _Outside(line)
    async with open_store(dsn, connections_max=2, statement_timeout_s=30) as store:
        told = partial(_told, store, outside)
        dispatcher = Dispatcher(told, clock, outside, outside, judge)
        requests = ControlRequests(told, clock, judge, on_request=dispatcher.wake)
        approvals = ControlApprovals(told, clock, judge, on_request=dispatcher.wake)

        async def run_due(*, woken: bool) -> None:
            if woken:
                dispatcher.wake()
            await dispatcher.run_due(clock.now())

        deeds: dict[str, Callable[..., Awaitable[Any]]] = {
            "request": requests.request,
            "cancel": requests.cancel,
            "approve": approvals.approve,
            "run_due": run_due,
        }
        while True:
            name, now, args, options = line.recv()
            clock.advance(now - clock.now())
            line.send(("done", await _outcome(partial(deeds[name], *args, **options))))


@dataclass
class _Outside:
    """Everything that a daemon has outside of its database: `Signer` and `CommandTransport`."""

    line: Connection

    def ask(self, *message: Any) -> Any:
        self.line.send(message)
        answer = self.line.recv()
        if isinstance(answer, Failed):
            raise answer.error()
        return answer

    async def sign(self, command: Command) -> Signed:
        signed: Signed = self.ask("sign", command)
        return signed

    async def verify(self, record: bytes) -> Answer:
        answer: Answer = self.ask("verify", record)
        return answer

    async def send(self, collector_id: int, envelope: bytes) -> None:
        self.ask("send", collector_id, envelope)


@dataclass
class _Changed:
    """An object with some attributes of our own."""

    inner: Any
    own: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.own[name] if name in self.own else getattr(self.inner, name)


@asynccontextmanager
async def _told(store: UnitOfWorkFactory, outside: _Outside) -> AsyncIterator[Any]:
    """Open a transaction that tells which rows of the table commands pass in it."""
    rows = []
    async with store() as work:
        controls = work.controls

        async def add_step(step: ControlStep) -> None:
            states = [each.state for each in await controls.steps(step.control_id)]
            await controls.add_step(step)
            rows.append(((states or [ControlState.DRAFT])[-1], Event(step.event)))
            outside.ask("passed", rows[-1], "written")

        yield _Changed(work, {"controls": _Changed(controls, {"add_step": add_step})})
    for row in rows:
        outside.ask("passed", row, "committed")


async def _outcome(deed: Callable[[], Awaitable[Any]]) -> Any:
    """Return what came of it; errors that are answers, too."""
    try:
        return await deed()
    except SignerRefusedError as error:
        return Failed(type(error), (error.refusals,))
    except PolicyRefusedError as error:
        return Failed(type(error), (error.refusals, error.control_id))
    except MdmsError as error:
        return Failed(type(error), error.args)
