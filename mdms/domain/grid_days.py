"""What the grid went through, kept a local day at a time."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageRecord:
    """
    Something that failed.

    Attributes:
        device: service, transformer, feeder.
        name: Which; a service is named by its meter's badge.
        transformers: Those that are out with it; of a service none.
        ended_at: None while it lasts.
        customers: Without power, those that said nothing included.
        reported: Those that said so.
    """

    device: str
    name: str
    transformers: tuple[str, ...]
    began_at: datetime
    ended_at: datetime | None
    customers: int
    reported: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityDay:
    """
    The indices of IEEE 1366 of what began on a day.

    Attributes:
        customers: Served.
        saidi_min: Minutes of sustained interruption a customer.
        saifi: Sustained interruptions a customer.
        maifi: Momentary interruptions a customer.
    """

    local_day: date
    customers: int
    saidi_min: float
    saifi: float
    maifi: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerDay:
    """
    What a transformer carried on a day.

    Attributes:
        peak_percent: Of its nameplate; None where no load was measured.
        p95_percent: The same, of 95 % of the time.
        hours_over_100: Above its nameplate.
        coverage_percent: Of its meters that were heard.
        lowest_v: Of the median of its meters; None where none measures voltage.
        highest_v: The same.
        beyond_a_percent: Of the intervals, outside range A; None without voltage.
    """

    local_day: date
    transformer_id: str
    peak_percent: float | None
    p95_percent: float | None
    hours_over_100: float | None
    coverage_percent: float | None
    lowest_v: float | None
    highest_v: float | None
    beyond_a_percent: float | None
