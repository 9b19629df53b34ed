"""When the people behind a meter changed: nobody is estimated from others who lived there."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int32
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s, local_day


def arrivals(
    ids: Int32,
    table: ChannelTable,
    moves: Sequence[tuple[int, date]],
    days: Sequence[date],
    zone: ZoneInfo,
) -> Bool:
    """
    Return the days that began with other people, shape (channels, days).

    Args:
        ids: The channels, each once, rising.
        table: Their installations: a meter that is moved comes to other people.
        moves: Channel, and a day on which people moved in or out.
        days: Consecutive local days.
        zone: Where they begin.

    Source:
        vee.md 4.3: move-in resets history.
    """
    began = np.zeros((len(ids), len(days)), np.bool_)
    order = np.lexsort((table.installed_s, table.channel_id))
    of, point = table.channel_id[order], table.usage_point_id[order]
    brought = order[1:][(of[1:] == of[:-1]) & (point[1:] != point[:-1])]
    carried = [
        (int(table.channel_id[row]), local_day(from_epoch_s(int(table.installed_s[row])), zone))
        for row in brought.tolist()
    ]
    for channel_id, day in (*moves, *carried):
        row, column = int(np.searchsorted(ids, channel_id)), (day - days[0]).days
        if 0 <= column < len(days) and row < len(ids) and ids[row] == channel_id:
            began[row, column] = True
    return began
