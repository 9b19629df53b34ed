"""
Intervals that were more than a frame can carry: missing, and an event (headend notes 2.9).

A meter that says so measures what its registration never foresaw: a larger load, or a wrong scale.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from ingest.codecs import fnb1_readings
from ingest.joined import Joined
from mdms.domain.errors import DecodeError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.readings import Bool, Int64
from mdms.domain.time import from_epoch_s

_LOW_BITS: Final = 0x555555
"""Of each pair of quality bits; a pair of high without low says overflow."""
_POSITIONS: Final = np.arange(fnb1_readings.INTERVALS_MAX)


def overflows(
    joined: Joined, resolved: Resolved, channels: ChannelIndex
) -> Iterator[EndDeviceEvent]:
    """Yield an event for each such interval of a meter whose values may be known."""
    for number, opened in enumerate(joined.messages):
        quality = np.frombuffer(opened.body, fnb1_readings.READ)["q"].astype(np.int64)
        overflow = _overflow(quality)
        if not overflow.any():
            continue
        begin, end = np.searchsorted(joined.message, [number, number + 1])
        for row in range(int(begin), int(end)):
            places = np.flatnonzero(overflow[joined.frames.index[row]])
            if len(places) and resolved.register_channel[row] != NO_CHANNEL:
                yield from _events(joined, row, places, channels)


def _overflow(quality: Int64) -> Bool:
    """Return which intervals of each frame overflowed, shape (frames, width)."""
    told = quality >> 1 & ~quality & _LOW_BITS
    if not told.any():
        return np.zeros((0, 0), np.bool_)
    found: Bool = (told[:, None] >> 2 * _POSITIONS & 1).astype(np.bool_)
    return found


def _events(
    joined: Joined, row: int, places: Int64, channels: ChannelIndex
) -> Iterator[EndDeviceEvent]:
    frames, message = joined.frames, joined.messages[joined.message[row]].message
    radio_id = int(frames.radio_id[row])
    for place in places.tolist():
        at_s = int(frames.start_s[row, place])
        try:
            carrier = channels.meter(radio_id, at_s)
        except DecodeError:  # before it hung there
            continue
        yield EndDeviceEvent(
            collector_id=message.collector_id,
            badge=carrier.badge,
            radio_id=radio_id,
            code=EventCode.INTERVAL_OVERFLOW,
            at=from_epoch_s(at_s),
            severity=Severity.WARNING,
            received_at=message.received_at,
        )
