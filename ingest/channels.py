"""Who is speaking: from radio id, channel byte and time to our channel, for whole batches."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs.frames import Frames
from ingest.key_table import NOWHERE, KeyTable
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.readings import Bool, Int32, Int64
from mdms.domain.registry import ChannelTable

NO_CHANNEL: Final = -1
_LOW_NIBBLE: Final = 0x0F
_TIME_BITS: Final = 34
_TIME_END: Final = 1 << _TIME_BITS
_INSTALLATION: Final = np.dtype([
    ("key", np.int64), ("installed_s", np.int64), ("removed_s", np.int64),
    ("channel_id", np.int32), ("interval_s", np.int32),
])  # fmt: skip
"""What is asked of an installation: together, so that memory is fetched once for all of it."""


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
        self._radio_ids = np.unique(table.radio_id)
        self._silent_radio_ids = frozenset(table.radio_id[~table.radio_on].tolist())
        self._badge = table.badge[order]
        # One more row than there are installations: row -1 is nobody's and never in place.
        self._radio_on = np.append(table.radio_on[order], np.True_)
        self._installation = np.zeros(len(order) + 1, _INSTALLATION)
        self._installation["channel_id"] = NO_CHANNEL
        of_all = self._installation[:-1]
        of_all["key"] = key[order]
        of_all["installed_s"] = table.installed_s[order]
        of_all["removed_s"] = table.removed_s[order]
        of_all["channel_id"] = table.channel_id[order]
        of_all["interval_s"] = table.interval_s[order]
        self._keys, first, self._group = np.unique(
            key[order], return_index=True, return_inverse=True
        )
        self._position = self._group << _TIME_BITS | _time(table.installed_s[order])
        last = np.append(first[1:], len(order))[: len(first)] - 1
        # The keys among the installations, not a copy: one line of memory tells of both.
        self._newest_row = KeyTable(self._installation["key"], last)

    def resolve(self, frames: Frames) -> Resolved:
        """Look up every register and every interval of these frames."""
        key = _key(frames.radio_id, frames.wire_channel)
        row = self._register_row(key, frames.at_s)
        found = self._installation.take(row)
        inside = frames.start_s >= found["installed_s"][:, None]
        inside &= frames.start_s < found["removed_s"][:, None]
        sent = frames.present & inside
        channel_id = np.where(sent, found["channel_id"][:, None], NO_CHANNEL)
        wrong_length = (found["interval_s"] != frames.interval_s) & sent.any(axis=1)
        channel_id[wrong_length] = NO_CHANNEL
        off, absent = ~self._radio_on[row], row == NOWHERE
        # Nearly always the register's installation holds for all intervals of the frame.
        frame, position = np.nonzero(frames.present & ~inside)
        if len(frame):
            other_row = self._row(key[frame], frames.start_s[frame, position])
            other = self._installation.take(other_row)
            wrong = (other["interval_s"] != frames.interval_s[frame]) & (other_row != NOWHERE)
            channel_id[frame, position] = np.where(wrong, NO_CHANNEL, other["channel_id"])
            wrong_length[frame[wrong]] = True
            off[frame[~self._radio_on[other_row]]] = True
            absent[frame[other_row == NOWHERE]] = True
        channel_id[off] = NO_CHANNEL
        unread = off | (frames.wire_channel & _LOW_NIBBLE == VOLTAGE_CHANNEL)
        return Resolved(
            register_channel=np.where(unread, NO_CHANNEL, found["channel_id"]),
            interval_channel=channel_id,
            opted_out=off,
            reasons=self._reasons(frames, key, off, wrong_length, absent),
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
        final = np.flatnonzero(row == NOWHERE)
        if len(final):
            row[final] = self._row(key[final], at_s[final] - 1)
        return row

    def _row(self, key: Int64, at_s: Int64) -> Int64:
        """Return the installation of each key at each time, NOWHERE if there is none."""
        row = self._newest_row.find(key)
        newest = self._installation.take(row)
        row[at_s >= newest["removed_s"]] = NOWHERE
        # Nearly always it is the newest; others are searched for by time.
        earlier = np.flatnonzero((at_s < newest["installed_s"]) & (row != NOWHERE))
        if len(earlier):
            group, time_s = self._group[row[earlier]], at_s[earlier]
            found = np.searchsorted(self._position, group << _TIME_BITS | _time(time_s), "right")
            # Before the first of its own it finds another's last.
            before = np.maximum(found - 1, 0)
            is_in_place = (
                (self._group[before] == group)
                & (time_s >= self._installation["installed_s"][before])
                & (time_s < self._installation["removed_s"][before])
            )
            row[earlier] = np.where(is_in_place, before, NOWHERE)
        return row

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
