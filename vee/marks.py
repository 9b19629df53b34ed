"""What rules say about single values and about whole days, kept as lists: most say nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64, rule_bit
from vee.block import SlotTable, one_value

LISTED_MAX: Final = 20_000
"""Channel-days that are looked at value by value at a time."""

S = TypeVar("S", bound=np.generic)


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
        """Mark single values by row and column, shape (values,); a value is named once."""
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
        """Mark days by row and day of the block, with what their sentence says, shape (days,)."""
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

    Looks have the shape (listed, slots of the longest day); a shorter day is filled up with 0.

    Attributes:
        channel: Row of the block, shape (listed,).
        day: Day of the block, shape (listed,).
        slots: Columns of the block.
    """

    channel: Int64
    day: Int64
    slots: SlotTable

    def __len__(self) -> int:
        return len(self.channel)

    def of(self, grid: npt.NDArray[S]) -> npt.NDArray[S]:
        """Return what a grid (channels, slots), contiguous, holds of the listed days."""
        first, days = self.slots.first, len(self.slots.days)
        if one_value(grid):
            return np.broadcast_to(grid[:1, :1], (len(self), int(np.diff(first).max())))
        length = len(self.slots) // days
        if (np.diff(first) == length).all():  # days are rows, and rows are copied at once
            return np.take(grid.reshape(-1, length), self.channel * days + self.day, axis=0)
        slot = first[self.day][:, None] + np.arange(int(np.diff(first).max()))
        inside = slot < first[self.day + 1][:, None]
        found = grid[self.channel[:, None], np.where(inside, slot, 0)]
        return np.where(inside, found, np.zeros_like(found))

    def values(self, grid: Int64, usable: Bool) -> Int64:
        """Return the usable values of the listed days, 0 elsewhere."""
        return self.of(grid) * self.of(usable)

    def cells(self, mask: Bool) -> tuple[Int64, Int64]:
        """Return row and column of the values where a mask, shaped as a look, is true."""
        listed, place = np.nonzero(mask)
        return self.channel[listed], self.slots.first[self.day[listed]] + place

    def where(self, mask: Bool) -> "DayList":
        """Return the listed days where this mask is true."""
        return DayList(self.channel[mask], self.day[mask], self.slots)

    def parts(self, size: int = LISTED_MAX) -> Iterator["DayList"]:
        """Cut the list, so that no look at it needs much memory."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield DayList(self.channel[part], self.day[part], self.slots)
