"""Masks as bits: how many cells of a large mask lie before a few positions."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64

_WORD_BITS = 6
"""64 bits are a word."""


@dataclass(frozen=True, slots=True)
class Bits:
    """
    A flattened mask, a bit a cell, and running counts.

    Attributes:
        words: The mask, first cell in the lowest bit, shape (cells / 64 and one more,).
        before: True cells before each word, likewise.
    """

    words: npt.NDArray[np.uint64]
    before: Int64

    @classmethod
    def of(cls, mask: Bool) -> Self:
        """Pack a mask."""
        packed = np.packbits(mask.reshape(-1), bitorder="little")
        words = np.zeros((mask.size >> _WORD_BITS) + 1, "<u8")
        words.view(np.uint8)[: len(packed)] = packed
        before = np.zeros(len(words), np.int64)
        np.cumsum(np.bitwise_count(words[:-1]), out=before[1:])
        return cls(words, before)

    def count(self, cell: Int64) -> Int64:
        """Return how many cells before each of these positions are true; the end is one, too."""
        word = cell >> _WORD_BITS
        lower = (np.uint64(1) << (cell & 63).view(np.uint64)) - np.uint64(1)
        counts: Int64 = self.before[word] + np.bitwise_count(self.words[word] & lower)
        return counts

    def between(self, edge: Int64) -> Int64:
        """Return how many cells are true from each of these positions to the next one."""
        return np.diff(self.count(edge))
