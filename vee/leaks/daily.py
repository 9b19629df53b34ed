"""What only whole days and nights tell: detectors N and I, and who never has a still hour."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import LeakDay
from vee.leaks.memory import UNHEARD, Floats, Memory, pushed
from vee.leaks.meters import Meters
from vee.leaks.rules import GuardRules, IntermittentRules, NightRules
from vee.leaks.states import OPEN, State
from vee.leaks.thresholds import night_need


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a day says about each meter; both False where it says nothing, shape (meters,).

    Attributes:
        leaks: It looks like a leak.
        stops: It does not, and that is known.
        flow: What runs then, normal flow included [quanta per hour], NaN where that is not told.
    """

    leaks: Bool
    stops: Bool
    flow: Floats


def night(memory: Memory, day: LeakDay, meters: Meters, theta: Floats, how: NightRules) -> Said:
    """
    Take the night of a day, in place; detector N of vee.md 7.3.

    Args:
        memory: A row a meter.
        day: The day.
        meters: Their registers.
        theta: Flow that counts as a leak [quanta per hour], infinite where N does not look.
        how: Which hours, and how many nights.
    """
    hours = (day.wall_h >= how.from_h) & (day.wall_h < how.until_h)
    heard = np.asarray(day.valid[:, hours].all(axis=1))
    asked_h, there_h = how.until_h - how.from_h, np.count_nonzero(hours)  # clocks may change
    volume = np.where(heard, day.value[:, hours].sum(axis=1) * asked_h // there_h, 0)
    pushed(memory["nights"], heard, volume)
    last = memory["nights"][:, -how.nights :]
    enough = (last != UNHEARD).all(axis=1)
    total = np.sort(last, axis=1)[:, : how.smallest].sum(axis=1, dtype=np.int64)
    total_h = how.smallest * asked_h
    leaks = heard & enough & (total >= night_need(theta, total_h, meters.resolution))
    return Said(leaks, heard & ~leaks, np.where(enough, total / total_h, np.nan))


def intermittent(memory: Memory, day: LeakDay, meters: Meters, how: IntermittentRules) -> Said:
    """
    Take the moving hours of a day, in place; detector I of vee.md 7.4.

    It tells no flow, so nobody can say that such a flow is normal: while what somebody said holds,
    it says nothing.
    """
    whole = np.asarray(day.valid.all(axis=1))
    moved_h = ((day.value > 0) & day.valid).sum(axis=1)
    usual = _median(memory["days"][:, -how.median_days :], how.median_days_min)
    busy = whole & (moved_h >= how.hours) & (moved_h >= usual + how.above_median)
    memory["busy_days"] = np.where(busy, memory["busy_days"] + 1, 0)
    pushed(memory["days"], whole, moved_h)
    slots = sticks(day.moving, day.quarters, how.slots)
    leaks = np.where(meters.hourly, memory["busy_days"] >= how.days, slots)
    leaks &= meters.homes & (memory["steady"] == 0) & (memory["ack_until_s"] <= day.start_s[0])
    told = np.where(meters.hourly, whole, day.moving != UNHEARD)
    return Said(leaks, told & ~leaks, np.full(len(leaks), np.nan))


def sticks(moving: Int64, quarters: int, least: int) -> Bool:
    """Return who had water moving in many quarter hours of a day, but not in all."""
    return (moving >= least) & (moving < quarters)


def guard(memory: Memory, day: LeakDay, how: GuardRules) -> None:
    """Learn who never has a still hour, in place; vee.md 7.8. Nobody told of a leak is."""
    learns = day.valid.all(axis=1) & (memory["guard_days"] < how.steady_days)
    memory["guard_days"] += learns
    memory["guard_days_moving"] += learns & (day.value > 0).all(axis=1)
    known = memory["guard_days"] >= how.steady_days
    always = memory["guard_days_moving"] >= how.steady_share * how.steady_days
    free = ~np.isin(memory["state"], [state for state in OPEN if state is not State.POSSIBLE])
    memory["steady"] |= (known & always & free).astype(np.uint8)


def _median(days: Int64, least: int) -> Floats:
    """Return the usual number of moving hours, infinite with too few days."""
    heard = days != UNHEARD
    enough = heard.sum(axis=1) >= least
    median = np.full(len(days), np.inf)
    if enough.any():
        median[enough] = np.nanmedian(np.where(heard[enough], days[enough], np.nan), axis=1)
    return median
