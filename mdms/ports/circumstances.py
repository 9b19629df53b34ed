"""What validation may know of channels besides their reads: place, account, switch, the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, Self

from mdms.domain.events import EventCode
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True)
class ClockReport:
    """
    What was said of a meter's clock.

    Attributes:
        channel_id: One of its channels.
        at: When it was said.
        code: CLOCK_SET by the meter, CLOCK_OFF by the head-end.
        offset_s: What it was set forward by, or what it is ahead of UTC.
        cleared: It is right again.
    """

    channel_id: int
    at: datetime
    code: EventCode
    offset_s: int
    cleared: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """
    What is out of the ordinary about some channels in a period.

    Attributes:
        irregular: Channels of services whose usage is no surprise.
        generating: Channels of net-metered services.
        inactive: Channel, and the local days [first, end) on which nobody had an account, after
            somebody had.
        openings: Channel, since when its switch is confirmed open, until a command to close it
            was sent; None while none was.
        conflicts: Channel, start of an interval, and a raw value that differs from the stored one.
        clocks: What was said of clocks in the period and a day on both sides, by channel and time.
        moves: Channel, and a local day after the first one on which people moved in or out.
    """

    irregular: frozenset[int]
    generating: frozenset[int]
    inactive: Sequence[tuple[int, date, date]]
    openings: Sequence[tuple[int, datetime, datetime | None]]
    conflicts: Sequence[tuple[int, datetime, int]]
    clocks: Sequence[ClockReport] = ()
    moves: Sequence[tuple[int, date]] = ()


@dataclass(frozen=True, slots=True)
class PastPeak:
    """The largest value of the valid days before a day, and how many they are."""

    channel_id: int
    local_day: date
    peak: int
    valid_days: int


@dataclass(frozen=True, slots=True)
class ConfirmedLeak:
    """A leak that was confirmed: what runs out an hour, since when, and until when if it ended."""

    channel_id: int
    began_at: datetime
    ended_at: datetime | None
    rate: float
    unit: str
    """gal or cf."""


class CircumstanceStore(Protocol):
    """What the registry, commands, conflicts and earlier outcomes say of channels."""

    def as_known(self, at: datetime) -> Self:
        """
        Return what was known at an instant.

        The registry and its agreements have no such past: they count as they are today.
        """
        ...

    async def of(
        self, channel_ids: Sequence[int], period: Period, first: date, last: date
    ) -> Circumstances:
        """Return what is out of the ordinary in a period, the local days first..last."""
        ...

    async def moves(
        self, channel_ids: Sequence[int], first: date, last: date
    ) -> Sequence[tuple[int, date]]:
        """Return channel, and a local day on which people moved in or out, first < day <= last."""
        ...

    async def outages(
        self, channel_ids: Sequence[int], period: Period
    ) -> Sequence[tuple[int, datetime, datetime]]:
        """
        Return channel, power failure and restoration of outages that touch a period.

        An outage of which nobody reported the end is none: it proves nothing about any interval.
        """
        ...

    async def leaks(self, channel_ids: Sequence[int], period: Period) -> Sequence[ConfirmedLeak]:
        """Return the confirmed leaks that touch a period."""
        ...

    async def peaks(
        self, channel_days: Sequence[tuple[int, date]], *, before: date, days: int
    ) -> Sequence[PastPeak]:
        """
        Return what went before each channel-day.

        Args:
            channel_days: What to look back from.
            before: Stored outcomes from this day on do not count.
            days: How far to look back.
        """
        ...

    async def idle_days(
        self, channel_ids: Sequence[int], *, before: date, days_max: int
    ) -> Mapping[int, int]:
        """
        Return for how many days in a row each channel used nothing, up to the eve of a day.

        Not counted are days before the people who are there moved in, and until the switch was
        closed last; a day of which nothing is known ends the row.
        """
        ...

    async def siblings_heard(
        self, silent: Sequence[tuple[int, date, Period]]
    ) -> Sequence[tuple[int, date]]:
        """
        Return of silent channels and days those on which the same meter sent other channels.

        Only channels whose intervals have another length are asked: the others lie side by side.
        """
        ...

    async def used(self, since: Sequence[tuple[int, date]], *, before: date) -> Mapping[int, int]:
        """Return what each channel used since a day of its own, before another day [quanta]."""
        ...
