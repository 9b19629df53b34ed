"""Gaps: the missing slots of all channels in one list, and the run that each of them lies in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """
    Missing slots to estimate, sorted by channel and time.

    Attributes:
        channel: Row of the block, shape (cells,).
        slot: Column of the block, shape (cells,).
    """

    channel: Int64
    slot: Int64

    def __len__(self) -> int:
        return len(self.channel)

    @classmethod
    def where(cls, mask: Bool) -> "Cells":
        """Return the cells where this mask (channels, slots) is true."""
        return cls(*np.nonzero(mask))

    def take(self, cells: Int64 | Bool) -> "Cells":
        """Return the cells at these positions, or where this mask is true."""
        return Cells(self.channel[cells], self.slot[cells])


@dataclass(frozen=True, slots=True)
class Gaps:
    """
    The run of missing slots that each cell lies in.

    Attributes:
        left: Slot before the run, -1 where the block starts inside it, shape (cells,).
        right: Slot after the run, the number of slots where the block ends inside it.
        slot: The cell's own slot.
        slots: Number of slots of the block.
        left_value: Value beside the run [quanta]; NaN where it may not carry a line.
        right_value: Likewise.
    """

    left: Int64
    right: Int64
    slot: Int64
    slots: int
    left_value: Float
    right_value: Float

    @classmethod
    def around(cls, cells: Cells, missing: Bool, value: Int64, anchor: Bool) -> "Gaps":
        """
        Find the runs.

        Args:
            cells: Slots of runs.
            missing: Where a value is due and not usable, shape (channels, slots).
            value: Quanta, shape (channels, slots).
            anchor: Valid actual values, no power failure in them, shape (channels, slots).
        """
        assert missing[cells.channel, cells.slot].all(), "a cell that lies in no run has no ends"
        slots = missing.shape[1]
        edge = np.zeros((len(missing), slots + 1), np.bool_)
        edge[:, 0], edge[:, -1] = missing[:, 0], missing[:, -1]
        np.not_equal(missing[:, 1:], missing[:, :-1], out=edge[:, 1:-1])
        begins, ends = np.flatnonzero(edge).reshape(-1, 2).T  # runs of all channels, in turn
        row = cells.channel * (slots + 1)
        run = np.searchsorted(begins, row + cells.slot, side="right") - 1
        left, right = begins[run] - row - 1, ends[run] - row

        def beside(slot: Int64) -> Float:
            inside = (slot >= 0) & (slot < slots)
            at = np.where(inside, slot, 0)
            good = inside & anchor[cells.channel, at]
            return np.where(good, value[cells.channel, at], np.nan)

        return cls(left, right, cells.slot, slots, beside(left), beside(right))

    def take(self, cells: Int64 | Bool) -> "Gaps":
        """Return the runs of the cells at these positions, or where this mask is true."""
        return Gaps(
            self.left[cells],
            self.right[cells],
            self.slot[cells],
            self.slots,
            self.left_value[cells],
            self.right_value[cells],
        )

    @property
    def length(self) -> Int64:
        """How many slots the run has."""
        length: Int64 = self.right - self.left - 1
        return length

    @property
    def distance(self) -> Int64:
        """Slots from a cell to the nearest received value; beyond any where there is none."""
        none = np.iinfo(np.int64).max
        left = np.where(self.left < 0, none, self.slot - self.left)
        right = np.where(self.right >= self.slots, none, self.right - self.slot)
        nearest: Int64 = np.minimum(left, right)
        return nearest
