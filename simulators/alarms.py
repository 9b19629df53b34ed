"""What meters report unasked: event frames, who heard them, and the truth about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from mdms.domain.readings import Int64
from simulators.city import City
from simulators.encoders import EVENT, Frames
from simulators.keys import Keys
from simulators.links import NOISE_DBM
from simulators.radio import SNR_CLIP_DB, Radio


class EventCode(IntEnum):
    """What happened, as far as simulated meters tell."""

    POWER_FAIL = 1
    RESTORED = 2
    SWITCH_CHANGED = 13
    SWITCH_FAILED = 14
    LOAD_SIDE_VOLTAGE = 16
    AUTH_FAILURE = 21
    REPLAY_SEEN = 22


_INFORMATION, _WARNING, _ALARM, _SAFETY = range(4)
_SEVERITY = {
    EventCode.POWER_FAIL: _ALARM,
    EventCode.RESTORED: _INFORMATION,
    EventCode.SWITCH_CHANGED: _SAFETY,
    EventCode.SWITCH_FAILED: _SAFETY,
    EventCode.LOAD_SIDE_VOLTAGE: _SAFETY,
    EventCode.AUTH_FAILURE: _WARNING,
    EventCode.REPLAY_SEEN: _WARNING,
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a meter (position in the city)."""

    meter: int
    at_s: int
    code: EventCode
    sub: int = 0
    value: int = 0


@dataclass(slots=True)
class EventLog:
    """Every event of a run, reported or not, and whether a broker has a frame of it."""

    events: list[Event] = field(default_factory=list)
    acknowledged: list[bool] = field(default_factory=list)

    def add(self, event: Event) -> int:
        """Write an event down and return its row."""
        self.events.append(event)
        self.acknowledged.append(False)
        return len(self.events) - 1

    def acknowledge(self, rows: Sequence[int]) -> None:
        """Note that the broker has frames of these."""
        for row in rows:
            self.acknowledged[row] = True


@dataclass(frozen=True, slots=True)
class Alarms:
    """
    Event frames that collectors heard, one row per copy.

    Attributes:
        frames: As on the wire.
        collector: Collector id.
        row: In the event log.
    """

    frames: Frames
    collector: Int64
    row: Int64

    @classmethod
    def together(cls, parts: Sequence["Alarms"]) -> "Alarms":
        """Return the copies of several."""
        return cls(
            np.concatenate([part.frames for part in parts]),
            np.concatenate([part.collector for part in parts]),
            np.concatenate([part.row for part in parts]),
        )


class Reporter:
    """Turns events into the frames that collectors hear."""

    def __init__(self, city: City, radio: Radio, keys: Keys | None) -> None:
        self._meters, self._radio, self._keys = city.registry.meters, radio, keys

    def frame(self, event: Event, register: int) -> Frames:
        """Return one frame as the meter sends it, each repetition the same."""
        meter = self._meters[event.meter]
        frame = np.zeros(1, EVENT)
        frame["meter_id"] = meter.radio_id
        frame["t_event"] = event.at_s + self._radio.clock_error_s[event.meter]
        frame["code"], frame["sub"] = event.code, event.sub
        frame["severity"], frame["value"] = _SEVERITY[event.code], event.value
        frame["seq"] = self._radio.count_message(event.meter)
        frame["register"] = register
        if self._keys is not None:
            tag = self._keys.tag(meter.radio_id, meter.key_id, frame.tobytes()[:60])
            frame["tag"] = int.from_bytes(tag, "little")
        return frame

    def heard(self, event: Event, frame: Frames, row: int) -> Alarms:
        """Return the copies of a frame that the collectors in range have."""
        listeners = self._radio.listeners(event.meter)
        levels = np.array([level for _, level in listeners])
        frames = np.repeat(frame, len(listeners))
        frames["rssi"] = np.rint(levels * 10)
        frames["snr"] = np.rint(np.clip(levels - NOISE_DBM, *SNR_CLIP_DB))
        collectors = np.array([collector_id for collector_id, _ in listeners], np.int64)
        return Alarms(frames, collectors, np.full(len(listeners), row))
