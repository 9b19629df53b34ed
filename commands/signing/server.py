"""
The signer behind a Unix socket: private folder, private socket, known peer.

Whoever connects must be the user that may: ours, or the daemon's where it has one of its own. A
request that cannot be read ends its connection; what the signer refuses is an answer like others.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, assert_never

import structlog

from commands.signer import QuarantinedError, SignerRefusedError
from commands.signing import protocol
from commands.signing.local import LocalSigner
from commands.signing.protocol import ProtocolError, Reply, Request
from mdms.domain.errors import DecodeError, OperatorError, UnavailableError, UsageError

REQUESTS_MAX: Final = 32
"""Requests of one connection that are worked on at once; the rest waits in the socket."""

_PATH_BYTES_MAX: Final = 103
"""sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included."""
_CREDENTIALS = struct.Struct("3i")
_BACKLOG: Final = 16

log = structlog.get_logger()


@asynccontextmanager
async def listening(
    signer: LocalSigner, path: Path, *, peer_uid: int | None = None
) -> AsyncIterator[None]:
    """
    Answer at a socket until the context ends.

    Args:
        signer: Who answers.
        path: Of the socket. Its folder is made, closed to others.
        peer_uid: The daemon's user where it is not ours; then the folder is left as it is, and
            its group, which must be the daemon's, may use the socket.

    Raises:
        UsageError: The socket cannot be made there.
    """
    bound = _bound(path, shared=peer_uid is not None)
    allowed = {os.geteuid()} | ({peer_uid} if peer_uid is not None else set())
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_Connection(signer, reader, writer).run(allowed))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_unix_server(connected, sock=bound, backlog=_BACKLOG)
    try:
        yield
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _bound(path: Path, *, shared: bool) -> socket.socket:
    """Return a bound socket; nobody can connect before its rights are set, for none listens."""
    if len(os.fsencode(path)) > _PATH_BYTES_MAX:
        raise UsageError(f"[signer] socket may have {_PATH_BYTES_MAX} bytes: {path}")
    bound = socket.socket(socket.AF_UNIX)
    try:
        if not shared:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.chmod(0o700)
        path.unlink(missing_ok=True)  # of a signer that was killed
        bound.bind(os.fspath(path))
        path.chmod(0o660 if shared else 0o600)
    except OSError as error:
        bound.close()
        raise UsageError(f"no socket can be made at {path}: {error.strerror}") from error
    return bound


def _peer_uid(writer: asyncio.StreamWriter) -> int | None:
    """Return who connected; None where the platform does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    raw = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


class _Connection:
    def __init__(
        self, signer: LocalSigner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._signer = signer
        self._reader, self._writer = reader, writer
        self._room = asyncio.Semaphore(REQUESTS_MAX)

    async def run(self, allowed: set[int]) -> None:
        """Answer until the other side hangs up, or says what nobody understands."""
        uid = _peer_uid(self._writer)
        try:
            if uid is not None and uid not in allowed:
                log.error("signer.peer.refused", uid=uid)
                return
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._room.acquire()
                    request = await protocol.next_request(self._reader)
                    if request is None:
                        break
                    tasks.create_task(self._respond(request))
        except* ProtocolError as errors:
            log.exception("signer.request.unreadable", error=str(errors.exceptions[0]))
        finally:
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _respond(self, request: Request) -> None:
        try:
            reply = await self._reply(request)
        except UnavailableError as error:
            reply = protocol.Away(request.number, str(error))
        self._writer.write(protocol.frame(reply))
        with suppress(ConnectionError):  # who does not wait for an answer asks again
            await self._writer.drain()
        self._room.release()

    async def _reply(self, request: Request) -> Reply:
        match request:
            case protocol.Sign():
                return await self._sign(request)
            case protocol.Verify():
                try:
                    await self._signer.verify(request.record)
                except DecodeError as error:
                    return protocol.Forged(request.number, error.detail)
                return protocol.Genuine(request.number)
            case protocol.Ask():
                return protocol.Breaker(request.number, await self._signer.standing_trip())
            case protocol.Release():
                try:
                    standing = await self._signer.release(
                        request.supervisor, request.trip_id, request.proof
                    )
                except OperatorError as error:
                    return protocol.Denied(request.number, str(error))
                return protocol.Breaker(request.number, standing)
            case _:
                assert_never(request)

    async def _sign(self, request: protocol.Sign) -> Reply:
        try:
            signed = await self._signer.sign_at(request.command(), request.stated_at)
        except SignerRefusedError as error:
            quarantined = isinstance(error, QuarantinedError)
            return protocol.Refused(request.number, quarantined, error.refusals)
        return protocol.Signature(request.number, signed.counter, signed.envelope)
