"""What grid analytics read: who is fed by what, power reports, open switches, tampering."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from mdms.domain.events import EventCode
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True)
class ServedMeter:
    """
    An electric meter where it sits.

    Attributes:
        transformer_id: What feeds it; empty where unknown.
        feeder_id: What feeds that.
        is_reporting: Its radio may be heard.
    """

    badge: str
    transformer_id: str
    feeder_id: str
    is_reporting: bool


@dataclass(frozen=True, slots=True)
class PowerReport:
    """A last gasp or a restoration, with how long it was dark [s]; 0 if it does not say."""

    badge: str
    at: datetime
    restored: bool
    dark_s: int


@dataclass(frozen=True, slots=True)
class SwitchOpening:
    """Since when a switch is confirmed open, until a command to close it was sent."""

    badge: str
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class FlaggedDay:
    """A channel-day that VEE flagged."""

    badge: str
    commodity: str
    local_day: date
    flags: int


@dataclass(frozen=True, slots=True)
class MeterReport:
    """An event of a meter."""

    badge: str
    code: EventCode
    at: datetime
    net_metering: bool


class GridStore(Protocol):
    """Reads for outages and signs of tampering; of who opted out there are no signs."""

    async def served(self, at: datetime) -> Sequence[ServedMeter]:
        """Return the electric meters that were installed at an instant, by badge."""
        ...

    async def power_reports(self, period: Period, *, served_at: datetime) -> Sequence[PowerReport]:
        """
        Return what meters said of their power in a period.

        What a meter said before it was exchanged is said by the one that sits in its place at the
        other instant; that it lost its power when it was taken away says nothing.
        """
        ...

    async def openings(self, period: Period) -> Sequence[SwitchOpening]:
        """Return the times with open switches that touch a period."""
        ...

    async def heard_after(
        self, failures: Sequence[tuple[str, datetime]]
    ) -> Sequence[tuple[str, datetime]]:
        """Return, for the meters that read their register since, when they first did."""
        ...

    async def flagged_days(self, first: date, last: date, flags: int) -> Sequence[FlaggedDay]:
        """Return channel-days whose newest outcome has any of these flags, and only those flags."""
        ...

    async def idle_but_occupied(
        self, first: date, last: date, idle_flag: int, *, used_min: int
    ) -> Sequence[tuple[str, date]]:
        """Return idle days of water meters at whose premises so much electricity was used [Wh]."""
        ...

    async def reports(
        self, period: Period, codes: Sequence[EventCode]
    ) -> Sequence[MeterReport]: ...
    async def voltage_behind_open_switches(self, period: Period) -> Sequence[tuple[str, datetime]]:
        """Return meters that answered so to a command, and when."""
        ...
