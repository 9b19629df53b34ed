"""Who is speaking: from radio id, channel byte and time to our channel, for whole batches."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs.frames import Frames
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.readings import Bool, Int32, Int64
from mdms.domain.registry import ChannelTable

NO_CHANNEL: Final = -1
_LOW_NIBBLE: Final = 0x0F
_TIME_BITS: Final = 34
_TIME_END: Final = 1 << _TIME_BITS


@dataclass(frozen=True, slots=True)
class Resolved:
    """
    Whose readings a batch of frames holds; NO_CHANNEL where they may not be stored.

    Attributes:
        register_channel: Channel of each frame's register, shape (frames,).
        interval_channel: Channel of each interval, shape (frames, width).
        opted_out: Frames of meters whose radio should be silent; they must be blanked.
        reasons: Why a frame is not used, or only in part, by its row.
    """

    register_channel: Int32
    interval_channel: Int32
    opted_out: Bool
    reasons: dict[int, tuple[RejectReason, str]]


@dataclass(frozen=True, slots=True)
class Carrier:
    """The meter that carries a radio, and whether the radio should be heard."""

    badge: str
    radio_on: bool


class ChannelIndex:
    """
    The channel table, sorted for look-up; replaced as a whole when the registry changes.

    A meter carries a radio for a time, so each interval is looked up at its own start: a frame
    that spans an exchange is divided between the installations.
    """

    def __init__(self, table: ChannelTable) -> None:
        key = _key(table.radio_id, table.wire_channel)
        order = np.lexsort((table.installed_s, key))
        self._keys, self._group = np.unique(key[order], return_inverse=True)
        self._radio_ids = np.unique(table.radio_id)
        self._badge = table.badge[order]
        # One more row than there are installations: row -1 is nobody's and never in place.
        self._channel_id = np.append(table.channel_id[order], np.int32(NO_CHANNEL))
        self._interval_s = np.append(table.interval_s[order], np.int32(0))
        self._installed_s = np.append(table.installed_s[order], np.int64(0))
        self._removed_s = np.append(table.removed_s[order], np.int64(0))
        self._radio_on = np.append(table.radio_on[order], np.True_)
        self._silent_radio_ids = frozenset(table.radio_id[~table.radio_on].tolist())
        self._position = self._group << _TIME_BITS | _time(table.installed_s[order])
        edges = np.searchsorted(self._group, np.arange(len(self._keys) + 1))
        self._last_row = edges[1:] - 1
        self._is_only = self._last_row == edges[:-1]

    def resolve(self, frames: Frames) -> Resolved:
        """Look up every register and every interval of these frames."""
        key = _key(frames.radio_id, frames.wire_channel)
        register_row = self._register_row(key, frames.at_s)
        interval_row = self._interval_row(key, frames, register_row)
        sent_row = np.where(frames.present, interval_row, -1)
        off = ~self._radio_on[register_row] | ~self._radio_on[sent_row].all(axis=1)
        wrong_length = (sent_row >= 0) & (self._interval_s[sent_row] != frames.interval_s[:, None])
        absent = (register_row < 0) | (frames.present & (interval_row < 0)).any(axis=1)
        usable = frames.present & ~wrong_length & ~off[:, None]
        return Resolved(
            register_channel=np.where(
                off | (frames.wire_channel & _LOW_NIBBLE == VOLTAGE_CHANNEL),
                NO_CHANNEL,
                self._channel_id[register_row],
            ),
            interval_channel=np.where(usable, self._channel_id[interval_row], NO_CHANNEL),
            opted_out=off,
            reasons=self._reasons(frames, key, off, wrong_length.any(axis=1), absent),
        )

    def meter(self, radio_id: int, at_s: int) -> Carrier:
        """
        Return which meter carried a radio at an instant.

        Raises:
            DecodeError: No meter ever did, or none did then.
        """
        known = int(np.searchsorted(self._keys, radio_id << 8))
        if known == len(self._keys) or self._keys[known] >> 8 != radio_id:
            raise DecodeError(RejectReason.UNKNOWN_METER, f"radio {radio_id}")
        (row,) = self._row(self._keys[[known]], np.array([at_s]))
        if row < 0:
            raise DecodeError(RejectReason.NOT_INSTALLED, f"radio {radio_id} at {at_s}")
        return Carrier(str(self._badge[row]), radio_on=bool(self._radio_on[row]))

    def is_silent(self, radio_id: int) -> bool:
        """Tell whether any meter that carries this radio, now or once, is to be silent."""
        return radio_id in self._silent_radio_ids

    def _register_row(self, key: Int64, at_s: Int64) -> Int64:
        """A register read at the instant of removal is the final read of what was removed."""
        row = self._row(key, at_s)
        final = row < 0
        if final.any():
            row[final] = self._row(key[final], at_s[final] - 1)
        return row

    def _interval_row(self, key: Int64, frames: Frames, register_row: Int64) -> Int64:
        """Nearly always the register's installation holds for all intervals of the frame."""
        installed_s, removed_s = self._installed_s[register_row], self._removed_s[register_row]
        inside = (frames.start_s >= installed_s[:, None]) & (frames.start_s < removed_s[:, None])
        row = np.where(inside, register_row[:, None], -1)
        frame, position = np.nonzero(frames.present & ~inside)
        if len(frame):
            row[frame, position] = self._row(key[frame], frames.start_s[frame, position])
        return row

    def _row(self, key: Int64, at_s: Int64) -> Int64:
        """Return the installation of each key at each time, -1 where there is none."""
        if len(self._keys) == 0:
            return np.full(len(key), -1)
        group = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        row = self._last_row[group]  # nearly always the only one
        one_of_many = np.flatnonzero(~self._is_only[group])
        if len(one_of_many):
            position = group[one_of_many] << _TIME_BITS | _time(at_s[one_of_many])
            found = np.searchsorted(self._position, position, "right") - 1
            # Before the first of its own it finds another's last: its time then is not in place.
            row[one_of_many] = found
        in_place = (
            (self._keys[group] == key)
            & (self._group[row] == group)
            & (at_s >= self._installed_s[row])
            & (at_s < self._removed_s[row])
        )
        return np.where(in_place, row, -1)

    def _reasons(
        self, frames: Frames, key: Int64, off: Bool, wrong_length: Bool, absent: Bool
    ) -> dict[int, tuple[RejectReason, str]]:
        reasons: dict[int, tuple[RejectReason, str]] = {}
        for frame in np.flatnonzero(off | wrong_length | absent).tolist():
            radio = f"radio {frames.radio_id[frame]}"
            channel = f"channel {frames.wire_channel[frame]:#04x} of {radio}"
            if off[frame]:
                reasons[frame] = RejectReason.OPTED_OUT, radio
            elif wrong_length[frame]:
                length = f"{frames.interval_s[frame]} s on {channel}; register kept"
                reasons[frame] = RejectReason.BAD_INTERVAL, length
            elif not _contains(self._radio_ids, frames.radio_id[frame]):
                reasons[frame] = RejectReason.UNKNOWN_METER, radio
            elif not _contains(self._keys, key[frame]):
                reasons[frame] = RejectReason.BAD_CHANNEL, channel
            else:
                reasons[frame] = RejectReason.NOT_INSTALLED, f"{channel}, at least in part"
        return reasons


def _key(radio_id: Int64, wire_channel: npt.NDArray[np.uint8]) -> Int64:
    return radio_id << 8 | wire_channel.astype(np.int64)


def _time(at_s: Int64) -> Int64:
    return np.clip(at_s, 0, _TIME_END - 1)


def _contains(ordered: Int64, value: np.int64) -> bool:
    position = int(np.searchsorted(ordered, value))
    return position < len(ordered) and bool(ordered[position] == value)
