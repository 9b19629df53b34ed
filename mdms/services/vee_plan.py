"""Which channel-days a run judges: a set of them, small enough for a million channels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int32, Int64
from mdms.domain.registry import ChannelTable
from mdms.domain.time import days_between, local_midnight, to_epoch_s

_DAY_BITS = 22
"""A proleptic Gregorian ordinal fits; date.max is 3,652,059."""

TWO_SIDED_DAYS = 7
"""Estimates look at later days once there are so many; vee.md 4.3."""


@dataclass(frozen=True, slots=True)
class ChannelDays:
    """A set of channels on local days, sorted by channel and day; `key` packs both."""

    key: Int64

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, date]]) -> Self:
        """Return the set of these pairs."""
        keys = [(channel << _DAY_BITS) + day.toordinal() for channel, day in pairs]
        return cls(np.unique(np.array(keys, np.int64)))

    @classmethod
    def expected(cls, table: ChannelTable, first: date, last: date, zone: ZoneInfo) -> Self:
        """Return the local days first..last on which a channel was due to be heard."""
        parts = [np.empty(0, np.int64)]
        for day in days_between(first, last):
            start_s = to_epoch_s(local_midnight(day, zone))
            end_s = to_epoch_s(local_midnight(day + timedelta(days=1), zone))
            due = table.radio_on & (table.installed_s < end_s) & (table.removed_s > start_s)
            parts.append((table.channel_id[due].astype(np.int64) << _DAY_BITS) + day.toordinal())
        return cls(np.unique(np.concatenate(parts)))

    def __len__(self) -> int:
        return len(self.key)

    def __iter__(self) -> Iterator[tuple[int, date]]:
        days = map(date.fromordinal, self.ordinal.tolist())
        return zip(self.channel_id.tolist(), days, strict=True)

    @property
    def channel_id(self) -> Int32:
        """The channel of each member."""
        return (self.key >> _DAY_BITS).astype(np.int32)

    @property
    def ordinal(self) -> Int64:
        """The day of each member as a proleptic Gregorian ordinal."""
        return self.key & ((1 << _DAY_BITS) - 1)

    def union(self, *others: Self) -> Self:
        """Return the members of any of the sets."""
        return type(self)(np.unique(np.concatenate([self.key, *(other.key for other in others)])))

    def intersection(self, other: Self) -> Self:
        """Return the members of both sets."""
        return type(self)(np.intersect1d(self.key, other.key, assume_unique=True))

    def until(self, last: date) -> Self:
        """Return the members up to a day, itself included."""
        return type(self)(self.key[self.ordinal <= last.toordinal()])

    def between(self, first: date, last: date) -> Self:
        """Return the members from a day to another, both included."""
        return type(self)(
            self.key[(self.ordinal >= first.toordinal()) & (self.ordinal <= last.toordinal())]
        )

    def of_channels(self, channel_ids: Int32) -> Self:
        """Return the members of these channels."""
        return type(self)(self.key[np.isin(self.channel_id, channel_ids)])

    def weeks(self) -> Iterator[Self]:
        """Cut the set into calendar weeks, Monday to Sunday, earliest first."""
        week = (self.ordinal - 1) // 7  # the first day of all was a Monday
        for number in np.unique(week):
            yield type(self)(self.key[week == number])

    def mask(self, channel_id: Int32, days: tuple[date, ...]) -> Bool:
        """Return the members as a grid, shape (channels, days)."""
        ordinals = np.array([day.toordinal() for day in days], np.int64)
        keys = (channel_id.astype(np.int64)[:, None] << _DAY_BITS) + ordinals
        return np.isin(keys, self.key)
