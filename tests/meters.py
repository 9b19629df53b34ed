"""A meter that obeys envelopes as headend.md 2.7 says, and a way to it that can lose things."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from commands import codecs
from commands.codecs import ANSWER_SCHEMA, PROGRESS_SCHEMA
from commands.signing.keys import meter_key
from mdms.domain.controls import Opcode, Result, SwitchPosition
from mdms.domain.errors import UnavailableError
from mdms.domain.time import to_epoch_s
from mdms.ports.controls import ReceivedAnswer

MASTER = bytes(range(16))
_COMMAND = struct.Struct("<IBBHQII16sII")
_ANSWER = struct.Struct("<IBBHQIBBh16sQ")
_PROGRESS = struct.Struct("<16sIBBHI36x")


@dataclass
class ObedientMeter:
    """Acts once for each counter; what a test sets makes it fail."""

    radio_id: int = 47622887
    switch: SwitchPosition = SwitchPosition.CLOSED
    load_side_voltage: bool = True
    counter: int = 0
    result: Result = Result.OK
    """Says this instead of OK, and does not act."""
    stuck: bool = False
    """Says OK, and does not act."""
    moves: list[tuple[Opcode, int]] = field(default_factory=list)
    stored: dict[bytes, bytes] = field(default_factory=dict)

    def is_meant(self, envelope: bytes) -> bool:
        """Return whether an envelope is for this meter: on the air there are others."""
        radio_id, *_ = _COMMAND.unpack(envelope[:48])
        return bool(radio_id == self.radio_id)

    def hear(self, envelope: bytes, now: datetime) -> bytes:
        """Return the answer to an envelope."""
        radio_id, opcode, _, key_id, counter, not_before, not_after, command_id, _, _ = (
            _COMMAND.unpack(envelope[:48])
        )
        key = meter_key(MASTER, self.radio_id)
        assert radio_id == self.radio_id
        assert codecs.cmac(key, envelope[:48]) == envelope[48:]
        if command_id in self.stored:
            return self.stored[command_id]
        result = self.result
        if counter <= self.counter:
            result = Result.NACK_REPLAY
        elif not not_before <= to_epoch_s(now) <= not_after:
            result = Result.NACK_EXPIRED
        else:
            self.counter = counter
            if result is Result.OK and not self.stuck:
                self._act(Opcode(opcode), counter)
        body = _ANSWER.pack(
            radio_id, opcode, list(Result).index(result), key_id, counter, to_epoch_s(now),
            self.switch, 1 | self.load_side_voltage << 1, -912, command_id, 41_902_118,
        )  # fmt: skip
        self.stored[command_id] = body + codecs.cmac(key, body)
        return self.stored[command_id]

    def _act(self, opcode: Opcode, counter: int) -> None:
        positions = {
            Opcode.OPEN: SwitchPosition.OPEN,
            Opcode.CLOSE: SwitchPosition.CLOSED,
            Opcode.ARM: SwitchPosition.ARMED,
        }
        if opcode in positions:
            self.switch = positions[opcode]
            self.load_side_voltage = opcode is Opcode.CLOSE
            self.moves.append((opcode, counter))


@dataclass
class Air:
    """
    `CommandTransport` to one meter; answers pile up in `heard` as ingest would store them.

    Attributes:
        lost: Whether an envelope on its way down is lost, by the number of the sending.
        mute: Whether the meter's answer is lost.
        deaf: Collectors that never say anything and pass nothing on.
        away: The broker is.
    """

    meter: ObedientMeter
    now: Callable[[], datetime]
    lost: Callable[[int], bool] = lambda _: False
    mute: Callable[[int], bool] = lambda _: False
    deaf: frozenset[int] = frozenset()
    away: bool = False
    sent: list[tuple[int, bytes]] = field(default_factory=list)
    heard: list[ReceivedAnswer] = field(default_factory=list)

    async def send(self, collector_id: int, envelope: bytes) -> None:
        if self.away:
            raise UnavailableError("the broker is away")
        self.sent.append((collector_id, envelope))
        if collector_id in self.deaf:
            return
        number = len(self.sent)
        self.heard.append(self.progress(collector_id, envelope))
        if self.lost(number):
            return
        answer = self.meter.hear(envelope, self.now())
        if not self.mute(number):
            self.heard.append(ReceivedAnswer(collector_id, ANSWER_SCHEMA, answer, self.now()))

    def progress(self, collector_id: int, envelope: bytes) -> ReceivedAnswer:
        """Return a collector's word that it has an envelope."""
        record = _PROGRESS.pack(
            envelope[24:40], self.meter.radio_id, 1, 0, 0, to_epoch_s(self.now())
        )
        return ReceivedAnswer(collector_id, PROGRESS_SCHEMA, record, self.now())
