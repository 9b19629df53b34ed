"""
Darkness: how much of each missing slot fell into an outage or an opening of the switch.

Leaks, too, are stretches of time, and found in the same way.
"""

import numpy as np

from mdms.domain.readings import Int64
from vee.block import SlotTable
from vee.evidence import Leaks
from vee.kernels.gaps import Cells, Float


def covered(cells: Cells, channel: Int64, from_s: Int64, until_s: Int64, slots: SlotTable) -> Float:
    """
    Return the share of each cell that spans of time cover.

    Args:
        cells: Slots to look at, sorted by channel and time.
        channel: Row of each span, shape (spans,).
        from_s: Start of each span, seconds since 1970-01-01 UTC.
        until_s: End of each span.
        slots: Columns of the block.

    Returns:
        0..1, shape (cells,); spans of one channel that overlap count once.
    """
    from_s = np.maximum(from_s, slots.start_s[0])
    until_s = np.minimum(until_s, slots.end_s)
    here = until_s > from_s
    channel, from_s, until_s = channel[here], from_s[here], until_s[here]
    if len(channel) == 0:
        return np.zeros(len(cells))
    channel, from_s, until_s = _merged(channel, from_s, until_s)
    length_s = until_s - from_s
    before_s = np.cumsum(length_s) - length_s  # spans follow each other by channel and time
    start_s = slots.start_s[cells.slot]

    def lit_until(at_s: Int64) -> Int64:
        """Return the covered seconds of all spans up to an instant of the cell's channel."""
        begun = _position(channel, from_s, cells.channel, at_s)
        last = np.maximum(begun - 1, 0)
        inside = (begun > 0) & (channel[last] == cells.channel)
        running = np.where(inside, np.minimum(at_s, until_s[last]) - from_s[last], length_s[last])
        return np.where(begun > 0, before_s[last] + running, 0)

    share: Float = (lit_until(start_s + slots.interval_s) - lit_until(start_s)) / slots.interval_s
    assert ((share >= 0) & (share <= 1)).all(), "no slot is longer than itself"
    return share


def seconds_of_days(
    shape: tuple[int, int], channel: Int64, from_s: Int64, until_s: Int64, slots: SlotTable
) -> Int64:
    """
    Return how many seconds of each day spans of time cover, shape (channels, days).

    Args:
        shape: Channels and days.
        channel: Row of each span; those of one channel may overlap, and count once.
        from_s: Start of each span, seconds since 1970-01-01 UTC.
        until_s: End of each span.
        slots: Columns of the block.
    """
    covered_s = np.zeros(shape, np.int64)
    here = (until_s > slots.start_s[0]) & (from_s < slots.end_s) & (until_s > from_s)
    if not here.any():
        return covered_s
    bounds = [slots.start_s[0], slots.end_s]
    merged = _merged(channel[here], *(np.clip(each[here], *bounds) for each in (from_s, until_s)))
    row, begin_s, end_s = merged
    day_s = np.append(slots.start_s[slots.first[:-1]], slots.end_s)
    for day in range(shape[1]):  # days are few; spans may be many
        within = np.minimum(end_s, day_s[day + 1]) - np.maximum(begin_s, day_s[day])
        np.add.at(covered_s[:, day], row, np.maximum(within, 0))
    return covered_s


def leaking(cells: Cells, leaks: Leaks, slots: SlotTable) -> Float:
    """
    Return the rate of the leak that runs throughout each cell [quanta per hour], 0 where none does.

    Args:
        cells: Slots to look at.
        leaks: Confirmed leaks.
        slots: Columns of the block.
    """
    if len(leaks.channel) == 0:
        return np.zeros(len(cells))
    order = np.lexsort((leaks.from_s, leaks.channel))
    channel, from_s = leaks.channel[order], leaks.from_s[order]
    start_s = slots.start_s[cells.slot]
    begun = _position(channel, from_s, cells.channel, start_s + 1)
    last = np.maximum(begun - 1, 0)
    runs = (begun > 0) & (channel[last] == cells.channel)
    runs &= leaks.until_s[order][last] >= start_s + slots.interval_s
    return np.where(runs, leaks.rate[order][last], 0)


def _merged(channel: Int64, from_s: Int64, until_s: Int64) -> tuple[Int64, Int64, Int64]:
    """Join the spans of a channel that overlap or touch; sorted by channel and start."""
    order = np.lexsort((from_s, channel))
    channel, from_s, until_s = channel[order], from_s[order], until_s[order]
    shift = (channel - channel[0]) * (int(until_s.max()) - int(from_s.min()) + 1)
    reach = np.maximum.accumulate(until_s + shift)
    begins = np.append([True], (from_s + shift)[1:] > reach[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(channel)) - 1
    return channel[first], from_s[first], reach[last] - shift[last]


def _position(channel: Int64, from_s: Int64, of: Int64, at_s: Int64) -> Int64:
    """Return how many spans begin before an instant, in the order by channel and start."""
    earliest = min(int(from_s.min()), int(at_s.min()))
    width = max(int(from_s.max()), int(at_s.max())) - earliest + 1
    keys = channel * width + (from_s - earliest)
    return np.searchsorted(keys, of * width + (at_s - earliest), side="left")
