"""The reading frames of many messages, read in one pass: a message alone is hardly worth one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ingest.clock_watch import Stamps
from ingest.codecs import fnb1_readings
from ingest.codecs.decoded import Opened
from ingest.codecs.frames import Frames
from ingest.tags import TagCheck
from mdms.domain.errors import RejectReason
from mdms.domain.readings import Bool, Int64
from mdms.domain.time import to_epoch_s

_PLACE_BITS: Final = 31


@dataclass(frozen=True, slots=True)
class Joined:
    """
    Frames of several messages in one set of columns.

    Attributes:
        messages: Those that were joined, all of readings.
        frames: Those that can be used, by meter; each meter's in the order of arrival.
        message: Position of each frame's message among these.
        has_refused: Of each message, whether frames of it cannot be used.
        stamps: When all frames were stamped and sent, the ones from the future included.
    """

    messages: Sequence[Opened]
    frames: Frames
    message: Int64
    has_refused: Bool
    stamps: Stamps


def join(messages: Sequence[Opened], tags: TagCheck | None) -> Joined:
    """
    Read the frames of batches of readings that came together.

    Args:
        messages: All of them with readings, and received at one time.
        tags: Checks meters' tags; None where no keys are known.
    """
    assert all(each.schema_id == fnb1_readings.SCHEMA_ID for each in messages), "readings only"
    counts = np.array([each.message.frame_count for each in messages], np.int64)
    begins = np.cumsum(counts) - counts
    order, body = _by_meter(b"".join(each.body for each in messages))
    sender = np.repeat(np.arange(len(messages)), counts)[order]
    received_s = to_epoch_s(messages[0].message.received_at) if messages else 0
    closed_s = np.array([each.closed_s for each in messages], np.float64)[sender]
    frames, refused = fnb1_readings.read(body, received_s, closed_s)
    unusable = [each.frame for each in refused]
    early = [each.frame for each in refused if each.reason is RejectReason.TIME_FUTURE]
    if tags is not None:
        wrong = tags.wrong(body, fnb1_readings.SCHEMA_ID)
        early = [frame for frame in early if frame not in wrong]
        frames = frames.take(~np.isin(frames.index, wrong)) if wrong else frames
        unusable += wrong
    has_refused = np.zeros(len(messages), np.bool_)
    has_refused[sender[unusable]] = True
    message = sender[frames.index]
    stamps = Stamps(frames.radio_id, frames.at_s, frames.interval_s, frames.lag_s, message)
    if early:
        read = fnb1_readings.stamps(body, np.array(early), closed_s)
        stamps = stamps.and_those(Stamps(*read, sender[early]))
    index = order[frames.index] - begins[message]
    frames = replace(frames, index=index.astype(np.int32))
    return Joined(messages, frames, message, has_refused, stamps)


def _by_meter(body: bytes) -> tuple[Int64, bytes]:
    """
    Return where each frame was, and the frames by meter: each one's in the order of arrival.

    All look-ups that follow go through memory in one direction: where there are a million
    channels, that halves their cost.
    """
    raw = np.frombuffer(body, fnb1_readings.READ)
    # Meter and place as one number each are sorted several times faster than places by meter.
    both = raw["meter_id"].astype(np.int64) << _PLACE_BITS | np.arange(len(raw))
    both.sort()
    order: Int64 = both & (1 << _PLACE_BITS) - 1
    return order, raw.take(order).tobytes()
