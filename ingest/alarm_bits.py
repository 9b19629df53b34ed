"""
Alarms that ride in readings: a bit in every frame while it lasts (headend notes 1.3 and 2.3).

A bit that rises is an event, one that falls is the same event cleared. The frame tells when it was
noticed, not when it began: where the meter's own event frame says the same, that one stands
(`mdms.ports.EventStore`). Power failures are not read from bits: which of a frame's intervals were
dark its flags say to validation, and a failure without an instant would make outages that never
were. Nor is "clock set", which does not say by how much.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from ingest.codecs import fnb1_readings
from ingest.joined import Joined
from mdms.domain.errors import DecodeError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.time import from_epoch_s, to_epoch_s

_ELECTRIC: Final = 1
_NIBBLE: Final = 4
_CHANNELS: Final = 0x0F


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Alarms of one meter that last.

    Attributes:
        bits: Of the newest frame.
        newest_s: Its stamp; what is not newer is a copy.
    """

    bits: int
    newest_s: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """What some frames say of alarms: news, and what lasts after them."""

    events: tuple[EndDeviceEvent, ...] = ()
    standing: Mapping[int, Standing] = field(default_factory=dict)


def standing(begun: Iterable[EndDeviceEvent]) -> Noticed:
    """Return what lasts by events that were noticed before a stop, so that their end is, too."""
    known = dict[int, Standing]()
    for event in begun:
        for bit, code in fnb1_readings.ALARM_CODES.items():
            if event.radio_id is not None and event.code in (code, _of_electricity(code)):
                before = known.get(event.radio_id, Standing(0, 0))
                newest_s = max(before.newest_s, to_epoch_s(event.at))
                known[event.radio_id] = Standing(before.bits | bit, newest_s)
    return Noticed(standing=known)


class AlarmBits:
    """Which meters' alarms last."""

    def __init__(self) -> None:
        self._standing: Mapping[int, Standing] = {}

    @property
    def noticed(self) -> Noticed:
        """What lasts now; `keep` takes it back."""
        return Noticed(standing=self._standing)

    def look(self, joined: Joined, resolved: Resolved, channels: ChannelIndex) -> Noticed:
        """
        Compare frames with what lasts; nothing is remembered before `keep`.

        Args:
            joined: Frames that can be used.
            resolved: Whose they are; those of nobody, and of silent meters, are passed over.
            channels: Who carries which radio.
        """
        frames = joined.frames
        alarmed = frames.radio_id[frames.alarms != 0]
        if not len(alarmed) and not self._standing:
            return self.noticed
        radio_ids = np.union1d(alarmed, np.array(list(self._standing), np.int64))
        of_interest = np.isin(frames.radio_id, radio_ids)
        of_interest &= resolved.register_channel != NO_CHANNEL
        standing, events = dict(self._standing), list[EndDeviceEvent]()
        rows = np.flatnonzero(of_interest)
        for row in rows[np.argsort(frames.at_s[rows], kind="stable")].tolist():
            radio_id, at_s = int(frames.radio_id[row]), int(frames.at_s[row])
            bits, before = int(frames.alarms[row]), standing.get(radio_id)
            if before is not None and at_s <= before.newest_s:
                continue
            if bits:
                standing[radio_id] = Standing(bits, at_s)
            elif before is not None:
                del standing[radio_id]
            if changed := bits ^ (before.bits if before else 0):
                events += _events(joined, row, changed, channels)
        return Noticed(tuple(events), standing)

    def keep(self, noticed: Noticed) -> None:
        """Remember what came of frames that are to be stored."""
        self._standing = noticed.standing


def _events(
    joined: Joined, row: int, changed: int, channels: ChannelIndex
) -> Iterator[EndDeviceEvent]:
    frames, message = joined.frames, joined.messages[joined.message[row]].message
    radio_id, at_s = int(frames.radio_id[row]), int(frames.at_s[row])
    try:
        carrier = channels.meter(radio_id, at_s)
    except DecodeError:  # its final read, at the very moment when it was removed
        return
    wire_channel = int(frames.wire_channel[row])
    for bit, code in fnb1_readings.ALARM_CODES.items():
        if changed & bit:
            yield EndDeviceEvent(
                collector_id=message.collector_id,
                badge=carrier.badge,
                radio_id=radio_id,
                code=_of_electricity(code) if wire_channel >> _NIBBLE == _ELECTRIC else code,
                at=from_epoch_s(at_s),
                severity=Severity.WARNING,
                cleared=not int(frames.alarms[row]) & bit,
                register=0 if wire_channel & _CHANNELS else int(frames.register[row]),
                noticed=True,
                received_at=message.received_at,
            )


def _of_electricity(code: EventCode) -> EventCode:
    return EventCode.REVERSE_ENERGY if code is EventCode.BACKFLOW else code
