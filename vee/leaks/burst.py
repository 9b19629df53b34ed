"""Detector B: so much water in so few hours that nobody waits for more; vee.md 7.5."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import Hour
from vee.leaks.memory import Memory
from vee.leaks.meters import Meters
from vee.leaks.rules import BurstRules

_ONES = np.array([number.bit_count() for number in range(16)], np.int64)
_NIBBLE = 0b1111

UInt16 = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Bursts:
    """
    Which meters burst in an hour; shape (meters,).

    Attributes:
        at: Where a branch is complete.
        hours: How many hours it took, 0 elsewhere.
    """

    at: Bool
    hours: Int64


def listen(memory: Memory, hour: Hour, meters: Meters, watched: Bool, rules: BurstRules) -> Bursts:
    """
    Take one hour, in place.

    Args:
        memory: A row a meter.
        hour: The hour after the last.
        meters: Their registers and tests.
        watched: Where a burst may be raised.
        rules: The branches.
    """
    week_h = 24 * hour.weekday + hour.wall_h
    habit = memory["habit"][:, week_h].astype(np.int64)
    remembered = np.zeros_like(habit)
    hours = np.zeros(len(memory), np.int64)
    for number, branch in enumerate(rules.branches):
        limit = branch.gal_h * meters.per_gallon
        reached = hour.valid & (hour.value >= limit)
        heavy = hour.valid & (hour.value >= rules.habit_share * limit)
        run = memory["burst_run"][:, number]
        goes_on = reached & watched & ((run > 0) | branch.starts(hour.wall_h))
        run[:] = np.where(goes_on, np.minimum(run, 1000) + 1, 0)
        complete = meters.bursts & (run >= branch.hours)
        rows = np.flatnonzero(complete)
        complete[rows] = ~_is_habit(memory["habit"][rows], 4 * number, week_h, rules)
        hours = np.where(complete & (hours == 0), branch.hours, hours)
        nibble = (habit >> 4 * number) & _NIBBLE
        remembered |= (((nibble << 1) & _NIBBLE) | heavy) << 4 * number
    memory["habit"][:, week_h] = remembered
    return Bursts(hours > 0, hours)


def _is_habit(habit: UInt16, shift: int, week_h: int, rules: BurstRules) -> Bool:
    """Return where an hour of the week was heavy before, or that hour of other days."""
    weeks = (1 << rules.habit_weeks) - 1
    heavy = _ONES[(habit >> shift) & weeks]
    by_day = heavy[:, week_h % 24 :: 24].sum(axis=1)
    return np.asarray((heavy[:, week_h] >= rules.habit_min) | (by_day >= rules.habit_days_min))


def rate(memory: Memory, bursts: Bursts, rows: Int64) -> Int64:
    """Return the mean flow of bursts over their hours [quanta per hour], shape (some,)."""
    newest = np.cumsum(memory["recent"][rows][:, ::-1], axis=1, dtype=np.int64)
    hours = bursts.hours[rows]
    return newest[np.arange(len(rows)), hours - 1] // hours
