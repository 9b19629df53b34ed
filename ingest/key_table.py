"""Where each key is: found at once for whole batches, where a search would take twenty steps."""

from typing import Final

import numpy as np

from mdms.domain.readings import Int64

NOWHERE: Final = -1
_ROOM: Final = 2
"""Places for each key: few then find theirs taken."""
_GOLDEN: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2^64 over the golden ratio: it spreads neighbours as evenly as can be."""
_WORD_BITS: Final = 64


class KeyTable:
    """
    Rows by a hash of their keys; a key that finds its place taken goes on to the next one.

    Args:
        key: Of all rows.
        row: Those to be found, no two of one key.
    """

    def __init__(self, key: Int64, row: Int64) -> None:
        bits = (_ROOM * len(row) + 1).bit_length()
        self._key = key
        self._shift = np.uint64(_WORD_BITS - bits)
        self._last = (1 << bits) - 1
        self._row = np.full(1 << bits, NOWHERE, np.int32)
        place = self._place(key[row])
        while len(row):
            free = self._row[place] == NOWHERE
            self._row[place[free]] = row[free]
            lost = self._row[place] != row
            row, place = row[lost], place[lost] + 1 & self._last

    def find(self, key: Int64) -> Int64:
        """Return the row of each key, NOWHERE if there is none."""
        place = self._place(key)
        row = self._row[place].astype(np.int64)
        if not len(self._key):
            return row
        astray = np.flatnonzero((self._key[row] != key) & (row != NOWHERE))
        while len(astray):
            place[astray] = place[astray] + 1 & self._last
            other = self._row[place[astray]]
            row[astray] = other
            astray = astray[(self._key[other] != key[astray]) & (other != NOWHERE)]
        return row

    def _place(self, key: Int64) -> Int64:
        return (key.view(np.uint64) * _GOLDEN >> self._shift).astype(np.int64)
