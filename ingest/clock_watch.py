"""
Meters whose clock is off, found by how old their newest interval is when they send it (V05).

A meter with a right clock sends an interval that ended less than an interval ago. One frame bounds
how far the clock can be off, and nothing is believed before a second, newer one of the same meter
agrees: what is replayed is never newer. Only meters under suspicion are remembered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Self

import numpy as np

from ingest.channels import ChannelIndex
from ingest.codecs.frames import UNTOLD
from mdms.domain.errors import DecodeError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.readings import Int32, Int64
from mdms.domain.time import from_epoch_s
from mdms.ports.messages import UplinkMessage

SUSPICIOUS_S: Final = 180
"""California's tolerance; what is nearer is no news."""
_AGAIN_S: Final = 6 * 3600
"""A clock that stays wrong is told of so often."""
_WORSE_S: Final = 60
"""And when it proves to be off by so much more."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """
    When frames were stamped and sent; columns of one length.

    Attributes:
        radio_id: Who sent it.
        at_s: Its stamp, by the meter's clock, seconds since 1970-01-01 UTC.
        interval_s: Length of an interval.
        lag_s: Age of the newest interval when it was sent, or UNTOLD.
        message: Position of its message.
    """

    radio_id: Int64
    at_s: Int64
    interval_s: Int32
    lag_s: Int64
    message: Int64

    def and_those(self, others: Self) -> Self:
        """Return these and others after them."""
        pairs = ((getattr(self, each.name), getattr(others, each.name)) for each in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, slots=True)
class Suspect:
    """
    A meter whose clock is off, as far as is known.

    Attributes:
        newest_s: Stamp of the newest frame that says so.
        offset_s: Least error that explains all of them: meter's clock less UTC.
        told_s: When it was told of last, None while one frame alone says so.
        told_offset_s: What was told.
    """

    newest_s: int
    offset_s: int
    told_s: int | None = None
    told_offset_s: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What some frames say of clocks: news, and who is under suspicion after them."""

    events: tuple[EndDeviceEvent, ...] = ()
    suspects: Mapping[int, Suspect] = field(default_factory=dict)


def least_offset_s(lag_s: Int64, interval_s: Int64) -> Int64:
    """
    Return the error of the clock that is nearest to none and explains each age of an interval.

    Args:
        lag_s: Age of the newest interval when it was sent.
        interval_s: Its length: a right clock gives ages of 0 to less than this.
    """
    return np.where(lag_s < 0, -lag_s, np.minimum(interval_s - lag_s, 0))


class ClockWatch:
    """Whose clock is under suspicion; forgotten at a stop, and seen again by the next stamps."""

    def __init__(self) -> None:
        self._suspects: Mapping[int, Suspect] = {}

    @property
    def suspected(self) -> Sighting:
        """What is suspected now; `keep` takes it back."""
        return Sighting(suspects=self._suspects)

    def look(
        self,
        stamps: Stamps,
        messages: Sequence[UplinkMessage],
        channels: ChannelIndex,
    ) -> Sighting:
        """
        Judge the clocks behind some frames; nothing is remembered before `keep`.

        Args:
            stamps: Of frames, also of those that intake refuses for coming from the future.
            messages: What the frames came in.
            channels: Who carries which radio; silent meters are passed over.
        """
        offset_s = least_offset_s(stamps.lag_s, stamps.interval_s.astype(np.int64))
        doubtful = np.abs(offset_s) > SUSPICIOUS_S
        if self._suspects:
            doubtful |= np.isin(stamps.radio_id, list(self._suspects))
        doubtful &= stamps.lag_s != UNTOLD
        if not doubtful.any():
            return Sighting(suspects=self._suspects)
        suspects, events = dict(self._suspects), []
        rows = np.flatnonzero(doubtful)
        for row in rows[np.argsort(stamps.at_s[rows], kind="stable")].tolist():
            radio_id = int(stamps.radio_id[row])
            sent_s = int(stamps.at_s[row] + stamps.lag_s[row])
            try:
                carrier = channels.meter(radio_id, sent_s)
            except DecodeError:  # the frame is a dead letter for that already
                continue
            if not carrier.radio_on:
                continue
            for value, cleared in _judge(suspects, stamps, row, int(offset_s[row]), sent_s):
                sender = messages[int(stamps.message[row])]
                events.append(
                    EndDeviceEvent(
                        collector_id=sender.collector_id,
                        badge=carrier.badge,
                        radio_id=radio_id,
                        code=EventCode.CLOCK_OFF,
                        at=from_epoch_s(sent_s),
                        severity=Severity.WARNING,
                        cleared=cleared,
                        value=value,
                        received_at=sender.received_at,
                    )
                )
        return Sighting(tuple(events), suspects)

    def keep(self, sighting: Sighting) -> None:
        """Remember what came of frames that have been stored."""
        self._suspects = sighting.suspects


def _judge(
    suspects: dict[int, Suspect], stamps: Stamps, row: int, offset_s: int, sent_s: int
) -> Iterator[tuple[int, bool]]:
    """Compare one frame with what is suspected of its meter; yield what is news, and if it ends."""
    radio_id, stamp_s = int(stamps.radio_id[row]), int(stamps.at_s[row])
    lag_s, interval_s = int(stamps.lag_s[row]), int(stamps.interval_s[row])
    suspect = suspects.get(radio_id)
    doubtful = abs(offset_s) > SUSPICIOUS_S
    if suspect is not None and doubtful and stamp_s <= suspect.newest_s:
        return  # a copy
    if suspect is not None and not _explains(suspect.offset_s, lag_s, interval_s):
        if suspect.told_s is not None:
            yield suspect.told_offset_s, True
        suspect = None
        del suspects[radio_id]
    if suspect is None:
        if doubtful:
            suspects[radio_id] = Suspect(stamp_s, offset_s)
        return
    worst = max(suspect.offset_s, offset_s, key=abs)
    old = suspect.told_s is None or sent_s - suspect.told_s >= _AGAIN_S
    if old or abs(worst - suspect.told_offset_s) > _WORSE_S:
        yield worst, False
        suspects[radio_id] = Suspect(stamp_s, worst, sent_s, worst)
    else:
        suspects[radio_id] = Suspect(stamp_s, worst, suspect.told_s, suspect.told_offset_s)


def _explains(offset_s: int, lag_s: int, interval_s: int) -> bool:
    """Return whether a clock as wrong as that, or worse, may have sent such an age."""
    return lag_s >= -offset_s if offset_s < 0 else interval_s - lag_s > offset_s
