"""
The daemon's side of the socket: the port `Signer` by asking the process that holds the keys.

One connection, made when it is needed and made anew when it is lost. A request that was lost with
it is asked once more at once: the signer gives the same bytes again, so asking twice signs once.
"""

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

from commands import codecs
from commands.codecs import Answer, Command
from commands.signer import QuarantinedError, Signed, SignerRefusedError
from commands.signing import protocol
from commands.signing.protocol import ProtocolError, Reply, Request
from mdms.domain.errors import DecodeError, OperatorError, RejectReason, UnavailableError
from mdms.ports.clock import Clock
from mdms.ports.signer import Trip
from mdms.telemetry import metrics

_ANSWER_S_MAX: Final = 15.0
"""Longer than the signer waits for a granted time, or for a connection to its database."""


class SocketSigner:
    """
    A signer in a process of its own.

    Args:
        path: Its socket.
        clock: What it is told about the time.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._numbers = itertools.count(1)
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    async def sign(self, command: Command) -> Signed:
        now = self._clock.now()
        reply = await self._ask(lambda number: protocol.Sign.of(number, command, now), "sign")
        match reply:
            case protocol.Signature():
                return Signed(reply.counter, reply.envelope)
            case protocol.Refused(quarantined=True):
                metrics.COMMAND_SIGNER_TRIPPED.set(1)
                raise QuarantinedError(reply.refusals)
            case protocol.Refused():
                raise SignerRefusedError(reply.refusals)
            case _:
                raise _misunderstood(reply)

    async def verify(self, record: bytes) -> Answer:
        answer = codecs.decode_answer(record)
        reply = await self._ask(lambda number: protocol.Verify(number, record), "verify")
        match reply:
            case protocol.Genuine():
                return answer
            case protocol.Forged():
                raise DecodeError(RejectReason.BAD_TAG, reply.detail)
            case _:
                raise _misunderstood(reply)

    async def standing_trip(self) -> Trip | None:
        """Return what stands against every open, if anything (UnavailableError: it is away)."""
        return _standing(await self._ask(protocol.Ask, "breaker"))

    async def release(self, supervisor: str, trip_id: UUID, proof: bytes) -> Trip | None:
        """
        Pass on a supervisor's word; return what still stands.

        Raises:
            OperatorError: The signer does not take it.
            UnavailableError: It is away.
        """
        reply = await self._ask(
            lambda number: protocol.Release(number, supervisor, trip_id, proof), "release"
        )
        return _standing(reply)

    async def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            await self._line.close()

    async def _ask(self, make: Callable[[int], Request], name: str) -> Reply:
        with metrics.COMMAND_SIGNER_SECONDS.time():
            try:
                async with asyncio.timeout(_ANSWER_S_MAX):
                    reply = await self._asked(make(next(self._numbers)))
            except (OSError, ProtocolError, TimeoutError) as error:
                metrics.COMMAND_SIGNER_REQUESTS.labels(name, "none").inc()
                raise UnavailableError(
                    f"the signer at {self._path} does not answer: {str(error) or 'no answer came'}"
                ) from error
        metrics.COMMAND_SIGNER_REQUESTS.labels(name, type(reply).__name__.lower()).inc()
        if isinstance(reply, protocol.Away):
            raise UnavailableError(reply.detail)
        return reply

    async def _asked(self, request: Request) -> Reply:
        line = await self._connected()
        try:
            return await line.ask(request)
        except ConnectionError:  # it was killed since we asked last
            line = await self._connected()
            return await line.ask(request)

    async def _connected(self) -> "_Line":
        async with self._connecting:
            if self._line is None or not self._line.open:
                metrics.COMMAND_SIGNER_CONNECTED.set(0)
                self._line = await _Line.to(self._path)
                metrics.COMMAND_SIGNER_CONNECTED.set(1)
            return self._line


class _Line:
    """One connection: who asked what, until the answer comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def to(cls, path: Path) -> "_Line":
        """Connect (OSError: nobody listens)."""
        return cls(*await asyncio.open_unix_connection(os.fspath(path)))

    @property
    def open(self) -> bool:
        """Whether the other side has not hung up."""
        return not self._listener.done()

    async def ask(self, request: Request) -> Reply:
        """Send a request and wait for its answer (ConnectionError: the line was cut)."""
        if not self.open:
            raise ConnectionResetError("the signer hung up")
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = answered
        try:
            self._writer.write(protocol.frame(request))
            await self._writer.drain()
            return await answered
        finally:
            del self._waiting[request.number]

    async def close(self) -> None:
        """Hang up."""
        self._listener.cancel()
        await asyncio.wait({self._listener})

    async def _listen(self) -> None:
        error: Exception = ConnectionResetError("the signer hung up")
        try:
            while (reply := await protocol.next_reply(self._reader)) is not None:
                waiting = self._waiting.get(reply.number)
                if waiting is not None and not waiting.done():  # else nobody waits any more
                    waiting.set_result(reply)
        except ProtocolError as unreadable:
            error = unreadable
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(error)
            self._writer.close()


def _standing(reply: Reply) -> Trip | None:
    match reply:
        case protocol.Breaker():
            metrics.COMMAND_SIGNER_TRIPPED.set(reply.trip is not None)
            return reply.trip
        case protocol.Denied():
            raise OperatorError(reply.detail)
        case _:
            raise _misunderstood(reply)


def _misunderstood(reply: Reply) -> UnavailableError:
    return UnavailableError(f"the signer answered with {type(reply).__name__}: is it ours?")
