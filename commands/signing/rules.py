"""
The signer's own copy of the rules: dated, and in a folder that the daemon's user cannot write.

The folder is laid out like `config`: editions in `policy/disconnect*.toml`, years in
`calendars/*.toml`. They are read once; a new edition takes a new start.
"""

from dataclasses import dataclass
from datetime import datetime

from mdms.domain.time import local_day
from mdms.policy.calendars import Calendar
from mdms.policy.rulebook import Rulebook, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRules:
    """
    What the signer judges opens by.

    Attributes:
        rulebook: Every edition of the tables.
        calendar: The signed years, with the utility's zone.
        remote_open: Whether any switch may be opened from here at all (design D20).
    """

    rulebook: Rulebook
    calendar: Calendar
    remote_open: bool

    def at(self, instant: datetime) -> Rules:
        """
        Return what holds at an instant.

        Raises:
            TableError: No approved edition does.
        """
        return self.rulebook.at(local_day(instant, self.calendar.zone))
