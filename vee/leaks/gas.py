"""
Gas that flows where or as it should not; vee.md 7.9.

Pilots burn all night, so flow that never stops says nothing here. That nothing was found never
means that there is no leak: nobody may be told so.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import LeakDay
from vee.leaks.memory import NEVER_S, NIGHTS, UNHEARD, Floats, pushed
from vee.leaks.rules import GasRules, LeakRules, NightRules


class Check(IntEnum):
    """What was seen, and what it asks for."""

    CAPACITY = 0
    """G1: as much as the meter can pass; a safety check at once."""
    IDLE = 1
    """G2: use where nobody may use any; somebody goes there."""
    NIGHT = 2
    """G3: nights with more than before, though it is warm; the customer is asked."""


GAS_ROW: Final = np.dtype(
    [
        ("through_s", "<i8"),
        ("episode", "<i4"),
        ("open", "<i4", (len(Check),)),  # number of the open case, 0 for none
        ("began_s", "<i8", (len(Check),)),
        ("flow", "<f8", (len(Check),)),  # that opened it, cubic feet an hour
        ("nights", "<i4", (NIGHTS,)),  # least hour of each night, the newest last
        ("risen", "<i4"),  # nights in a row
    ]
)
LAYOUT: Final = hashlib.sha256(repr(GAS_ROW.descr).encode()).hexdigest()[:12]
GasMemory = npt.NDArray[np.void]


def fresh(count: int) -> GasMemory:
    """Return the rows of meters of which nothing is known yet."""
    memory = np.zeros(count, GAS_ROW)
    memory["through_s"], memory["nights"] = NEVER_S, UNHEARD
    return memory


@dataclass(frozen=True, slots=True)
class GasMeters:
    """
    Gas meters in rows; every array has the shape (meters,).

    Attributes:
        per_cf: Quanta of a cubic foot.
        badge: What the meter can pass [quanta per hour]; infinite where it is not known.
        idle: Locked, or nobody's account.
    """

    per_cf: Floats
    badge: Floats
    idle: Bool

    def __len__(self) -> int:
        return len(self.per_cf)


@dataclass(frozen=True, slots=True)
class GasEvent:
    """
    A case of a gas meter that began or ended.

    Attributes:
        row: Which meter.
        began_s: Start of the day that raised it.
        at_s: End of the day that decided.
        episode: Number of the case, from 1 for each meter.
        check: What was seen.
        is_open: It began; otherwise it ended.
        flow_cf_h: The largest hour of the day that raised it; for nights what they have risen by.
    """

    row: int
    began_s: int
    at_s: int
    episode: int
    check: Check
    is_open: bool
    flow_cf_h: float


def advance(
    memory: GasMemory, day: LeakDay, meters: GasMeters, outdoor_f: float, rules: LeakRules
) -> tuple[GasMemory, list[GasEvent]]:
    """
    Look at one more local day.

    Args:
        memory: What is known up to the day, a row a meter; left as it is.
        day: The day; each one is looked at once, in their order.
        meters: What can pass, and who may use any.
        outdoor_f: Mean temperature of the day outdoors [degrees F]; NaN: G3 says nothing.
        rules: What counts.

    Returns:
        What is known at the day's end, and which cases began and ended.
    """
    assert (memory["through_s"] <= day.start_s[0]).all(), "a day is looked at once"
    memory = memory.copy()
    how = rules.gas
    peak = np.where(day.valid, day.value, 0).max(axis=1)
    whole = np.asarray(day.valid.all(axis=1))
    events: list[GasEvent] = []

    def tell(check: Check, seen: Bool, over: Bool, flow: Floats) -> None:
        begins = seen & (memory["open"][:, check] == 0)
        ends = over & ~seen & (memory["open"][:, check] > 0)
        memory["episode"] += begins
        memory["began_s"][begins, check] = day.start_s[0]
        memory["flow"][begins, check] = (flow / meters.per_cf)[begins]
        memory["open"][begins, check] = memory["episode"][begins]
        for row in np.flatnonzero(begins | ends).tolist():
            number = int(memory["open"][row, check])
            cf_h = float(memory["flow"][row, check])
            begun_s = int(memory["began_s"][row, check])
            events.append(GasEvent(row, begun_s, day.end_s, number, check, bool(begins[row]), cf_h))
        memory["open"][ends, check] = 0

    tell(Check.CAPACITY, at_capacity(peak, meters.badge, how), whole, peak)
    tell(Check.IDLE, meters.idle & (peak > how.idle_quanta_max), whole | ~meters.idle, peak)
    rise, told = _rise(memory, day, meters, outdoor_f, (how, rules.night))
    tell(Check.NIGHT, memory["risen"] >= how.nights, told & (memory["risen"] == 0), rise)
    memory["through_s"] = day.end_s
    return memory, events


def at_capacity(flow: Int64, badge: Floats, how: GasRules) -> Bool:
    """Return where an hour passed nearly all that a meter can pass; G1."""
    return np.asarray(flow >= how.capacity_share * badge)


def _rise(
    memory: GasMemory,
    day: LeakDay,
    meters: GasMeters,
    outdoor_f: float,
    rules: tuple[GasRules, NightRules],
) -> tuple[Floats, Bool]:
    """Take the night, in place; return by how much nights have risen, and where that is known."""
    how, clock = rules
    hours = (day.wall_h >= clock.from_h) & (day.wall_h < clock.until_h)
    heard = np.asarray(day.valid[:, hours].all(axis=1))
    least = np.where(heard, day.value[:, hours].min(axis=1), 0)
    pushed(memory["nights"], heard, least)
    now = _median(memory["nights"][:, -how.night_days :], how.night_days)
    base = _median(memory["nights"][:, -how.baseline_days :], how.baseline_days_min)
    rise = now - base
    told = heard & np.isfinite(rise)
    warm = outdoor_f > how.warm_f
    much = (rise > how.night_rise_cf_h * meters.per_cf) & (now > how.night_rise_factor * base)
    memory["risen"] = np.where(told & warm & much, memory["risen"] + 1, 0)
    return np.nan_to_num(rise), told & warm


def _median(nights: Int64, least: int) -> Floats:
    heard = nights != UNHEARD
    enough = heard.sum(axis=1) >= least
    median = np.full(len(nights), np.nan)
    if enough.any():
        median[enough] = np.nanmedian(np.where(heard[enough], nights[enough], np.nan), axis=1)
    return median
