"""
Commands to meters: what may be asked, how far each has come, what the meter said.

The wire's numbers are those of headend.md 2.7; the states are its life, which
`commands.machine` holds as a table.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from mdms.domain.registry import Commodity
from mdms.domain.time import to_epoch_us


class Action(StrEnum):
    """What an operator asks for."""

    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"
    ARM = "arm"
    RADIO_OFF = "radio_off"
    RADIO_ON = "radio_on"
    READ = "read"
    PING = "ping"


SWITCHING = frozenset({Action.DISCONNECT, Action.RECONNECT, Action.ARM})
"""Actions that move the service switch."""


class Opcode(IntEnum):
    """Byte 4 of a command envelope."""

    OPEN = 1
    CLOSE = 2
    ARM = 3
    RADIO_OFF = 4
    RADIO_ON = 5
    READ_NOW = 6
    SWITCH_STATUS = 7
    SET_TIME = 8
    PING = 9


OPCODE_OF = {
    Action.DISCONNECT: Opcode.OPEN,
    Action.RECONNECT: Opcode.CLOSE,
    Action.ARM: Opcode.ARM,
    Action.RADIO_OFF: Opcode.RADIO_OFF,
    Action.RADIO_ON: Opcode.RADIO_ON,
    Action.READ: Opcode.READ_NOW,
    Action.PING: Opcode.PING,
}


class SwitchPosition(IntEnum):
    """Byte 20 of an answer."""

    NONE = 0
    OPEN = 1
    CLOSED = 2
    ARMED = 3


class Result(StrEnum):
    """How a command ended; the first twelve are byte 5 of an answer, in this order."""

    OK = "OK"
    NACK_MAC = "NACK_MAC"
    NACK_REPLAY = "NACK_REPLAY"
    NACK_EXPIRED = "NACK_EXPIRED"
    NACK_CLOCK = "NACK_CLOCK"
    LOAD_SIDE_VOLTAGE = "LOAD_SIDE_VOLTAGE"
    SWITCH_FAIL_OPEN = "SWITCH_FAIL_OPEN"
    SWITCH_FAIL_CLOSE = "SWITCH_FAIL_CLOSE"
    SWITCH_LOCKED = "SWITCH_LOCKED"
    NO_SWITCH = "NO_SWITCH"
    HOT = "HOT"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    NO_REPLY = "NO_REPLY"
    COLLECTOR_DOWN = "COLLECTOR_DOWN"
    METER_CHANGED = "METER_CHANGED"
    RADIO_DISABLED = "RADIO_DISABLED"
    RADIO_OFF_VIOLATION = "RADIO_OFF_VIOLATION"
    POLICY_CHANGED = "POLICY_CHANGED"
    PREEMPTED = "PREEMPTED"


WIRE_RESULTS = tuple(Result)[:12]
"""Result by byte 5 of an answer."""


class ControlState(StrEnum):
    """How far a command has come."""

    DRAFT = "DRAFT"
    POLICY_OK = "POLICY_OK"
    POLICY_DENIED = "POLICY_DENIED"
    APPROVED_1 = "APPROVED_1"
    APPROVED_2 = "APPROVED_2"
    QUARANTINED = "QUARANTINED"
    SIGNED = "SIGNED"
    SENT = "SENT"
    COLLECTOR_ACK = "COLLECTOR_ACK"
    METER_ACK = "METER_ACK"
    VERIFIED = "VERIFIED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    RECONCILED = "RECONCILED"


READY = frozenset({ControlState.POLICY_OK, ControlState.APPROVED_1, ControlState.APPROVED_2})
"""Nothing forbids it: it is to be signed, or waits for what its refusals name."""

WAITING = READY | {ControlState.QUARANTINED, ControlState.SIGNED}
"""Nothing has left the house: such a command can still be taken back."""

ON_ITS_WAY = frozenset({ControlState.SENT, ControlState.COLLECTOR_ACK, ControlState.METER_ACK})
"""Sent and not ended."""

UNRESOLVED = WAITING | ON_ITS_WAY | {ControlState.UNKNOWN}
"""While a meter has one of these, no second switch command may be made for it."""


ENDED = frozenset(ControlState) - UNRESOLVED - {ControlState.DRAFT} | {ControlState.UNKNOWN}
"""Nothing more is done for it; of an unknown one the meter may still speak."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why the rules forbid a command, and what would cure it."""

    code: str
    clause: str
    cure: str
    next_possible_at: datetime | None = None
    """When waiting alone cures it; None when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDeviceControl:
    """
    A command to one meter, from its request to its outcome.

    Attributes:
        control_id: UUIDv7; the command_id of the envelope that carries the command.
        badge: Meter, as it stood at the premise when the command was requested, with
            `serial`, `radio_id`, `key_id`, `usage_point_id` and `commodity`.
        order: Reference of a work or service order in another system; may be empty.
        role: In which role it was asked for.
        evidence: Identifier of the record that proves the cause; may be empty.
        item: Item of Rule 9.D that an immediate disconnect rests on; may be empty.
        batch_id: The list that it was asked for with; None: it was asked for alone.
        requested_by: Name of the caller's token.
        not_before: The meter acts no earlier.
        not_after: The meter acts no later: an end that policy sets; while the command waits for
            somebody, how long it waits.
        result: Why it ended as it did; None while it has not, and for a refused one.
        refusals: Every reason why it was refused or is held back; empty for all others.
        deadline: Until when a reconnect is owed to the customer; None: none is known.
        due_at: When the dispatcher must look at it next; None when it has ended.
        attempt_count: Attempts with the command's own envelope; a second and a third re-send it.
        probe_count: Attempts to read the switch state after the meter had not answered.
        collector_ids: Collectors asked in the attempt in hand, the current one last.
        accepted: Whether a collector took the command in any attempt.
        sent_at: First handed to a collector.
        answered_at: When the meter acted, by its own clock.
        verified_at: When answer, switch and load-side voltage were found as they must be.
        register: Register at `answered_at`, quanta.
    """

    control_id: UUID
    action: Action
    badge: str
    serial: str
    radio_id: int
    key_id: int
    usage_point_id: str
    commodity: Commodity
    cause: str
    order: str
    reason: str
    requested_by: str
    requested_at: datetime
    not_before: datetime
    not_after: datetime
    role: str = ""
    evidence: str = ""
    item: str = ""
    batch_id: UUID | None = None
    state: ControlState = ControlState.DRAFT
    result: Result | None = None
    refusals: tuple[Refusal, ...] = ()
    deadline: datetime | None = None
    due_at: datetime | None = None
    attempt_count: int = 0
    probe_count: int = 0
    collector_ids: tuple[int, ...] = ()
    accepted: bool = False
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    verified_at: datetime | None = None
    switch: SwitchPosition | None = None
    line_voltage: bool | None = None
    load_side_voltage: bool | None = None
    register: int | None = None

    @property
    def mains_powered(self) -> bool:
        """Whether the meter listens all the time; battery meters listen after they talk."""
        return self.commodity is Commodity.ELECTRIC


@dataclass(frozen=True, slots=True)
class ControlApproval:
    """Somebody's yes to a command that another has asked for."""

    control_id: UUID
    name: str
    role: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ControlStep:
    """One entry of a command's history: what happened, and where that led."""

    control_id: UUID
    number: int
    at: datetime
    event: str
    state: ControlState
    actor: str
    """Name of a token, or of the part that acted: dispatcher, signer, collector 17, meter."""
    detail: str


@dataclass(frozen=True, slots=True)
class SignedEnvelope:
    """64 bytes that a meter obeys; signed once, sent as often as needed."""

    command_id: UUID
    control_id: UUID
    opcode: Opcode
    counter: int
    envelope: bytes
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Optout:
    """A meter whose customer opted out of its radio; in force until `ended_at`."""

    optout_id: UUID
    badge: str
    from_at: datetime
    reason: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None = None
    ended_by: str = ""


def new_id(at: datetime) -> UUID:
    """Return a UUIDv7 (RFC 9562): milliseconds of `at`, then 74 random bits."""
    milliseconds = to_epoch_us(at) // 1000
    bits = secrets.randbits(74)
    high, low = bits >> 62, bits & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def first_id(at: datetime) -> UUID:
    """Return an id that none of those made earlier than `at` is greater than."""
    return UUID(int=to_epoch_us(at) // 1000 << 80)
