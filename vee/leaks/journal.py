"""What became of cases: one entry for each change, each notice, with the figures of that hour."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.day import HOUR_S
from vee.leaks.memory import NEVER_S, Floats, Memory
from vee.leaks.meters import DAY_S, Meters
from vee.leaks.rules import LeakRules
from vee.leaks.states import OPEN, Kind, Signal, State, after


class Notice(StrEnum):
    """What the customer is told, and why now."""

    CONFIRMED = "confirmed"
    BURST = "burst"
    STILL = "still"
    """Days and weeks later."""
    RATE = "rate"
    """It runs much faster or slower than was said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakEvent:
    """
    A change of one case.

    Attributes:
        row: Which meter.
        at_s: End of the hour that decided, seconds since 1970-01-01 UTC.
        episode: Number of the case, from 1 for each meter.
        signal: What happened; None for a notice alone.
        state: Where the meter stands now.
        kind: What gave it away.
        began_s: Onset.
        rate_gal_h: What leaks.
        error_gal_h: How far that may be off; a sixth of the register's step.
        lost_gal: Rate times hours since the onset, up to the end where it ended.
        severity: 1 to 5.
        notice: What the customer is told, if anything.
    """

    row: int
    at_s: int
    episode: int
    signal: Signal | None
    state: State
    kind: Kind
    began_s: int
    rate_gal_h: float
    error_gal_h: float
    lost_gal: float
    severity: int
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class Journal:
    """Collects events, and keeps cases in a memory."""

    memory: Memory
    meters: Meters
    rules: LeakRules
    events: list[LeakEvent] = field(default_factory=list)

    def move(self, signal: Signal, where: Bool) -> Int64:
        """Give a signal to meters; return the rows whose state it changed."""
        memory = self.memory
        state = memory["state"]
        moved = where & (after(state, signal) != state)
        rows = np.flatnonzero(moved)
        memory["state"][rows] = after(state[rows], signal)
        return rows

    def open(self, rows: Int64, began_s: Int64) -> None:
        """Begin a case for meters that have none."""
        memory = self.memory
        memory["episode"][rows] += 1
        memory["began_s"][rows] = began_s
        memory["rate"][rows] = 0.0
        for name in ("kind", "burst", "noticed_rate", "noticed_day"):
            memory[name][rows] = 0
        for name in ("confirmed_s", "clearing_s", "cleared_s"):
            memory[name][rows] = NEVER_S

    def name(self, rows: Int64, kind: Kind) -> None:
        """Say what gave a case away, unless something graver did."""
        self.memory["kind"][rows] = np.maximum(self.memory["kind"][rows], np.uint8(kind))

    def measure(self, rows: Int64, flow: Floats) -> None:
        """Take the flow of cases, where it is known [quanta per hour]."""
        known = np.isfinite(flow)
        self.memory["rate"][rows[known]] = flow[known]

    def write(
        self, rows: Int64, at_s: int, signal: Signal | None, notice: Notice | None = None
    ) -> None:
        """Write an entry for each of these rows; a loop over changes, which are few."""
        memory, meters = self.memory, self.meters
        if notice is not None:
            memory["noticed_rate"][rows] = memory["rate"][rows]
        for row in rows.tolist():
            record, per_gallon = memory[row], float(meters.per_gallon[row])
            gal_h = float(record["rate"]) / per_gallon
            state = State(record["state"])
            until_s = at_s
            if state in (State.CLEARING, State.CLEARED):
                until_s = int(record["clearing_s"])
            hours = max(0, until_s - int(record["began_s"])) / HOUR_S
            self.events.append(
                LeakEvent(
                    row=row,
                    at_s=at_s,
                    episode=int(record["episode"]),
                    signal=signal,
                    state=state,
                    kind=Kind(record["kind"]),
                    began_s=int(record["began_s"]),
                    rate_gal_h=gal_h,
                    error_gal_h=int(meters.resolution[row])
                    / per_gallon
                    / self.rules.continuous.rate_window_h,
                    lost_gal=gal_h * hours,
                    severity=severity(gal_h, burst=bool(record["burst"]), rules=self.rules),
                    notice=notice,
                )
            )

    def remind(self, at_s: int) -> None:
        """Write the notices that are due by now, after days and weeks and when the rate changed."""
        memory, how = self.memory, self.rules.notices
        told = np.flatnonzero(memory["state"] == State.CONFIRMED)
        elapsed = (at_s - memory["confirmed_s"][told]) // DAY_S
        last = how.days[-1] if how.days else 0
        weeks = np.maximum(elapsed - last, 0) // how.weekly_days
        due = np.zeros(len(told), np.int64)
        for day in how.days:
            due = np.where(elapsed >= day, day, due)
        due = np.where(elapsed >= last, last + weeks * how.weekly_days, due)
        again = due > memory["noticed_day"][told]
        memory["noticed_day"][told] = np.maximum(due, memory["noticed_day"][told])
        self.write(told[again], at_s, None, Notice.STILL)

        now, said = memory["rate"][told], memory["noticed_rate"][told]
        changed = ~again & (said > 0) & (now > 0)
        changed &= (now > how.rate_factor * said) | (said > how.rate_factor * now)
        self.write(told[changed], at_s, None, Notice.RATE)


def severity(gal_h: float, *, burst: bool, rules: LeakRules) -> int:
    """Return how bad a leak is, 1 to 5; vee.md 7.6."""
    bounds = rules.severity.gal_h
    if burst:
        return len(bounds) + 1
    return 1 + sum(gal_h >= bound for bound in bounds)


def has_case(memory: Memory) -> Bool:
    """Return which meters have an open case; one that went blind has the case it had."""
    state = np.where(memory["state"] == State.UNKNOWN, memory["resume"], memory["state"])
    return np.isin(state, OPEN)
