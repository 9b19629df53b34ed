"""Mass events: so many meters silent at once that it is one incident, and not each meter's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple


class Silence(NamedTuple):
    """How many meters were to be heard on a day, and how many were silent for hours of it."""

    due: int
    silent: int


class Brought(NamedTuple):
    """How many frames a collector brought on a day, and at most on one of the seven before."""

    collector: str
    frames: int
    frames_before: int


def fallen_silent(brought: Iterable[Brought]) -> tuple[str, ...]:
    """Return the collectors that brought less than half, those that brought most before first."""
    fallen = [each for each in brought if 2 * each.frames < each.frames_before]
    fallen.sort(key=lambda each: (each.frames - each.frames_before, each.collector))
    return tuple(each.collector for each in fallen)


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
