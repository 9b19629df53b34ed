"""Mass events: so many meters silent at once that it is one incident, and not each meter's."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple


class Silence(NamedTuple):
    """How many meters were to be heard on a day, and how many were silent for hours of it."""

    due: int
    silent: int


@dataclass(frozen=True, slots=True)
class MassEvent:
    """
    A day on which too many meters were silent.

    Attributes:
        due: Meters that were to be heard.
        silent: Of them, silent for hours, when counted last.
        ended_at: When they were no longer so many; None while they are.
    """

    local_day: date
    due: int
    silent: int
    found_at: datetime
    counted_at: datetime
    ended_at: datetime | None
