"""References: the valid actual values of a meter that its estimates may be made from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import SlotTable
from vee.kernels.gaps import Cells, Float

SUNDAY = 6
WEEKEND = 5
WEEK = 7


@dataclass(frozen=True, slots=True)
class References:
    """
    The valid actual values that estimates may be made from.

    Attributes:
        slots: Columns of the grids.
        value: Quanta, shape (channels, slots).
        valid: Valid, actual, no power failure, not on a day of outage, shape (channels, slots).
        holiday: Days that behave like Sundays and are no reference for others, shape (days,).
        ahead: Days that may look at later days too, shape (days,).
        reach_days: How far to look to each side.
        since: First day from which on the same people were there, shape (channels, days): nobody
            is estimated from others who lived there; None where nobody moved.
    """

    slots: SlotTable
    value: Int64
    valid: Bool
    holiday: Bool
    ahead: Bool
    reach_days: int
    since: Int64 | None = None

    @property
    def weekday(self) -> Int64:
        """Weekday of each day, 0 is Monday, shape (days,)."""
        return np.array([day.weekday() for day in self.slots.days])

    def offsets(self) -> Iterator[int]:
        """Yield the day offsets to look at, nearest first, the past before the future."""
        sides = (-1, 1) if self.ahead.any() else (-1,)
        for distance in range(1, self.reach_days + 1):
            yield from (side * distance for side in sides)

    def at(self, cells: Cells, offset: int) -> tuple[Float, Bool, Int64]:
        """
        Look at the same wall-clock slot, some days away.

        Returns:
            Quanta, whether they are a reference, and the day looked at (any where they are not),
            each of shape (cells,).
        """
        own = self.slots.day[cells.slot]
        day = own + offset
        inside = (day >= 0) & (day < len(self.slots.days))
        if offset > 0:
            inside &= self.ahead[own]
        day = np.where(inside, day, 0)
        slot = self.slots.at[day, self.slots.wall[cells.slot]]
        slot = np.where(inside, slot, -1)
        here = cells.channel * len(self.slots) + slot
        good = (slot >= 0) & np.take(self.valid, here) & ~self.holiday[day]
        if self.since is not None:
            good &= self.since[cells.channel, day] == self.since[cells.channel, own]
        return np.take(self.value, here).astype(np.float64), good, day

    def stay(self, channel: Int64, day: Int64) -> tuple[Int64, Int64]:
        """Return the first day of the same people, and one past their last, of each place given."""
        if self.since is None:
            return np.zeros_like(day), np.full_like(day, len(self.slots.days))
        return self.since[channel, day], until(self.since)[channel, day]

    def of(self, channel: Int64, slot: Int64) -> tuple[Int64, Bool]:
        """Return values and whether they are a reference, in the common shape of the arguments."""
        here = channel * len(self.slots) + slot
        return np.take(self.value, here), np.take(self.valid, here)


def until(since: Int64) -> Int64:
    """
    Return one past the last day of the same people.

    Args:
        since: First day of the same people, shape (channels, days).

    Returns:
        Days, shape (channels, days).
    """
    days = since.shape[1]
    last = np.ones(since.shape, np.bool_)
    last[:, :-1] = since[:, 1:] != since[:, :-1]
    ends = np.where(last, np.arange(days) + 1, days)
    return np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]


def likeness(
    offset: Int64 | int, day: Int64, references: References, own: Int64, other: float
) -> Float:
    """
    Weigh days by how like the own day they are: same weekday, or Sundays for a holiday.

    Args:
        offset: Days between the two.
        day: The other day's position.
        references: Weekdays and holidays.
        own: The own day's position.
        other: Weight of another weekday against 1 for the same one.

    Returns:
        Weights 0..1, in the common shape of the arguments.

    Source:
        vee.md 4.3.
    """
    usual = np.where(offset % WEEK == 0, 1.0, other)
    return np.where(references.holiday[own], references.weekday[day] == SUNDAY, usual)
