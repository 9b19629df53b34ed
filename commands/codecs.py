"""
Commands as bytes, and bytes as answers (headend.md 2.7): 48 bytes and an AES-128-CMAC each.

Pure: who holds keys and who may sign is the business of `commands.signer`.
"""

import hmac
import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from mdms.domain.controls import WIRE_RESULTS, Opcode, Result, SwitchPosition
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.time import from_epoch_s, to_epoch_s

RECORD_BYTES: Final = 64
ANSWER_SCHEMA: Final = 3
PROGRESS_SCHEMA: Final = 4
_SIGNED_BYTES: Final = 48

_COMMAND = struct.Struct("<IBBHQII16sII")
_ANSWER = struct.Struct("<IBBHQIBBh16sQ")
_PROGRESS = struct.Struct("<16sIBBHI36x")
assert _COMMAND.size == _ANSWER.size == _SIGNED_BYTES
assert _PROGRESS.size == RECORD_BYTES


class CommandFlag(IntFlag):
    """Byte 5 of an envelope."""

    NONE = 0
    REFUSE_ON_LOAD_SIDE_VOLTAGE = 1
    REFUSE_ON_CURRENT = 2
    RANDOM_DELAY = 4


class Stage(IntEnum):
    """How far a collector has come with a command."""

    ACCEPTED = 1
    ON_AIR = 2
    EXPIRED = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What one meter is told, before the counter is drawn and the code computed."""

    radio_id: int
    opcode: Opcode
    flags: CommandFlag
    key_id: int
    not_before: datetime
    not_after: datetime
    command_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a meter says it did; nothing in it may be believed before its code is verified.

    Attributes:
        acted_at: By the meter's clock.
        line_voltage: Whether the meter is supplied.
        load_side_voltage: Whether the customer's side of the switch is live.
        repeated: Told from the meter's memory: it did not act again.
        falls_silent: Its transmitter goes silent after this.
        heard_dbm: Level at which the meter heard the command.
        register: At `acted_at`, quanta.
    """

    radio_id: int
    opcode: Opcode
    result: Result
    key_id: int
    counter: int
    acted_at: datetime
    switch: SwitchPosition
    line_voltage: bool
    load_side_voltage: bool
    repeated: bool
    falls_silent: bool
    heard_dbm: float
    command_id: UUID
    register: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a collector says about a command; it carries no code and decides nothing."""

    command_id: UUID
    radio_id: int
    stage: Stage
    reason: int
    at: datetime


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the AES-128-CMAC (RFC 4493) of a message, 16 bytes."""
    code = CMAC(AES(key))
    code.update(message)
    return code.finalize()


def encode(command: Command, counter: int, key: bytes) -> bytes:
    """Return the 64-byte envelope of a command under a meter's key."""
    body = _COMMAND.pack(
        command.radio_id,
        command.opcode,
        command.flags,
        command.key_id,
        counter,
        to_epoch_s(command.not_before),
        to_epoch_s(command.not_after),
        command.command_id.bytes,
        0,
        0,
    )
    return body + cmac(key, body)


def decode_answer(record: bytes) -> Answer:
    """
    Read a record of schema 3; its last 16 bytes are not looked at.

    Raises:
        DecodeError: It is none.
    """
    _check_length(record)
    (radio_id, opcode, result, key_id, counter, acted_s, switch, bits, level, command_id,
     register) = _ANSWER.unpack_from(record)  # fmt: skip
    try:
        return Answer(
            radio_id=radio_id,
            opcode=Opcode(opcode),
            result=WIRE_RESULTS[result],
            key_id=key_id,
            counter=counter,
            acted_at=from_epoch_s(acted_s),
            switch=SwitchPosition(switch),
            line_voltage=bool(bits & 1),
            load_side_voltage=bool(bits & 2),
            repeated=bool(bits & 4),
            falls_silent=bool(bits & 8),
            heard_dbm=level / 10,
            command_id=UUID(bytes=command_id),
            register=register,
        )
    except (ValueError, IndexError) as error:
        raise DecodeError(RejectReason.BAD_VALUE, f"answer of radio {radio_id}: {error}") from error


def answer_is_genuine(record: bytes, key: bytes) -> bool:
    """Return whether a meter that holds this key made the answer."""
    return hmac.compare_digest(cmac(key, record[:_SIGNED_BYTES]), record[_SIGNED_BYTES:])


def decode_progress(record: bytes) -> Progress:
    """
    Read a record of schema 4.

    Raises:
        DecodeError: It is none.
    """
    _check_length(record)
    command_id, radio_id, stage, reason, _, at_s = _PROGRESS.unpack(record)
    try:
        return Progress(
            command_id=UUID(bytes=command_id),
            radio_id=radio_id,
            stage=Stage(stage),
            reason=reason,
            at=from_epoch_s(at_s),
        )
    except ValueError as error:
        raise DecodeError(RejectReason.BAD_VALUE, f"progress: {error}") from error


def _check_length(record: bytes) -> None:
    if len(record) != RECORD_BYTES:
        raise DecodeError(RejectReason.BAD_LENGTH, f"{len(record)} bytes instead of 64")
