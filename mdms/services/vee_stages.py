"""How much is loaded around target days, stage by stage, and how channels are cut into blocks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Int32
from mdms.domain.registry import ChannelTable
from vee.rules import RuleSet

CELLS_MAX = 2_000_000
"""Channels times slots of a transaction."""

PART_CELLS = 600_000
"""Channels times slots at a time: about 90 MB, and three parts are on their way at once."""

SILENT_DAYS_MAX = 400
"""Between two registers further apart than this, nothing is filled."""

NEIGHBOURS_H = 4
"""Registers come more often: so far beside its day a bracket seldom reaches."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    How much is loaded around the target days.

    Attributes:
        reach_days: How far brackets may reach beyond the target.
        context_days: How many more days there are to estimate from; 0 leaves gaps for later.
        hours: Intervals are loaded only so far beside the target; None for all of these days.
        part_of: Parts are this many times smaller: where a day is judged in no time, connection and
            threads take turns sooner.
    """

    reach_days: int
    context_days: int
    hours: int | None = None
    part_of: int = 1

    def part_channels(self, slots: int) -> int:
        """Return how many channels of so many slots are judged at a time."""
        return max(1, PART_CELLS // (self.part_of * slots))


def stages(rules: RuleSet) -> tuple[Stage, ...]:
    """Return the stages to try, narrowest first; the last one decides."""
    how = rules.estimate
    context = how.reach_days + 1  # a day more: a bracket may be cut at the edge
    return (
        Stage(1, 0, NEIGHBOURS_H, part_of=2),
        Stage(1, 0),
        Stage(1, context),
        Stage(how.gap_days_max + 1, context),
        Stage(SILENT_DAYS_MAX, context),
    )


def parts(channel_ids: Int32, count_max: int) -> Iterator[Int32]:
    """Cut channels into parts of bounded size."""
    for start in range(0, len(channel_ids), count_max):
        yield channel_ids[start : start + count_max]


def meters_of(table: ChannelTable, channel_ids: Int32) -> Int32:
    """Return the channels of all meters that one of these channels belongs to, rising."""
    badges = table.badge[np.isin(table.channel_id, channel_ids)]
    return np.unique(table.channel_id[np.isin(table.badge, badges)])


def meter_parts(table: ChannelTable, channel_ids: Int32, count_max: int) -> Iterator[Int32]:
    """
    Cut channels into parts of bounded size that leave no meter's channels apart.

    Channels of one meter are judged by each other, so what is found must not hang on the cut.

    Args:
        table: Their installations.
        channel_ids: Each once.
        count_max: Channels of a part; a meter with more is a part of its own.
    """
    row = np.full(int(table.channel_id.max(initial=0)) + 1, -1)
    row[table.channel_id] = np.arange(len(table))
    _, meter = np.unique(table.badge[row[channel_ids]].astype(str), return_inverse=True)
    order = np.argsort(meter, kind="stable")
    ids, meter = channel_ids[order], meter[order]
    start = 0
    while start < len(ids):
        end = min(start + count_max, len(ids))
        if end < len(ids):
            first, last = np.searchsorted(meter, (meter[end], meter[end] + 1)).tolist()
            end = first if first > start else last
        yield np.sort(ids[start:end])
        start = end
