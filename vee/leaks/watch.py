"""
One local day of every meter: detectors, then the table of states, hour by hour.

The loop goes over the day's hours; within an hour all meters are looked at together.
"""

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks import burst, continuous, daily
from vee.leaks.continuous import Flow
from vee.leaks.day import HOUR_S, Hour, LeakDay
from vee.leaks.journal import Journal, LeakEvent, Notice, has_case
from vee.leaks.memory import NEVER_S, POSSIBLE, SLOW, Memory
from vee.leaks.meters import Meters
from vee.leaks.rules import LeakRules
from vee.leaks.states import Kind, Signal, State, resumed
from vee.leaks.thresholds import Thresholds


def advance(
    memory: Memory, day: LeakDay, meters: Meters, rules: LeakRules
) -> tuple[Memory, list[LeakEvent]]:
    """
    Look at one more local day.

    Args:
        memory: What is known up to the day's first hour, a row a meter; left as it is.
        day: The day; each one is looked at once, in their order. Days left out count as missing.
        meters: Registers and tests, rows likewise.
        rules: What is taken for a leak.

    Returns:
        What is known at the day's end, and what happened to cases, in the order of hours.
    """
    begin_s = int(day.start_s[0])
    assert (memory["through_s"] <= begin_s).all(), "a day is looked at once"
    journal = Journal(memory.copy(), meters, rules)
    return _Watch(journal, day, Thresholds.of(meters, memory, begin_s, rules)).run()


