"""The reads that joined frames hold: of each interval and register its channel, time and value."""

from dataclasses import replace
from typing import Final

import numpy as np

from ingest.channels import NO_CHANNEL, Resolved
from ingest.codecs.frames import Frames
from ingest.joined import Joined
from mdms.domain.readings import Int16, IntervalReads, RegisterReads, Source

BACKFILL: Final = "backfill"
"""The kind of a message that was asked for."""


def reads_of(
    joined: Joined, resolved: Resolved, recorded_us: int
) -> tuple[IntervalReads, RegisterReads]:
    """
    Return what may be stored, copies included.

    Args:
        joined: Frames of several messages.
        resolved: Whose readings they hold.
        recorded_us: When they are known, microseconds since 1970-01-01 UTC.
    """
    kinds = [message.message.kind for message in joined.messages]
    source = np.array(
        [Source.BACKFILL if kind == BACKFILL else Source.UPLINK for kind in kinds], np.int16
    )[joined.message]
    return (
        _intervals(joined.frames, resolved, source, recorded_us),
        _registers(joined.frames, resolved, source, recorded_us),
    )


def _intervals(
    frames: Frames, resolved: Resolved, source: Int16, recorded_us: int
) -> IntervalReads:
    # Oldest first: by then nearly all rows are in the order that everything after this wants.
    channel_id = resolved.interval_channel[:, ::-1]
    ours = channel_id != NO_CHANNEL
    reads = IntervalReads.raw(
        channel_id[ours],
        frames.start_s[:, ::-1][ours],
        frames.value[:, ::-1][ours],
        flags=frames.flags[:, ::-1][ours],
        recorded_us=recorded_us,
        source=Source.UPLINK,
    )
    return replace(reads, source=np.repeat(source, ours.sum(axis=1)))


def _registers(
    frames: Frames, resolved: Resolved, source: Int16, recorded_us: int
) -> RegisterReads:
    ours = resolved.register_channel != NO_CHANNEL
    reads = RegisterReads.raw(
        resolved.register_channel[ours],
        frames.at_s[ours],
        frames.register[ours],
        recorded_us=recorded_us,
        source=Source.UPLINK,
    )
    return replace(reads, source=source[ours])
