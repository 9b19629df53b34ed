"""One local day of water as leak detection sees it: whole hours, valid values only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.memory import UNHEARD

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of a day; arrays of shape (meters,), as in `LeakDay`."""

    start_s: int
    wall_h: int
    weekday: int
    value: Int64
    valid: Bool
    register: Int64

    @property
    def end_s(self) -> int:
        """Where it ends."""
        return self.start_s + HOUR_S


@dataclass(frozen=True, slots=True)
class LeakDay:
    """
    Water of one local day, meters in rows, its 23 to 25 hours in columns.

    Attributes:
        start_s: Start of each hour, seconds since 1970-01-01 UTC, consecutive, shape (hours,).
        wall_h: Hour of the local clock, shape (hours,).
        weekday: 0 is Monday.
        value: Quanta; counts only where `valid`, shape (meters, hours).
        valid: Status V, A or D: measured, and believed. Nothing else sets or clears a leak.
        register: Register at the end of the hour, UNHEARD where none was read near it.
        moving: Quarter hours of the day in which water moved, UNHEARD where some are not valid or
            the meter is hourly, shape (meters,).
        quarters: Quarter hours of the day.
    """

    start_s: Int64
    wall_h: Int64
    weekday: int
    value: Int64
    valid: Bool
    register: Int64
    moving: Int64
    quarters: int

    def __post_init__(self) -> None:
        assert self.value.shape == self.valid.shape == self.register.shape
        assert len(self.start_s) == self.value.shape[1] == self.quarters // 4
        assert (np.diff(self.start_s) == HOUR_S).all(), "hours follow each other"

    @classmethod
    def hourly(
        cls, start_s: Int64, wall_h: Int64, weekday: int, value: Int64, valid: Bool
    ) -> "LeakDay":
        """Return a day without registers and quarter hours."""
        return cls(
            start_s=start_s,
            wall_h=wall_h,
            weekday=weekday,
            value=value,
            valid=valid,
            register=np.full(value.shape, UNHEARD, np.int64),
            moving=np.full(len(value), UNHEARD, np.int64),
            quarters=4 * len(start_s),
        )

    def __iter__(self) -> Iterator[Hour]:
        """Yield the hours in their order."""
        for at, start_s in enumerate(self.start_s.tolist()):
            yield Hour(
                start_s=start_s,
                wall_h=int(self.wall_h[at]),
                weekday=self.weekday,
                value=self.value[:, at],
                valid=self.valid[:, at],
                register=self.register[:, at],
            )

    @property
    def end_s(self) -> int:
        """Where the last hour ends."""
        return int(self.start_s[-1]) + HOUR_S