class _Watch:
    """A day that is being looked at."""

    def __init__(self, journal: Journal, day: LeakDay, today: Thresholds) -> None:
        self._journal, self._day, self._today = journal, day, today
        self._memory, self._meters, self._rules = journal.memory, journal.meters, journal.rules

    def run(self) -> tuple[Memory, list[LeakEvent]]:
        memory, day = self._memory, self._day
        known = memory["through_s"] != NEVER_S
        skipped = np.where(known, day.start_s[0] - memory["through_s"], 0) // HOUR_S
        continuous.skip(memory, skipped)
        lapsed = (memory["ack_until_s"] <= day.start_s[0]) & (memory["state"] == State.ACK_NORMAL)
        self._journal.write(
            self._journal.move(Signal.LAPSE, lapsed),
            int(day.start_s[0]),
            Signal.LAPSE,
        )
        for hour in day:
            self._hour(hour)
        self._close()
        memory["through_s"] = day.end_s
        return memory, self._journal.events

    def _hour(self, hour: Hour) -> None:
        memory, today, meters = self._memory, self._today, self._meters
        watched = self._watched(hour.start_s)
        flow = continuous.listen(memory, hour, today, watched)
        flow = continuous.close_bracket(memory, hour, flow, today, meters)
        self._see(hour.valid, hour.end_s)
        self._clear(flow, hour)
        self._raise(flow, hour.end_s)
        self._burst(burst.listen(memory, hour, meters, watched, self._rules.burst), hour.end_s)

    def _watched(self, start_s: int) -> Bool:
        """Return the meters of which something may be raised from an instant on."""
        long_enough = start_s >= self._meters.watched_from_s
        return np.asarray(long_enough & (start_s >= self._memory["pool_until_s"]))

    def _see(self, valid: Bool, at_s: int) -> None:
        """Meters go blind when values are missing for too long, and see again by the first."""
        memory, journal = self._memory, self._journal
        again = np.flatnonzero(valid & (memory["state"] == State.UNKNOWN))
        told = again[has_case(memory)[again]]
        memory["state"][again] = resumed(memory["resume"][again])
        journal.write(told, at_s, Signal.SIGHT)

        dark = memory["gap_h"] > self._rules.continuous.frozen_h_max
        before = memory["state"].copy()
        blind = journal.move(Signal.BLIND, dark)
        memory["resume"][blind] = before[blind]
        continuous.forget(memory, dark)
        journal.write(blind[has_case(memory)[blind]], at_s, Signal.BLIND)

    def _clear(self, flow: Flow, hour: Hour) -> None:
        """Let what stopped drop, clear, or come back."""
        memory, journal, how = self._memory, self._journal, self._rules.clearing
        at_s = hour.end_s
        state = memory["state"]
        by_flow = (state == State.POSSIBLE) & (memory["kind"] == Kind.CONTINUOUS)
        journal.write(
            journal.move(Signal.DROP, by_flow & ~flow.holds.any(axis=1)), at_s, Signal.DROP
        )

        low = journal.move(Signal.LOW, flow.low)
        memory["clearing_s"][low] = hour.start_s
        for name in ("window_h", "window_low", "windows"):
            memory[name][low] = 0
        journal.write(low, at_s, Signal.LOW)

        clearing = state == State.CLEARING
        memory["window_h"] += clearing
        memory["window_low"] += clearing & flow.low
        full = clearing & (memory["window_h"] >= how.window_h)
        still = memory["window_low"] >= how.low_hours
        memory["windows"] = np.where(
            full, np.where(still, memory["windows"] + 1, 0), memory["windows"]
        )
        memory["window_h"][full] = 0
        memory["window_low"][full] = 0
        clear = journal.move(Signal.CLEAR, full & (memory["windows"] >= how.windows))
        memory["cleared_s"][clear] = at_s
        journal.write(clear, at_s, Signal.CLEAR)

    def _raise(self, flow: Flow, at_s: int) -> None:
        """Let what runs be possible, confirmed, or confirmed again."""
        memory, journal, how = self._memory, self._journal, self._rules.clearing
        rows = np.arange(len(memory))
        surely = np.asarray(flow.holds[:, SLOW:].any(axis=1))
        soon = at_s - memory["clearing_s"] <= how.again_within_h * HOUR_S
        runs = flow.long[rows, self._today.base] >= how.again_run_h
        again = journal.move(Signal.AGAIN, surely | (soon & runs))
        self._measure(again)
        journal.write(again, at_s, Signal.AGAIN)

        # The earliest of the runs that hold: a slower test began no later than a faster one.
        onset_s = np.where(flow.holds, memory["onset_s"], np.iinfo(np.int64).max).min(axis=1)
        self._begin(Signal.RAISE, np.asarray(flow.holds[:, POSSIBLE]), onset_s, at_s)
        self._begin(Signal.CONFIRM, surely, onset_s, at_s)

    def _begin(self, signal: Signal, where: Bool, onset_s: Int64, at_s: int) -> None:
        memory, journal = self._memory, self._journal
        had = has_case(memory)
        rows = journal.move(signal, where)
        new = rows[~had[rows]]
        journal.open(new, onset_s[new])
        journal.name(rows, Kind.CONTINUOUS)
        self._measure(rows)
        if signal is Signal.CONFIRM:
            memory["confirmed_s"][rows] = at_s
            journal.write(rows, at_s, signal, Notice.CONFIRMED)
        else:
            journal.write(rows, at_s, signal)

    def _burst(self, bursts: burst.Bursts, at_s: int) -> None:
        """Call a burst once a case, at once, whatever was known of it."""
        if not bursts.at.any():
            return
        memory, journal = self._memory, self._journal
        had = has_case(memory)
        fresh = bursts.at & ((memory["burst"] == 0) | ~had) & (memory["state"] != State.UNKNOWN)
        journal.move(Signal.BURST, fresh)
        rows = np.flatnonzero(fresh)
        new = rows[~had[rows]]
        journal.open(new, at_s - bursts.hours[new] * HOUR_S)
        memory["burst"][rows] = 1
        unconfirmed = rows[memory["confirmed_s"][rows] == NEVER_S]
        memory["confirmed_s"][unconfirmed] = at_s
        journal.name(rows, Kind.BURST)
        journal.measure(rows, burst.rate(memory, bursts, rows).astype(np.float64))
        journal.write(rows, at_s, Signal.BURST, Notice.BURST)

    def _close(self) -> None:
        """Look at the night and the day as a whole; then measure, and remind."""
        memory, day, journal, rules = self._memory, self._day, self._journal, self._rules
        at_s = day.end_s
        watched = self._watched(int(day.start_s[0]))
        night = daily.night(memory, day, self._meters, self._today.night_theta, rules.night)
        self._suspect(night, Kind.NIGHT, watched, rules.night.nights * len(day.start_s), at_s)
        often = daily.intermittent(memory, day, self._meters, rules.intermittent)
        hours = np.where(self._meters.hourly, rules.intermittent.days, 1).max(initial=1)
        self._suspect(often, Kind.INTERMITTENT, watched, int(hours) * len(day.start_s), at_s)
        daily.guard(memory, day, rules.guards)
        self._measure(np.flatnonzero(memory["state"] == State.CONFIRMED))
        journal.remind(at_s)

    def _suspect(self, said: daily.Said, kind: Kind, watched: Bool, hours: int, at_s: int) -> None:
        """Let what days and nights say raise a case, or drop the one that they raised."""
        memory, journal = self._memory, self._journal
        theirs = (memory["state"] == State.POSSIBLE) & (memory["kind"] == kind)
        journal.write(journal.move(Signal.DROP, theirs & said.stops), at_s, Signal.DROP)
        had = has_case(memory)
        rows = journal.move(Signal.RAISE, said.leaks & watched)
        new = rows[~had[rows]]
        journal.open(new, np.full(len(new), at_s - hours * HOUR_S))
        journal.measure(rows, np.maximum(said.flow[rows] - self._today.normal[rows], 0.0))
        journal.name(rows, kind)
        journal.write(rows, at_s, Signal.RAISE)

    def _measure(self, rows: Int64) -> None:
        how, resolution = self._rules.continuous, self._meters.resolution
        flow = continuous.rate(self._memory, self._today, resolution, rows, how)
        self._journal.measure(rows, flow)
