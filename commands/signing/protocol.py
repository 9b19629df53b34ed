"""
What daemon and signer say to each other: MessagePack in frames of a bounded length.

One request, one answer, matched by number; several may be under way. Nothing here is secret, and
nothing is believed: the signer judges by what it sees itself.
"""

import asyncio
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from commands.codecs import Command, CommandFlag
from mdms.domain.controls import Opcode, Refusal
from mdms.ports.signer import Trip

FRAME_BYTES_MAX: Final = 65_536
_LENGTH_BYTES: Final = 4


class ProtocolError(Exception):
    """The other side does not speak as it should; the connection is of no more use."""


class Sign(msgspec.Struct, frozen=True, tag=True):
    """Sign this command; the caller believes it to be `stated_at`."""

    number: int
    stated_at: datetime
    radio_id: int
    opcode: int
    flags: int
    key_id: int
    not_before: datetime
    not_after: datetime
    command_id: UUID

    @classmethod
    def of(cls, number: int, command: Command, stated_at: datetime) -> "Sign":
        """Return a command as a request."""
        return cls(
            number=number,
            stated_at=stated_at,
            radio_id=command.radio_id,
            opcode=command.opcode,
            flags=command.flags,
            key_id=command.key_id,
            not_before=command.not_before,
            not_after=command.not_after,
            command_id=command.command_id,
        )

    def command(self) -> Command:
        """
        Return the command that is to be signed.

        Raises:
            ProtocolError: There is no such command.
        """
        try:
            return Command(
                radio_id=self.radio_id,
                opcode=Opcode(self.opcode),
                flags=CommandFlag(self.flags),
                key_id=self.key_id,
                not_before=self.not_before,
                not_after=self.not_after,
                command_id=self.command_id,
            )
        except ValueError as error:
            raise ProtocolError(str(error)) from error


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Tell whether a meter made this answer."""

    number: int
    record: bytes


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Tell how the breaker stands."""

    number: int


class Release(msgspec.Struct, frozen=True, tag=True):
    """A supervisor releases the breaker."""

    number: int
    supervisor: str
    trip_id: UUID
    proof: bytes


class Signature(msgspec.Struct, frozen=True, tag=True):
    """It is signed."""

    number: int
    counter: int
    envelope: bytes


class Refused(msgspec.Struct, frozen=True, tag=True):
    """It is not signed: by the rules, or because the breaker stands open."""

    number: int
    quarantined: bool
    refusals: tuple[Refusal, ...]


class Genuine(msgspec.Struct, frozen=True, tag=True):
    """The meter made the answer."""

    number: int


class Forged(msgspec.Struct, frozen=True, tag=True):
    """Somebody else made the answer."""

    number: int
    detail: str


class Breaker(msgspec.Struct, frozen=True, tag=True):
    """How the breaker stands; None: it is closed, opens are possible."""

    number: int
    trip: Trip | None


class Denied(msgspec.Struct, frozen=True, tag=True):
    """A release that is none."""

    number: int
    detail: str


class Away(msgspec.Struct, frozen=True, tag=True):
    """The signer cannot tell now: its memory is away."""

    number: int
    detail: str


_Message = TypeVar("_Message")

Request = Sign | Verify | Ask | Release
Reply = Signature | Refused | Genuine | Forged | Breaker | Denied | Away

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


def frame(message: Request | Reply) -> bytes:
    """Return a message with its length before it."""
    body = _encoder.encode(message)
    assert len(body) <= FRAME_BYTES_MAX, "what we say is short"
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def next_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request; None at the end (ProtocolError: it is none)."""
    body = await _next_body(reader)
    return None if body is None else _decoded(_requests, body)


async def next_reply(reader: asyncio.StreamReader) -> Reply | None:
    """Return the next reply; None at the end (ProtocolError: it is none)."""
    body = await _next_body(reader)
    return None if body is None else _decoded(_replies, body)


async def _next_body(reader: asyncio.StreamReader) -> bytes | None:
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if length > FRAME_BYTES_MAX:
            raise ProtocolError(f"a frame of {length} bytes; {FRAME_BYTES_MAX} are allowed")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], body: bytes) -> _Message:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"{len(body)} bytes that are no message: {error}") from error
