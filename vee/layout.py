"""Where reads lie in a grid of channels by slots: worked out once, used for every column."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int32, Int64, IntervalReads, ascends
from vee.block import SlotTable

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Layout:
    """
    Reads of a grid, sorted by channel, start and version, and the cell of each.

    Attributes:
        shape: Channels and slots.
        reads: Reads that start a slot of one of the channels.
        cell: Their position in the flattened grid, rising, shape (reads,).
        full: Every cell has exactly one read, so that a column is a grid as it stands.
    """

    shape: tuple[int, int]
    reads: IntervalReads
    cell: Int64
    full: bool

    @classmethod
    def of(cls, slots: SlotTable, channel_id: Int32, reads: IntervalReads) -> "Layout":
        """
        Find the cells of reads.

        The stores return reads in order, and then nothing is sorted here.

        Args:
            slots: The columns.
            channel_id: The rows, rising.
            reads: In any order; those outside the grid are left out.
        """
        if not ascends(reads.channel_id, reads.start_s, reads.version):
            order = np.lexsort((reads.version, reads.start_s, reads.channel_id))
            reads = reads.take(order)
        first = np.searchsorted(reads.channel_id, channel_id)
        last = np.searchsorted(reads.channel_id, channel_id, side="right")
        count = last - first
        if count.sum() != len(reads):
            reads = reads.take(np.isin(reads.channel_id, channel_id))
        shape = (len(channel_id), len(slots))
        offset = reads.start_s - slots.start_s[0]
        column = offset // slots.interval_s
        cell = np.repeat(np.arange(shape[0]) * shape[1], count)
        cell += column
        inside = (column * slots.interval_s == offset) & (column >= 0) & (column < shape[1])
        if not inside.all():
            reads, cell = reads.take(inside), cell[inside]
        return cls(shape, reads, cell, _full(cell, shape))

    def newest(self) -> "Layout":
        """Return the layout of the highest version of each cell."""
        last = np.ones(len(self.cell), np.bool_)
        last[:-1] = self.cell[1:] != self.cell[:-1]
        return self.where(last)

    def where(self, rows: Bool) -> "Layout":
        """Return the layout of the reads where this mask is true."""
        if rows.all():
            return self
        cell = self.cell[rows]
        return Layout(self.shape, self.reads.take(rows), cell, _full(cell, self.shape))

    def grid(self, values: npt.NDArray[S], absent: int) -> npt.NDArray[S]:
        """
        Return a grid of one value a read, `absent` elsewhere; not to be written to.

        Args:
            values: Shape (reads,); each cell has one read at most.
            absent: What stands where there is no read.
        """
        if self.full:
            return values.reshape(self.shape)
        cells = np.full(self.shape[0] * self.shape[1], absent, values.dtype)
        cells[self.cell] = values
        return cells.reshape(self.shape)

    def marks(self, flags: Int64) -> Int64:
        """Return a grid of rule masks; nearly always there are none, and one 0 is every cell."""
        if np.bitwise_or.reduce(flags) == 0:
            return np.broadcast_to(np.int64(0), self.shape)
        return self.grid(flags, 0)

    def present(self) -> Bool:
        """Return where there is a read, shape (channels, slots)."""
        return self.grid(np.ones(len(self.cell), np.bool_), 0)


def _full(cell: Int64, shape: tuple[int, int]) -> bool:
    size = shape[0] * shape[1]
    return len(cell) == size and bool((cell == np.arange(size)).all())
