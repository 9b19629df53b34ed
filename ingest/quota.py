"""
Quotas: what one failing meter or collector may cost everybody else in an hour.

Copies of what is known cost next to nothing, and an honest meter can only have so many intervals,
so the limits are far above what it sends, days of backfill included. What is beyond them is shed:
not stored as reads or events, but counted, told of once an hour, and still there in the raw
message, which a replay reads without quotas.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from ingest import codecs
from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from ingest.joined import Joined
from mdms.domain.errors import DecodeError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.readings import Bool, Int64
from mdms.domain.time import to_epoch_s
from mdms.ports.messages import Rejected

FRAMES_MAX: Final = 20_000
"""Of readings of a channel: 45 days of quarter-hours, each heard by more than four collectors."""
EVENTS_MAX: Final = 1_000
"""Of a meter: thirty alarms, each repeated until it is acknowledged."""
LETTER_BYTES_MAX: Final = 256 << 20
"""Of dead letters of one collector, or of all that nobody registered."""

_HOUR_S: Final = 3600
_NOBODYS: Final = -1


class Allowance:
    """How much of something each sender has used in this hour."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hour = 0
        self._used: dict[int, int] = {}

    def within(self, sender: Int64, at: datetime, weight: Int64 | None = None) -> Bool:
        """Use some; tell of each item, in the order of arrival, whether it was still allowed."""
        hour = to_epoch_s(at) // _HOUR_S
        if hour != self._hour:
            self._hour, self._used = hour, {}
        if weight is None:
            weight = np.ones(len(sender), np.int64)
        senders, who = np.unique(sender, return_inverse=True)
        added = np.bincount(who, weight, len(senders)).astype(np.int64)
        used = np.array([self._used.get(each, 0) for each in senders.tolist()], np.int64)
        self._used.update(zip(senders.tolist(), (used + added).tolist(), strict=True))
        allowed = np.ones(len(sender), np.bool_)
        for number in np.flatnonzero(used + added > self._most).tolist():
            mine = who == number
            allowed[mine] = used[number] + np.cumsum(weight[mine]) <= self._most
        return allowed


class Quotas:
    """The quotas of every meter and collector, and who was told of."""

    def __init__(self) -> None:
        self._hour = 0
        self._frames = np.zeros(0, np.uint32)
        self._events = Allowance(EVENTS_MAX)
        self._letters = Allowance(LETTER_BYTES_MAX)
        self._told: set[int] = set()

    def reads(self, resolved: Resolved, at: datetime) -> Int64:
        """Use some of channels' frames; return the rows of those that are beyond the quota."""
        self._follow(at)
        channel_id = resolved.register_channel
        rows = np.flatnonzero(channel_id != NO_CHANNEL)
        mine = channel_id[rows].astype(np.intp)  # as a place in memory
        size = int(mine.max(initial=-1)) + 1
        if size > len(self._frames):
            more = np.zeros(size - len(self._frames), np.uint32)
            self._frames = np.concatenate([self._frames, more])
        np.add.at(self._frames, mine, np.uint32(1))
        used = self._frames[mine]
        spent = np.flatnonzero(used > FRAMES_MAX)
        if not len(spent):
            return rows[:0]
        rows, mine, used = rows[spent], mine[spent], used[spent]
        order = np.argsort(mine, kind="stable")
        _, first, which, count = np.unique(
            mine[order], return_index=True, return_inverse=True, return_counts=True
        )
        not_before = np.empty(len(mine), np.int64)
        not_before[order] = count[which] - (np.arange(len(mine)) - first[which])
        return rows[used - not_before >= FRAMES_MAX]

    def shed(
        self, joined: Joined, resolved: Resolved, channels: ChannelIndex
    ) -> tuple[Resolved, int, list[EndDeviceEvent]]:
        """
        Let go of the frames of channels that have sent too many; the raw messages keep them.

        Return whose readings the others hold, how many were let go, and what is to be told of it.
        """
        if not joined.messages:
            return resolved, 0, []
        at = joined.messages[0].message.received_at
        rows = self.reads(resolved, at)
        if not len(rows):
            return resolved, 0, []
        register_channel = resolved.register_channel.copy()
        interval_channel = resolved.interval_channel.copy()
        register_channel[rows] = interval_channel[rows] = NO_CHANNEL
        kept = replace(
            resolved, register_channel=register_channel, interval_channel=interval_channel
        )
        return kept, len(rows), self.news(_meters(joined, rows, channels), at)

    def events(self, events: Sequence[EndDeviceEvent], at: datetime) -> list[EndDeviceEvent]:
        """Return the events that are to be kept."""
        senders = np.array([e.radio_id or _NOBODYS for e in events], np.int64)
        allowed = self._events.within(senders, at) | (senders == _NOBODYS)
        return [event for event, keep in zip(events, allowed.tolist(), strict=True) if keep]

    def letters(self, letters: Sequence[Rejected], roster: AbstractSet[int]) -> list[Rejected]:
        """Return the dead letters to keep; those on no roster have one quota together."""
        if not letters:
            return []
        senders = [codecs.collector_of(letter.topic) for letter in letters]
        known = [each if each in roster else _NOBODYS for each in senders]
        sizes = np.array([len(letter.payload) for letter in letters], np.int64)
        allowed = self._letters.within(np.array(known), letters[0].received_at, sizes)
        return [letter for letter, keep in zip(letters, allowed.tolist(), strict=True) if keep]

    def news(self, meters: Iterable[tuple[int, str, int]], at: datetime) -> list[EndDeviceEvent]:
        """Return an event once an hour for each meter that floods: radio, badge, collector."""
        self._follow(at)
        events = []
        for radio_id, badge, collector_id in meters:
            if radio_id not in self._told:
                self._told.add(radio_id)
                events.append(
                    EndDeviceEvent(
                        collector_id=collector_id,
                        badge=badge,
                        radio_id=radio_id,
                        code=EventCode.METER_FLOODS,
                        at=at,
                        severity=Severity.WARNING,
                        received_at=at,
                    )
                )
        return events

    def _follow(self, at: datetime) -> None:
        hour = to_epoch_s(at) // _HOUR_S
        if hour != self._hour:
            self._hour = hour
            self._frames[:] = 0
            self._told.clear()


def _meters(joined: Joined, rows: Int64, channels: ChannelIndex) -> Iterator[tuple[int, str, int]]:
    """Yield radio, badge and collector of each meter in these rows, once."""
    frames = joined.frames
    _, firsts = np.unique(frames.radio_id[rows], return_index=True)
    for row in rows[firsts].tolist():
        radio_id = int(frames.radio_id[row])
        try:
            carrier = channels.meter(radio_id, int(frames.at_s[row]))
        except DecodeError:  # its final read, at the very moment when it was removed
            continue
        collector_id = joined.messages[joined.message[row]].message.collector_id
        yield radio_id, carrier.badge, collector_id
