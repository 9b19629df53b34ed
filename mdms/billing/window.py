"""The stretch of days that one bill covers, from read date to read date."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from mdms.domain.time import Period

SERVICE_DAYS_MIN = 27
SERVICE_DAYS_MAX = 33
"""A billing period is normally 27 to 33 days long (CPAU Rule 10.A.1)."""


@dataclass(frozen=True, slots=True)
class BillWindow:
    """
    A bill window [start, end): the meter is read at local midnight of both dates.

    Days are civil dates: one of 23 or 25 hours counts as one.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a bill window must end after it starts: {self.start} {self.end}")

    @property
    def last_day(self) -> date:
        """The last local day whose usage is billed; `start` is the first."""
        return self.end - timedelta(days=1)

    @property
    def service_days(self) -> int:
        """How many days of service the bill charges."""
        return (self.end - self.start).days

    @property
    def is_regular(self) -> bool:
        """Whether the length is a normal one; if not, rule V55 speaks and billing prorates."""
        return SERVICE_DAYS_MIN <= self.service_days <= SERVICE_DAYS_MAX

    def period(self, zone: ZoneInfo) -> Period:
        """Return the instants between the two reads."""
        return Period.of_days(self.start, self.last_day, zone)
