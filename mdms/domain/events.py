"""What meters and collectors report by themselves: alarms, restorations, resets."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final


class EventCode(IntEnum):
    """
    What happened; up to 22 as on the wire (headend notes 2.6), from 101 as the head-end found.

    A closed set: a code that is not here is a dead letter, not a guess.
    """

    POWER_FAIL = 1
    RESTORE = 2
    LOW_VOLTAGE = 3
    HIGH_VOLTAGE = 4
    TAMPER = 5
    TILT = 6
    REVERSE_ENERGY = 7
    LOW_BATTERY = 8
    LEAK = 9
    HIGH_FLOW = 10
    BACKFLOW = 11
    EMPTY_PIPE = 12
    SWITCH_CHANGED = 13
    SWITCH_FAILED = 14
    ARM_TIMED_OUT = 15
    LOAD_SIDE_VOLTAGE = 16
    HIGH_TEMPERATURE = 17
    CLOCK_SET = 18
    REGISTER_RESET = 19
    FIRMWARE_CHANGED = 20
    AUTH_FAILURE = 21
    REPLAY_SEEN = 22
    RADIO_OFF_VIOLATION = 101
    """A meter was heard whose radio should be silent."""
    COLLECTOR_RESET = 102
    """A collector counts its batches anew: it lost its state."""
    CLOCK_OFF = 103
    """A meter's newest interval is too old, or too young, for its clock to be right."""
    COLLECTOR_TAKEN_OVER = 104
    """A start of a collector that was over speaks again: two programs share one identity."""
    METER_FLOODS = 105
    """A meter sends more than any honest one can; what is beyond its quota was not read."""
    INTERVAL_OVERFLOW = 106
    """An interval was more than its frame can carry; `at` is its start, and it is missing."""
    USAGE_WHILE_OPEN = 107
    """A service that is confirmed off was used (V29) on the local day that starts at `at`."""


NOTICEABLE: Final = frozenset(
    {
        EventCode.TAMPER,
        EventCode.REVERSE_ENERGY,
        EventCode.LOW_BATTERY,
        EventCode.LEAK,
        EventCode.BACKFLOW,
        EventCode.REGISTER_RESET,
    }
)
"""What readings carry as bits, too, for as long as it lasts."""


class Severity(IntEnum):
    """How bad it is; an alarm is repeated until it is acknowledged."""

    INFORMATION = 0
    WARNING = 1
    ALARM = 2
    SAFETY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDeviceEvent:
    """
    One event of a meter, or of a collector where `badge` and `radio_id` are None.

    Attributes:
        collector_id: Who heard it, or whose it is; None where it was found in stored reads.
        badge: The meter that carried the radio then.
        radio_id: As on the wire.
        code: What happened.
        sub: Finer code, free per code; 0 if unused.
        at: When, by the device's clock.
        severity: How bad it is.
        cleared: It is over.
        value: By code, in 0.1 V, 0.1 °C, seconds, 0.1 gal/h or quanta; 0 if unused. Of a clock,
            what it is ahead of UTC, or what it was set forward by.
        register: Quanta on the register of channel 0; 0 where the device has none.
        seq: The meter's message counter; an acknowledgement names it.
        noticed: Told by a bit of a reading that was stamped at `at`; it began or ended before.
        received_at: When it reached the head-end.
        number: As the database counts them; 0 before it does.
    """

    collector_id: int | None
    badge: str | None
    radio_id: int | None
    code: EventCode
    sub: int = 0
    at: datetime
    severity: Severity
    cleared: bool = False
    value: int = 0
    register: int = 0
    seq: int = 0
    noticed: bool = False
    received_at: datetime
    number: int = field(default=0, compare=False)
