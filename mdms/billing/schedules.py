"""Which days of a period each rate schedule has, and what its meters measured in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.billing.channels import BilledChannel, ServicePeriod
from mdms.billing.determinants import billed_intervals
from mdms.billing.service_parts import Terms
from mdms.billing.units import shared_out
from mdms.domain.readings import IntervalReads
from mdms.domain.tariff import RateSchedule, TariffRules
from mdms.domain.time import Period

_SPLIT: Final = ("delivered", "received")
_LARGEST: Final = "demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """
    Days of a period under one rate schedule.

    Attributes:
        name: Of the schedule.
        from_on: The first day.
        days: How many.
        between: Their local midnights; None where they are all days of the period.
    """

    name: str
    schedule: RateSchedule
    from_on: date
    days: int
    between: Period | None

    def intervals(self, reads: IntervalReads, channel: BilledChannel) -> IntervalReads:
        """
        Return the intervals of a part in these days, in time order.

        Args:
            reads: Current ones, sorted by channel and start, of any channels.
            channel: The part.
        """
        billed = billed_intervals(reads, channel)
        if self.between is None:
            return billed
        first, last = billed.start_s.searchsorted((self.between.start_s, self.between.end_s))
        return billed.take(slice(int(first), int(last)))

    def bounds(self, channel: BilledChannel) -> tuple[int, int]:
        """Return from which second on and up to which one a part lies in these days."""
        if self.between is None:
            return channel.read_start_s, channel.read_end_s
        return (
            max(channel.read_start_s, self.between.start_s),
            min(channel.read_end_s, self.between.end_s),
        )

    @property
    def view(self) -> dict[str, Any]:
        """What a bill tells of it."""
        return {"schedule": self.name, "from_on": str(self.from_on), "days": self.days}


def spans_of(
    period: ServicePeriod, terms: Terms, tariff: TariffRules, zone: ZoneInfo
) -> Sequence[Span]:
    """Return the spans of a period, at least one, the earliest first."""
    firsts = [first for first, _ in terms.schedules]
    lasts = [*firsts[1:], period.to_on]
    return [
        Span(
            name=name,
            schedule=tariff.schedules[name],
            from_on=first,
            days=(last - first).days,
            between=Period.of_days(first, last - timedelta(days=1), zone)
            if len(firsts) > 1
            else None,
        )
        for (first, name), last in zip(terms.schedules, lasts, strict=True)
    ]


def split_by_days(totals: Mapping[str, int], days: Sequence[int]) -> list[dict[str, int]]:
    """
    Divide the totals of a period among its spans, what is net in each from its own two sides.

    Source:
        R11.F.3, vee.md 8.1: by days, not by what was used when.
    """
    rows: list[dict[str, int]] = [{} for _ in days]
    for name, units in totals.items():
        if name.split("_", 1)[0] in _SPLIT:
            for row, share in zip(rows, shared_out(units, days), strict=True):
                row[name] = share
    for row in rows:
        if "net_kwh" in totals:
            row["net_kwh"] = row["delivered_kwh"] - row["received_kwh"]
    return rows


def of_all(rows: Sequence[Mapping[str, int]], totals: Mapping[str, int]) -> dict[str, int]:
    """Return what only some spans count, for the whole period: buckets add up, demand is a peak."""
    found: dict[str, int] = {}
    for row in rows:
        for name in row.keys() - totals.keys():
            before = found.get(name, 0)
            is_peak = name.startswith(_LARGEST)
            found[name] = max(before, row[name]) if is_peak else before + row[name]
    return found
