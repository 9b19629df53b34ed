"""
Commands and answers as meters read and write them: 48 bytes and their AES-128-CMAC.

Written from the format's description alone, apart from the head-end's own codec.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from simulators.keys import MAC_SIZE, cmac

ENVELOPE_SIZE = 64
_COMMAND = struct.Struct("<IBBHQII16sII")
_ANSWER = struct.Struct("<IBBHQIBBh16sQ")
_PROGRESS = struct.Struct("<16sIBBHI36x")
assert _COMMAND.size == _ANSWER.size == ENVELOPE_SIZE - MAC_SIZE, "a code follows 48 bytes"
assert _PROGRESS.size == ENVELOPE_SIZE, "records are of one size"


class Opcode(IntEnum):
    """What a meter is told to do."""

    OPEN = 1
    CLOSE = 2
    ARM = 3
    RADIO_OFF = 4
    RADIO_ON = 5
    READ_NOW = 6
    SWITCH_STATUS = 7
    SET_TIME = 8
    PING = 9


class Result(IntEnum):
    """How it went."""

    OK = 0
    NACK_MAC = 1
    NACK_REPLAY = 2
    NACK_EXPIRED = 3
    NACK_CLOCK = 4
    LOAD_SIDE_VOLTAGE = 5
    SWITCH_FAIL_OPEN = 6
    SWITCH_FAIL_CLOSE = 7
    SWITCH_LOCKED = 8
    NO_SWITCH = 9
    HOT = 10
    NOT_SUPPORTED = 11


class Position(IntEnum):
    """Where a service switch stands; `armed` is open and waits for a button."""

    NONE = 0
    OPEN = 1
    CLOSED = 2
    ARMED = 3


class Condition(IntFlag):
    """What a meter says about itself in an answer."""

    LINE_VOLTAGE = 1
    LOAD_SIDE_VOLTAGE = 2
    REPEATED = 4
    SILENT_AFTER_THIS = 8


class Stage(IntEnum):
    """How far a collector got with a command."""

    ACCEPTED = 1
    ON_AIR = 2
    EXPIRED = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class Command:
    """
    An envelope taken apart; nothing in it can be trusted before `is_genuine`.

    Attributes:
        opcode: May be one that this meter does not know.
        not_before: Start of its validity, seconds since 1970-01-01 UTC.
        not_after: End of its validity.
        signed: The bytes that `mac` covers.
    """

    radio_id: int
    opcode: int
    flags: int
    key_id: int
    counter: int
    not_before: int
    not_after: int
    command_id: bytes
    signed: bytes
    mac: bytes

    @classmethod
    def of(cls, envelope: bytes) -> "Command":
        """Take an envelope apart."""
        assert len(envelope) == ENVELOPE_SIZE, "the collector forwards whole envelopes only"
        signed, mac = envelope[: _COMMAND.size], envelope[_COMMAND.size :]
        radio_id, opcode, flags, key_id, counter, not_before, not_after, command_id, _, _ = (
            _COMMAND.unpack(signed)
        )
        return cls(
            radio_id, opcode, flags, key_id, counter, not_before, not_after, command_id, signed, mac
        )

    def is_genuine(self, key: bytes) -> bool:
        """Return whether the holder of the meter's key wrote it."""
        return cmac(key, self.signed) == self.mac


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a meter says to a command.

    Attributes:
        acted_at: When it acted, seconds since 1970-01-01 UTC.
        level_dbm: How loud the command was.
        register: Of channel 0 at that instant [quanta].
    """

    command: Command
    result: Result
    acted_at: int
    position: Position
    condition: Condition
    level_dbm: float
    register: int

    def packed(self, key: bytes) -> bytes:
        """Return the 64 bytes of schema 3."""
        command = self.command
        signed = _ANSWER.pack(
            command.radio_id,
            command.opcode,
            self.result,
            command.key_id,
            command.counter,
            self.acted_at,
            self.position,
            self.condition,
            round(self.level_dbm * 10),
            command.command_id,
            self.register,
        )
        return signed + cmac(key, signed)


def progress(command: Command, stage: Stage, at_s: int) -> bytes:
    """Return the 64 bytes of schema 4: what a collector says of a command."""
    return _PROGRESS.pack(command.command_id, command.radio_id, stage, 0, 0, at_s)
