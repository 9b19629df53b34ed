"""How much is loaded around target days, stage by stage, and how channels are cut into blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from mdms.domain.readings import Bool, Int32
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period
from vee.rules import RuleSet
from vee.scope import Scope

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


def wants_wider(
    scope: Scope,
    table: ChannelTable,
    stage: Stage,
    *,
    loaded: Period,
    last_day: date,
    known_at: datetime,
) -> Bool:
    """
    Return the channels that a wider stage would judge better, shape (channels,).

    Args:
        scope: What is judged of a block that was loaded as the stage says.
        table: Installations of its channels.
        stage: How much was loaded around the target days.
        loaded: The intervals that were.
        last_day: The last of the target days.
        known_at: Of what comes later, nothing can be known.
    """
    block = scope.examination.block
    slots, count = block.slots, len(block.channel_id)
    installed_s = np.full(count, np.iinfo(np.int64).max)
    row = np.searchsorted(block.channel_id, table.channel_id)
    np.minimum.at(installed_s, row, table.installed_s)
    inner_days = len(slots.days) - (slots.days[-1] - last_day).days + stage.reach_days
    wider = scope.needs_wider(
        earlier=installed_s < loaded.start_s,
        later=np.full(count, loaded.end_utc <= known_at),
        first_slot=int(slots.first[stage.context_days]),
        last_slot=int(slots.first[min(inner_days, len(slots.days))]),
        beside=stage.hours is None,
    )
    return wider if stage.context_days else wider | scope.has_gaps


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
