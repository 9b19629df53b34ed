"""A gate between one client and a broker: every packet passes it, and somebody may watch."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Self


class Packet(IntEnum):
    """Kinds of MQTT packets that carry messages; 3.1.1 and 5 have the same."""

    PUBLISH = 3
    PUBACK = 4


@dataclass(frozen=True, slots=True)
class Passing:
    """
    One packet at one client's gate.

    Attributes:
        client: Whose gate.
        upward: From the client to the broker; else down.
        kind: MQTT packet type.
    """

    client: str
    upward: bool
    kind: int


Watch = Callable[[Passing], Awaitable[bool]]
"""Called before a packet passes; False: it never does, and the connection ends."""


class Gate:
    """
    Listens for one client and passes its packets to a broker's port; use it as a context manager.

    Args:
        client: Name of the client.
        port: Of the broker.
        watch: Asked about each packet.
    """

    def __init__(self, client: str, port: int, watch: Watch) -> None:
        self._client, self._port, self._watch = client, port, watch
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the client connects to."""
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # it is dead: so is the connection
            writer.close()
            return
        ways = [
            asyncio.create_task(self._pass_on(reader, up_writer, upward=True)),
            asyncio.create_task(self._pass_on(up_reader, writer, upward=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.close()
            writer.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upward: bool
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                packet = await _next_packet(reader)
                if not await self._watch(Passing(self._client, upward, packet[0] >> 4)):
                    return
                writer.write(packet)
                await writer.drain()


async def _next_packet(reader: asyncio.StreamReader) -> bytes:
    """Return the next packet whole: a type, a length of seven bits a byte, and that many bytes."""
    head = await reader.readexactly(2)
    while head[-1] & 0x80:
        head += await reader.readexactly(1)
    length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(head[1:]))
    return head + await reader.readexactly(length)
