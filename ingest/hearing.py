"""
Which collectors hear a meter best, by the signal of the frames that came lately.

Kept in memory alone, thirty-two bytes a radio: what is forgotten is heard again within the hour,
and a start reads it from the newest raw messages.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs import fnb1
from mdms.domain.readings import Int64
from mdms.ports.messages import UplinkMessage

_PLACES: Final = 4
"""Collectors that are remembered for a radio; 2.4 hear it on average."""
_WEIGHT: Final = 0.25
"""Of the newest frame against those before it; of frames noted together one counts."""
_NOBODY: Final = -1
_SILENCE: Final = -1000.0
"""Level of a place that nobody has taken [dB]."""
_PLACE_BITS: Final = 31


class Hearing:
    """Signal history of every radio that was heard."""

    def __init__(self) -> None:
        # In order; the first row is nobody's, so that there always is one to compare with.
        self._radio_id: Int64 = np.full(1, _NOBODY, np.int64)
        self._collector_id = np.full((1, _PLACES), _NOBODY, np.int64)
        self._level = np.full((1, _PLACES), _SILENCE, np.float32)

    def note(self, messages: Sequence[UplinkMessage]) -> None:
        """Learn from batches of readings as they were received; others are passed over."""
        heard = defaultdict[int, list[bytes]](list)
        for message in messages:
            if message.kind == "read" and message.frame_count:
                heard[message.collector_id].append(message.payload)
        for collector_id, payloads in heard.items():
            self._note(collector_id, *fnb1.signals(payloads))

    def best(self, radio_id: int) -> Sequence[int]:
        """Return the collectors that hear a radio, best first; nothing for one never heard."""
        row = int(np.searchsorted(self._radio_id, radio_id))
        if row == len(self._radio_id) or self._radio_id[row] != radio_id:
            return ()
        order = np.argsort(-self._level[row], kind="stable")
        found = self._collector_id[row, order]
        return [int(each) for each in found if each != _NOBODY]

    def _note(self, collector_id: int, radio_id: Int64, snr: npt.NDArray[np.floating]) -> None:
        radio_id, last = _last_of_each(radio_id)
        snr = snr[last]
        rows = self._rows(radio_id)
        mine = self._collector_id[rows] == collector_id
        known = mine.any(axis=1)
        place = np.where(known, mine.argmax(axis=1), self._level[rows].argmin(axis=1))
        before = self._level[rows, place]
        better = known | (snr > before)
        level = np.where(known, before + _WEIGHT * (snr - before), snr)
        self._level[rows[better], place[better]] = level[better]
        self._collector_id[rows[better], place[better]] = collector_id

    def _rows(self, radio_id: Int64) -> Int64:
        """Return the row of each radio; these are in order, and who is new is given one."""
        rows = np.searchsorted(self._radio_id, radio_id)
        new = radio_id[self._radio_id.take(rows, mode="clip") != radio_id]
        if not len(new):
            return rows
        every = np.concatenate([self._radio_id, new])
        order = np.argsort(every)
        self._radio_id = every[order]
        nobody = np.full((len(new), _PLACES), _NOBODY, np.int64)
        silence = np.full((len(new), _PLACES), _SILENCE, np.float32)
        self._collector_id = np.concatenate([self._collector_id, nobody])[order]
        self._level = np.concatenate([self._level, silence])[order]
        return np.searchsorted(self._radio_id, radio_id)


def _last_of_each(radio_id: Int64) -> tuple[Int64, Int64]:
    """Return each radio once, in order, and where it was last."""
    # Radio and place as one number each are sorted several times faster than places by radio.
    both = radio_id << _PLACE_BITS | np.arange(len(radio_id))
    both.sort()
    radio_id = both >> _PLACE_BITS
    is_last = np.append(radio_id[1:] != radio_id[:-1], True)[: len(both)]
    return radio_id[is_last], both[is_last] & (1 << _PLACE_BITS) - 1
