"""The store of leaks, and of what is carried from night to night to find them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from mdms.domain.leaks import LeakCase, LeakStep, WatchedMeter
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True)
class LeakRun:
    """A night that was looked at to its end."""

    last_day: date
    first_day: date
    ran_at: datetime
    rules_hash: str
    channels: int
    steps: int


@dataclass(frozen=True, slots=True)
class Packed:
    """What is carried of a channel; `layout` names the form of the bytes."""

    channel_id: int
    layout: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class WaterBill:
    """A frozen determinant of water, as far as a credit needs it; days [start, end)."""

    window_start: date
    window_end: date
    usage_units: int
    """ccf."""
    quality: str
    content_hash: str
    account_id: str


class LeakStore(Protocol):
    """Cases, their steps, and memories."""

    async def watched(self, day: date, period: Period) -> Sequence[WatchedMeter]:
        """
        Return the water and gas meters that may be looked at, sorted by channel.

        Args:
            day: Their radio was on for all of it, and nobody had opted out of it.
            period: The same day in UTC.
        """
        ...

    async def memories(self, channel_ids: Sequence[int]) -> Mapping[int, Packed]:
        """Return what is carried of channels, and keep others from changing it meanwhile."""
        ...

    async def remember(self, packed: Sequence[Packed]) -> None: ...
    async def forget_opted_out(self, at: datetime) -> Sequence[LeakCase]:
        """Drop what is carried of meters that opted out; return their open cases."""
        ...

    async def withdrawn(self, at: datetime, layouts: Sequence[str]) -> Sequence[LeakCase]:
        """
        Return the open cases that nobody looks at any more.

        Their meter was taken away, or what is carried of it is not in one of these forms.
        """
        ...

    async def last_episodes(self, channel_ids: Sequence[int]) -> Mapping[int, int]:
        """Return the number of the last case of each channel that ever had one."""
        ...

    async def write(self, cases: Sequence[LeakCase], steps: Sequence[LeakStep]) -> None:
        """Put cases as they stand now, and append steps."""
        ...

    async def cases(
        self, *, badge: str | None = None, ended_since: datetime | None = None
    ) -> Sequence[LeakCase]:
        """Return open cases and those that ended since an instant, the newest first."""
        ...

    async def case(self, badge: str, episode: int) -> LeakCase | None: ...
    async def steps(self, channel_id: int, episode: int) -> Sequence[LeakStep]: ...
    async def notices(self, since: datetime) -> Sequence[tuple[str, LeakStep]]:
        """Return what customers are to be told since an instant, oldest first, with the case."""
        ...

    async def record_run(self, run: LeakRun) -> None: ...
    async def last_run(self) -> LeakRun | None: ...
    async def bills(self, channel_id: int) -> Sequence[WaterBill]:
        """Return what was frozen for the account that has the channel's place now, oldest first."""
        ...

    async def first_judged_day(self) -> date | None:
        """Return the first day that validation has an outcome of."""
        ...
