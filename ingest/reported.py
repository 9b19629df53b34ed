"""Events of a message: whose each is, and what is kept of meters that should be silent."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ingest.channels import ChannelIndex
from ingest.codecs.decoded import Decoded
from ingest.codecs.fnb1_events import EventFrame
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.readings import Int32
from mdms.domain.time import from_epoch_s
from mdms.ports.messages import UplinkMessage


@dataclass(slots=True)
class Reported:
    """What became of one message's event frames."""

    events: list[EndDeviceEvent] = field(default_factory=list)
    reasons: dict[int, tuple[RejectReason, str]] = field(default_factory=dict)
    """Why a frame is not used, by its position in the message."""
    silent: list[int] = field(default_factory=list)
    """Frames of meters that should not be heard; they must be blanked."""


def report(decoded: Decoded, channels: ChannelIndex) -> Reported:
    """Find whose the events are; of a meter that should be silent, only that it was heard."""
    reported = Reported()
    for frame in decoded.events:
        try:
            carrier = channels.meter(frame.radio_id, frame.at_s)
        except DecodeError as error:
            reported.reasons[frame.index] = error.reason, error.detail
            continue
        if carrier.radio_on:
            reported.events.append(_event(frame, carrier.badge, decoded.message))
        else:
            reported.silent.append(frame.index)
            reported.reasons[frame.index] = RejectReason.OPTED_OUT, f"radio {frame.radio_id}"
            reported.events.append(
                _violation(frame.radio_id, frame.at_s, carrier.badge, decoded.message)
            )
    return reported


def violations(
    decoded: Decoded, opted_out: Int32, channels: ChannelIndex
) -> Iterator[EndDeviceEvent]:
    """Yield the fact, and only that, for each reading frame of a meter that should be silent."""
    frames = decoded.frames
    for row in np.flatnonzero(np.isin(frames.index, opted_out)).tolist():
        radio_id, at_s = int(frames.radio_id[row]), int(frames.at_s[row])
        try:
            carrier = channels.meter(radio_id, at_s)
        except DecodeError:  # the frame is a dead letter for that already
            continue
        # A frame that only reaches back into the silent time was sent by right.
        if not carrier.radio_on:
            yield _violation(radio_id, at_s, carrier.badge, decoded.message)


def _event(frame: EventFrame, badge: str, message: UplinkMessage) -> EndDeviceEvent:
    return EndDeviceEvent(
        collector_id=message.collector_id,
        badge=badge,
        radio_id=frame.radio_id,
        code=frame.code,
        sub=frame.sub,
        at=from_epoch_s(frame.at_s),
        severity=frame.severity,
        cleared=frame.cleared,
        value=frame.value,
        register=frame.register,
        seq=frame.seq,
        received_at=message.received_at,
    )


def _violation(radio_id: int, at_s: int, badge: str, message: UplinkMessage) -> EndDeviceEvent:
    return EndDeviceEvent(
        collector_id=message.collector_id,
        badge=badge,
        radio_id=radio_id,
        code=EventCode.RADIO_OFF_VIOLATION,
        at=from_epoch_s(at_s),
        severity=Severity.WARNING,
        received_at=message.received_at,
    )
