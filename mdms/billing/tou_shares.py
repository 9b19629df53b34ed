"""What the time-of-use buckets of a part hold, and what is made up where intervals are lacking."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mdms.billing.registers import IS_ESTIMATED_SHARE, IS_HELD
from mdms.billing.schedules import Span
from mdms.billing.service_parts import Part
from mdms.billing.tou import TouBuckets, UncountableError
from mdms.domain.readings import IntervalReads


@dataclass(frozen=True, slots=True)
class Shares:
    """
    Usage of a part by bucket [quanta].

    Attributes:
        quanta: All of it.
        estimated: What is made up of that.
        lacking: How many intervals never came; each counts as its bucket's mean.
    """

    quanta: Mapping[str, int]
    estimated: Mapping[str, int]
    lacking: int


def shares_of(part: Part, span: Span, reads: IntervalReads, grid: TouBuckets) -> Shares:
    """
    Return what each bucket holds of a part in the days of a rate schedule.

    A part that is billed by its registers alone is divided by the intervals that came all the
    same: those that are lacking, or held, are taken to be like the others of their bucket.

    Args:
        part: What is billed.
        span: The days.
        reads: Current intervals, sorted by channel and start, of any channels.
        grid: Buckets of its intervals.

    Raises:
        UncountableError: Something was used, and no interval of a bucket came.

    Source:
        vee.md 3.4.3: the total needs no intervals, time of use waits for them.
    """
    channel = part.channel
    came = span.intervals(reads, replace(channel, intervals_expected=True))
    if not channel.intervals_expected:
        came = came.take(~IS_HELD[came.status])
    quanta = dict(grid.sums(came))
    estimated = dict(grid.sums(came, counted=IS_ESTIMATED_SHARE[came.status]))
    if channel.intervals_expected:
        return Shares(quanta, estimated, 0)
    first_s, last_s = span.bounds(channel)
    due = grid.counts(np.arange(first_s, last_s, channel.interval_s))
    there = grid.counts(came.start_s)
    for bucket, count in due.items():
        lacking = count - there[bucket]
        if not lacking or not part.determinant.usage_quanta:
            continue
        if not there[bucket]:
            raise UncountableError(
                f"{channel.reading_type} of {channel.badge} is billed by registers, and none of "
                f"its {count} intervals of {bucket} says how much of it was used then"
            )
        made_up = round(quanta[bucket] * lacking / there[bucket])
        quanta[bucket] += made_up
        estimated[bucket] += made_up
    return Shares(quanta, estimated, sum(due.values()) - sum(there.values()))
