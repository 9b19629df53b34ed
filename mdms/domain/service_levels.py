"""Service levels of reading: how much of a day had come by when, and what became of the rest."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mdms.domain.registry import Commodity


class Mark(StrEnum):
    """The two mornings on which a day is measured (vee.md 9.1)."""

    RAW = "raw"
    """At 06:00 of the next day."""
    SETTLED = "settled"
    """At the first 06:00 after 72 hours, when collectors are asked no more for what is missing."""

    @property
    def age(self) -> timedelta:
        """From the measured day to the day on which it is measured."""
        return timedelta(days=1 if self is Mark.RAW else 4)


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """
    One service's local day at a mark, in intervals.

    Attributes:
        local_day: The measured day.
        commodity: Which service.
        mark: At which of the two mornings.
        measured_at: When it really was measured; later than the mark if nobody ran then.
        channel_count: Channels that were judged.
        expected: Intervals that were to come.
        uplink: Of these, come as meters sent them.
        received: Come in whichever way: backfill and files, too.
        estimated: Estimated by then.
        held: Waiting for a person by then.
        missing: Neither come nor estimated.
    """

    local_day: date
    commodity: Commodity
    mark: Mark
    measured_at: datetime
    channel_count: int
    expected: int
    uplink: int
    received: int
    estimated: int
    held: int
    missing: int
