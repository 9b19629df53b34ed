"""What holds between utility and customer on the day that an instant falls on."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mdms.domain.time import local_day
from mdms.policy.calendars import Calendar
from mdms.policy.rulebook import CustomerRules, Rulebook


@dataclass(frozen=True, slots=True)
class CustomerBook:
    """The dated rules, and the calendar that says which day it is."""

    rulebook: Rulebook
    calendar: Calendar

    @property
    def zone(self) -> ZoneInfo:
        """Of local days."""
        return self.calendar.zone

    def today(self, now: datetime) -> date:
        """Return the local day of an instant."""
        return local_day(now, self.zone)

    def at(self, now: datetime) -> CustomerRules:
        """
        Return the rules of an instant's day.

        Raises:
            TableError: A table has no approved edition in force.
        """
        return self.rulebook.customer_at(self.today(now))
