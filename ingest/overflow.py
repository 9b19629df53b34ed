"""
Intervals that were more than a frame can carry: missing, and an event (headend notes 2.9).

A meter that says so measures what its registration never foresaw: a larger load, or a wrong scale.
"""

from collections.abc import Iterator

import numpy as np

from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from ingest.joined import Joined
from mdms.domain.errors import DecodeError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.readings import Int64
from mdms.domain.time import from_epoch_s


def overflows(
    joined: Joined, resolved: Resolved, channels: ChannelIndex
) -> Iterator[EndDeviceEvent]:
    """Yield an event for each such interval of a meter whose values may be known."""
    overflow = joined.frames.overflow
    if not overflow.any():
        return
    known = resolved.register_channel != NO_CHANNEL
    for row in np.flatnonzero(overflow.any(axis=1) & known).tolist():
        yield from _events(joined, row, np.flatnonzero(overflow[row]), channels)


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
