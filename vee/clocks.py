"""What a meter's clock makes of the intervals that it stamped (V05)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mdms.domain.readings import Int64, rule_bit
from vee.block import Block
from vee.kernels.clock import clock_severity
from vee.marks import Marks, Severity
from vee.rule_tables import ClockRules

V05 = rule_bit(5)


@dataclass(frozen=True, slots=True)
class Astray:
    """
    Values of one channel that a clock stamped while it was off.

    Attributes:
        channel: Row of the block.
        slot: Columns, shape (values,).
        offset_s: Meter's clock less UTC.
        severity: What that means for them.
    """

    channel: int
    slot: Int64
    offset_s: int
    severity: Severity


def astray(block: Block, rules: ClockRules) -> Iterator[Astray]:
    """Yield the received values that a person has not decided about and whose stamp is doubtful."""
    clocks, slots = block.context.clocks, block.slots
    spans = (clocks.channel, clocks.from_s, clocks.until_s, clocks.offset_s)
    for channel, from_s, until_s, offset_s in zip(*(each.tolist() for each in spans), strict=True):
        severity = clock_severity(offset_s, interval_s=slots.interval_s, rules=rules)
        first = int(np.searchsorted(slots.start_s + slots.interval_s, from_s, side="right"))
        last = int(np.searchsorted(slots.start_s, until_s))
        stamped = block.present[channel, first:last] & ~block.edited[channel, first:last]
        if severity is not None and stamped.any():
            yield Astray(channel, first + np.flatnonzero(stamped), offset_s, severity)


def fail_astray(block: Block, rules: ClockRules) -> Block:
    """Return a block in which the values that a clock put into a wrong interval fail."""
    failing = [each for each in astray(block, rules) if each.severity is Severity.FAIL]
    if not failing:
        return block
    flags = block.flags.copy()
    for each in failing:
        flags[each.channel, each.slot] |= V05
    return replace(block, flags=flags)


def held_astray(block: Block, rules: ClockRules) -> Int64:
    """Return the positions, in the flattened grid, of values that are held for their clock."""
    slots = len(block.slots)
    held = [
        each.channel * slots + each.slot
        for each in astray(block, rules)
        if each.severity is Severity.HOLD
    ]
    return np.unique(np.concatenate(held)) if held else np.zeros(0, np.int64)


def mark_astray(block: Block, rules: ClockRules, marks: Marks) -> None:
    """Mark values and days of clocks that are off."""
    day = block.slots.day
    for each in astray(block, rules):
        marks.values(5, np.full(len(each.slot), each.channel), each.slot)
        days = np.unique(day[each.slot])
        channel, offset_s = np.full(len(days), each.channel), np.full(len(days), each.offset_s)
        marks.add_days(5, each.severity, channel, days, offset_s)
