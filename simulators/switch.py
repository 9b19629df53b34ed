"""
A meter that obeys: it believes nobody without the right code, acts once, and says what it did.

Time, power and radio are its surroundings; this module knows only the rules of the meter.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from mdms.domain.registry import Commodity, Meter
from simulators.envelopes import Answer, Command, Condition, Opcode, Position, Result

_CLOCK_S_MAX = 120
_GENERATOR_S = 600
"""Who feeds back starts the generator this long after the power went."""
_SWITCHING = {Opcode.OPEN, Opcode.CLOSE, Opcode.ARM}
_MOVING = {Opcode.OPEN, Opcode.CLOSE}


class Fault(StrEnum):
    """What is wrong with a meter."""

    FAIL_OPEN = "fail_open"
    FAIL_CLOSE = "fail_close"
    BACKFEED = "backfeed"
    MUTE = "mute"


class Code(StrEnum):
    """Why a meter complains about a command."""

    NOT_GENUINE = "not_genuine"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a command finds when it arrives.

    Attributes:
        at_s: True time, seconds since 1970-01-01 UTC.
        key: The meter's command key.
        level_dbm: How loud the command is.
        register: Of channel 0 [quanta].
        fault: What goes wrong this time, if anything.
    """

    at_s: int
    key: bytes
    level_dbm: float
    register: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    What came of a command.

    Attributes:
        answer: Never sent when the transmitter is off or the air loses it.
        acted: Whether the meter did something; False for a refusal or a repetition.
    """

    answer: Answer
    acted: bool
    complaint: Code | None = None


class SmartPoint:
    """
    A meter with its radio, as far as commands are concerned.

    Attributes:
        meter: Its registry row.
        position: Of the service switch.
        transmits: Whether its radio may talk.
    """

    def __init__(self, meter: Meter, commodity: Commodity, clock_error_s: int) -> None:
        self.meter = meter
        self.position = Position.CLOSED if meter.has_switch else Position.NONE
        self.transmits = True
        self._is_powered = commodity is Commodity.ELECTRIC
        self._clock_error_s = clock_error_s
        self._counter = 0
        self._last: Answer | None = None
        self._fed_from_s = inf

    @property
    def listens(self) -> bool:
        """Whether it can be reached at all: a silenced battery radio sleeps for good."""
        return self._is_powered or self.transmits

    def obey(self, command: Command, now: Surroundings) -> Reaction:
        """Do what a command says, if it is right to."""
        if not command.is_genuine(now.key) or command.key_id != self.meter.key_id:
            return Reaction(
                self._answer(command, now, Result.NACK_MAC), acted=False, complaint=Code.NOT_GENUINE
            )
        last = self._last
        if last is not None and (last.command.counter, last.command.command_id) == (
            command.counter,
            command.command_id,
        ):
            again = replace(last, condition=last.condition | Condition.REPEATED)
            return Reaction(again, acted=False)
        if command.counter <= self._counter:
            return Reaction(
                self._answer(command, now, Result.NACK_REPLAY), acted=False, complaint=Code.REPLAYED
            )
        refusal = self._untimely(command, now)
        if refusal is not None:
            return Reaction(self._answer(command, now, refusal), acted=False)
        self._counter = command.counter
        result = self._act(command, now)
        self._last = self._answer(command, now, result)
        return Reaction(self._last, acted=result is Result.OK)

    def close_late(self, at_s: int, register: int) -> Answer | None:
        """Close after a refusal, when the voltage that forbade it is gone, and say so."""
        if self._last is None or self._last.result is not Result.LOAD_SIDE_VOLTAGE:
            return None
        self._fed_from_s = inf
        self.position = Position.CLOSED
        return self._spontaneous(at_s, register)

    def press(self, at_s: int, register: int) -> Answer | None:
        """Close because somebody pressed the button of an armed meter, and say so."""
        if self.position is not Position.ARMED:
            return None
        self.position = Position.CLOSED
        return self._spontaneous(at_s, register)

    def _spontaneous(self, at_s: int, register: int) -> Answer:
        assert self._last is not None, "it was told to close, or to be armed"
        self._last = replace(
            self._last,
            result=Result.OK,
            acted_at=at_s,
            register=register,
            position=self.position,
            condition=self._condition(at_s),
        )
        return self._last

    def _untimely(self, command: Command, now: Surroundings) -> Result | None:
        if command.opcode in _MOVING and abs(self._clock_error_s) > _CLOCK_S_MAX:
            return Result.NACK_CLOCK
        if not command.not_before <= now.at_s <= command.not_after:
            return Result.NACK_EXPIRED
        return None

    def _act(self, command: Command, now: Surroundings) -> Result:
        if command.opcode in _SWITCHING and self.position is Position.NONE:
            return Result.NO_SWITCH
        match command.opcode:
            case Opcode.OPEN:
                return self._open(now)
            case Opcode.CLOSE:
                return self._close(now)
            case Opcode.ARM:
                if self.position is not Position.CLOSED:
                    self.position = Position.ARMED
            case Opcode.RADIO_OFF:
                self.transmits = False
            case Opcode.RADIO_ON:
                self.transmits = True
            case Opcode.READ_NOW | Opcode.SWITCH_STATUS | Opcode.PING:
                pass
            case _:
                return Result.NOT_SUPPORTED
        return Result.OK

    def _open(self, now: Surroundings) -> Result:
        if now.fault is Fault.FAIL_OPEN:
            return Result.SWITCH_FAIL_OPEN
        self.position = Position.OPEN
        if now.fault is Fault.BACKFEED:
            self._fed_from_s = now.at_s + _GENERATOR_S
        return Result.OK

    def _close(self, now: Surroundings) -> Result:
        if self.position is Position.CLOSED:
            return Result.OK
        if now.fault is Fault.BACKFEED:
            self._fed_from_s = min(self._fed_from_s, now.at_s)
        if self._is_fed(now.at_s):
            return Result.LOAD_SIDE_VOLTAGE
        if now.fault is Fault.FAIL_CLOSE:
            return Result.SWITCH_FAIL_CLOSE
        self.position = Position.CLOSED
        return Result.OK

    def _is_fed(self, at_s: int) -> bool:
        """Return whether somebody behind an open switch makes voltage."""
        return self.position is not Position.CLOSED and at_s >= self._fed_from_s

    def _condition(self, at_s: int) -> Condition:
        condition = Condition.LINE_VOLTAGE if self._is_powered else Condition(0)
        if self.position is Position.CLOSED or self._is_fed(at_s):
            condition |= Condition.LOAD_SIDE_VOLTAGE
        return condition if self.transmits else condition | Condition.SILENT_AFTER_THIS

    def _answer(self, command: Command, now: Surroundings, result: Result) -> Answer:
        return Answer(
            command,
            result,
            now.at_s,
            self.position,
            self._condition(now.at_s),
            now.level_dbm,
            now.register,
        )
