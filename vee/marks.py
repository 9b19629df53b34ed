"""What rules say about single values and about whole days, kept as lists: most say nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from mdms.domain.readings import Bool, Int64, rule_bit
from vee.block import SlotTable


class Severity(StrEnum):
    """What a broken rule means for the value; vee.md 2."""

    FAIL = "FAIL"
    HOLD = "HOLD"
    WARN = "WARN"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class DayMarks:
    """
    Channel-days that broke one rule; every array has the shape (marks,).

    Attributes:
        rule: Its number.
        severity: What it means.
        channel: Row of the block.
        day: Day of the block.
        amount: What the finding's sentence says: intervals, days or quanta.
    """

    rule: int
    severity: Severity
    channel: Int64
    day: Int64
    amount: Int64


@dataclass(slots=True)
class Marks:
    """
    Everything that the rules have to say about a block, besides what its sums say.

    Attributes:
        shape: Channels and slots of the block.
        cells: Rule number and positions of values in the flattened grid.
        days: What concerns whole days.
    """

    shape: tuple[int, int]
    cells: list[tuple[int, Int64]] = field(default_factory=list)
    days: list[DayMarks] = field(default_factory=list)

    def values(self, rule: int, channel: Int64, slot: Int64) -> None:
        """Mark single values; a value is named once."""
        if len(channel):
            self.cells.append((rule, channel * self.shape[1] + slot))

    def copy(self) -> "Marks":
        """Return the same marks, to be changed apart."""
        return Marks(self.shape, list(self.cells), list(self.days))

    def clear(self, rule: int, cells: Int64) -> None:
        """Take a rule's marks off these positions of the flattened grid."""
        self.cells = [
            (each, np.setdiff1d(marked, cells) if each == rule else marked)
            for each, marked in self.cells
        ]

    def of_days(
        self, rule: int, severity: Severity, amount: Int64, where: Bool | None = None
    ) -> None:
        """Mark the days whose amount, shape (channels, days), is not 0, or where a mask says so."""
        channel, day = np.nonzero(amount if where is None else where)
        self.add_days(rule, severity, channel, day, amount[channel, day])

    def add_days(
        self, rule: int, severity: Severity, channel: Int64, day: Int64, amount: Int64
    ) -> None:
        """Mark these days."""
        if len(channel):
            self.days.append(DayMarks(rule, severity, channel, day, amount))

    def flags(self) -> Int64:
        """Return the rule mask of each value, shape (channels, slots)."""
        grid = np.zeros(self.shape[0] * self.shape[1], np.int64)
        for rule, cells in self.cells:
            grid[cells] |= rule_bit(rule)
        return grid.reshape(self.shape)

    def day_flags(self, days: int) -> Int64:
        """Return the rule mask of each day, of day rules only, shape (channels, days)."""
        grid = np.zeros((self.shape[0], days), np.int64)
        for each in self.days:
            grid[each.channel, each.day] |= rule_bit(each.rule)
        return grid


@dataclass(frozen=True, slots=True)
class DayList:
    """
    A few channel-days, to be looked at value by value.

    Attributes:
        channel: Row of the block, shape (listed,).
        day: Day of the block, shape (listed,).
        slot: Slot by place in the day, shape (listed, slots of the longest day).
        inside: False where a shorter day has no such place.
    """

    channel: Int64
    day: Int64
    slot: Int64
    inside: Bool

    @classmethod
    def of(cls, channel: Int64, day: Int64, slots: SlotTable) -> "DayList":
        """List these channel-days."""
        place = np.arange(int(np.diff(slots.first).max()))
        slot = slots.first[day][:, None] + place
        inside = slot < slots.first[day + 1][:, None]
        return cls(channel, day, np.where(inside, slot, 0), inside)

    def __len__(self) -> int:
        return len(self.channel)

    def values(self, grid: Int64, usable: Bool) -> Int64:
        """Return the usable values of the listed days, 0 elsewhere, shape as `slot`."""
        rows = self.channel[:, None]
        counts = self.inside & usable[rows, self.slot]
        return np.where(counts, grid[rows, self.slot], 0)

    def cells(self, mask: Bool) -> tuple[Int64, Int64]:
        """Return row and column of the values where a mask, shape as `slot`, is true."""
        listed, place = np.nonzero(mask & self.inside)
        return self.channel[listed], self.slot[listed, place]

    def parts(self, size: int) -> Iterator["DayList"]:
        """Cut the list, so that no look at it needs much memory."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield DayList(self.channel[part], self.day[part], self.slot[part], self.inside[part])
