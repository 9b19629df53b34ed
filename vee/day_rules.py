"""
The rules that look at days: what is unusual, what repeats, what a meter's other channels say.

Each returns nothing and adds to the marks. None may invalidate a value by statistics alone: they
warn, and what they hold is adjudicated against registers (vee.md 2 and 3.4).
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Block
from vee.context import ELECTRIC, UNKNOWN, USAGE, Quantity
from vee.kernels import validate_days, validate_siblings
from vee.kernels.darkness import seconds_of_days
from vee.marks import DayList, Marks, Severity
from vee.rules import RuleSet
from vee.screening import Screened, may_surprise

SUMMER = range(5, 11)
"""May to October: gas meters of homes may stand still."""


@dataclass(frozen=True, slots=True)
class DayRules:
    """One examination of a block's days; what a rule holds is noted in what was screened."""

    block: Block
    screened: Screened
    rules: RuleSet
    marks: Marks
    sound: Bool
    """Whole days of which nothing failed or is held, shape (channels, days)."""

    def apply(self) -> None:
        """Apply every rule."""
        self.surprises()
        self.zero_runs()
        self.repeated()
        self.steps()
        self.disconnected()
        self.inactive()
        self.received()
        self.reactive()
        self.siblings()
        self.voltage()

    def total(self, rows: Int64, grid: Int64 | None = None) -> Int64:
        """Return the daily sums of usable values of some channels, shape (rows, days)."""
        value = self.block.value[rows] if grid is None else grid
        usable = np.where(self.screened.usable[rows], value, 0)
        total: Int64 = np.add.reduceat(usable, self.block.slots.first[:-1], axis=1)
        return total

    def surprises(self) -> None:
        """Compare days with themselves (V23), with the days before (V22), and both (V24)."""
        before = self._peaks_before()
        day_max = self.screened.day_max
        above = (before > 0) & (day_max * 100 > before * self.rules.history.max_per_cent)
        channel, day = np.nonzero(self.screened.spiky | above)
        for part in DayList(channel, day, self.block.slots).parts():
            self._surprises(part, before)

    def _surprises(self, listed: DayList, before: Int64) -> None:
        slots, spike = self.block.slots, self.rules.spike
        value = listed.values(self.block.value, self.screened.usable)
        third = validate_days.third_highest(value)
        spiky = validate_days.spikes(value, third, excess_per_cent=spike.excess_per_cent)
        floor = spike.floor_w * slots.interval_s / 3600
        judged = self.screened.spiky[listed.channel, listed.day] & (third >= floor)
        self.marks.values(23, *listed.cells(spiky & judged[:, None]))
        known = before[listed.channel, listed.day][:, None]
        if not (known > 0).any():
            return
        above = (known > 0) & (value * 100 > known * self.rules.history.max_per_cent)
        self.marks.values(22, *listed.cells(above))
        least = self.rules.per_commodity(self.block.context.commodity, "ordinary_quanta_per_hour")
        beyond = value * 3600 > (least * slots.interval_s)[listed.channel][:, None]
        both = listed.cells(spiky & above & beyond)
        self.marks.values(24, *both)
        self.screened.held[both] = True

    def _peaks_before(self) -> Int64:
        """Return the largest value of the valid days before each day, UNKNOWN where too few are."""
        history, found = self.block.context.history, self.screened
        surprising = may_surprise(self.block.context)[:, None]
        peaks = np.full(found.day_max.shape, UNKNOWN, np.int64)
        days = len(self.block.slots.days) - history.first_judged
        before_last = int(history.valid_days.max(initial=0)) + days - 1
        if before_last < self.rules.history.valid_days_min:
            return peaks
        judged = slice(history.first_judged, None)
        day_max, counts = found.day_max[:, judged], self.sound[:, judged]
        while True:
            peak = np.maximum(history.peak[:, judged], _highest_before(day_max, counts))
            valid = history.valid_days[:, judged] + np.cumsum(counts, axis=1) - counts
            enough = valid >= self.rules.history.valid_days_min
            # a day that V24 holds is no measure for the next ones: nor for whether these are held
            beyond = enough & (day_max * 100 > peak * self.rules.history.max_per_cent)
            held = counts & beyond
            held &= np.cumsum(held, axis=1) == 1
            if not held.any():
                break
            counts = counts & ~held
        peaks[:, judged] = np.where(enough & surprising, peak, UNKNOWN)
        return peaks

    def zero_runs(self) -> None:
        """Find services in use that use nothing (V25)."""
        context = self.block.context
        zero = self.sound & (self.screened.day_max == 0) & ~context.inactive
        zero &= context.measures(Quantity.DELIVERED)[:, None]
        if not zero.any():
            return
        openings, slots = context.openings, self.block.slots
        off = seconds_of_days(
            zero.shape, openings.channel, openings.from_s, openings.until_s, slots
        )  # a service that was switched off is no riddle
        anew = np.zeros(zero.shape, np.bool_)
        if context.since is not None:  # nor is one that others left
            anew[:, 1:] = context.since[:, 1:] != context.since[:, :-1]
        run = validate_days.zero_runs(zero & (off == 0), context.history.zero_days, anew)
        summer = np.array([day.month in SUMMER for day in self.block.slots.days])
        limit = np.where(
            summer,
            self.rules.per_commodity(context.commodity, "zero_days_summer")[:, None],
            self.rules.per_commodity(context.commodity, "zero_days")[:, None],
        )
        self.marks.of_days(25, Severity.WARN, run, run >= limit)

    def repeated(self) -> None:
        """Find electric meters that repeat themselves (V26)."""
        static = self.rules.static
        rows = self._electric(Quantity.DELIVERED)
        rows = rows[self.screened.repeating[rows]]
        if len(rows):
            repeats = validate_days.runs(
                self.block.value[rows],
                self.screened.usable[rows],
                intervals=static.intervals,
                quanta_min=static.quanta_min,
            )
            self._days(26, Severity.WARN, rows, repeats)

    def steps(self) -> None:
        """Find values far from the one before them (V28), where the rule set wants it."""
        rise = self.rules.step.rise_per_cent_max
        if not rise:
            return
        rows = self._electric(Quantity.DELIVERED)
        rows = rows[may_surprise(self.block.context)[rows]]
        if len(rows):
            steps = validate_days.steps(
                self.block.value[rows], self.screened.usable[rows], rise_per_cent_max=rise
            )
            row, slot = np.nonzero(steps)
            self.marks.values(28, rows[row], slot)

    def disconnected(self) -> None:
        """
        Hold usage of services that are confirmed off (V29); one interval is left for grace.

        What is fed in goes through the switch, too. Voltage stands before it in any position, and
        reactive energy is no usage.
        """
        context, slots = self.block.context, self.block.slots
        openings = context.openings.take(context.measures(*USAGE)[context.openings.channel])
        if not len(openings):
            return
        limit = self.rules.per_commodity(context.commodity, "disconnected_quanta_max")
        whole = np.searchsorted(slots.start_s, openings.from_s)
        ends = np.searchsorted(slots.start_s + slots.interval_s, openings.until_s, side="right")
        found: Int64 = np.zeros((len(limit), len(slots.days)), np.int64)
        for channel, first, last in zip(
            openings.channel.tolist(), (whole + 1).tolist(), ends.tolist(), strict=True
        ):  # a service is switched off once in years
            value = self.block.value[channel, first:last]
            used = self.screened.usable[channel, first:last] & (np.abs(value) > limit[channel])
            slot = first + np.flatnonzero(used)
            self.marks.values(29, np.full(len(slot), channel), slot)
            self.screened.held[channel, slot] = True
            np.add.at(found, (channel, slots.day[slot]), 1)
        self.marks.of_days(29, Severity.HOLD, found)

    def inactive(self) -> None:
        """Find usage that nobody has an account for (V30): a day's, and all since the last one."""
        context = self.block.context
        rows = np.flatnonzero(context.inactive.any(axis=1) & context.measures(Quantity.DELIVERED))
        if not len(rows):
            return
        commodity = context.commodity[rows]
        used = np.where(context.inactive[rows], self.total(rows), 0)
        day_max = self.rules.per_commodity(commodity, "inactive_day_quanta_max")
        total_max = self.rules.per_commodity(commodity, "inactive_quanta_max")
        judged = np.arange(used.shape[1]) >= context.history.first_judged
        since = np.cumsum(used * judged, axis=1) + context.history.inactive_quanta[rows, None]
        owes = (total_max > 0)[:, None] & (since > total_max[:, None]) & (used > 0)
        self._of_rows(30, Severity.HOLD, rows, since, owes)
        self._of_rows(30, Severity.WARN, rows, used, (used > day_max[:, None]) & ~owes)

    def received(self) -> None:
        """Find energy from services that do not generate (V31), and from the sun at night (V33)."""
        context, limits, slots = self.block.context, self.rules.received, self.block.slots
        rows = self._electric(Quantity.RECEIVED)
        if not len(rows):
            return
        total = self.total(rows)
        strange = (total > limits.day_wh_max) & ~context.net_metering[rows, None]
        self._of_rows(31, Severity.WARN, rows, total, strange)
        hour = slots.wall * slots.interval_s / 3600
        night = (hour >= limits.night_from_h) | (hour < limits.night_until_h)
        solar = rows[context.net_metering[rows]]
        at_night = validate_siblings.received_at_night(
            self.block.value[solar], self.screened.usable[solar], night, wh_max=limits.night_wh_max
        )
        self._days(33, Severity.WARN, solar, at_night, let_pass=limits.night_intervals_max)

    def reactive(self) -> None:
        """Compare reactive with active energy (V27)."""
        limits, block = self.rules.reactive, self.block
        rows = self._electric(Quantity.REACTIVE)
        rows = rows[block.context.delivered[rows] != UNKNOWN]
        if not len(rows):
            return
        others = block.context.delivered[rows]
        both = self.screened.usable[rows] & self.screened.usable[others]
        active, reactive = block.value[others], block.value[rows]
        alone = validate_siblings.reactive_alone(active, reactive, both)
        self._days(27, Severity.WARN, rows, alone, let_pass=limits.intervals_max)
        poor = validate_siblings.poor_power_factor(
            active,
            reactive,
            both,
            power_factor_min=limits.power_factor_min,
            load_wh_min=limits.load_w_min * block.slots.interval_s / 3600,
        )
        poor_all_day = np.logical_and.reduceat(poor, block.slots.first[:-1], axis=1)
        length = np.broadcast_to(np.diff(block.slots.first), poor_all_day.shape)
        self._of_rows(27, Severity.WARN, rows, length, poor_all_day)

    def siblings(self) -> None:
        """Find channels that are silent on a day on which their siblings are not (V32)."""
        context, first = self.block.context, self.block.slots.first
        silent = np.zeros(context.inactive.shape, np.bool_)
        if context.lone is not None:
            silent |= context.lone
        delivered = context.delivered
        rows = np.flatnonzero((delivered != UNKNOWN) & (delivered != np.arange(len(delivered))))
        if not len(rows) and context.lone is None:
            return
        if len(rows):
            heard = np.logical_or.reduceat(self.block.present, first[:-1], axis=1)
            due = np.logical_or.reduceat(self.block.expected, first[:-1], axis=1)
            others = delivered[rows]
            both_due = due[rows] & due[others]
            silent[rows] |= both_due & heard[others] & ~heard[rows]
            np.logical_or.at(silent, others, both_due & heard[rows] & ~heard[others])
        length = np.broadcast_to(np.diff(first), silent.shape)
        self._of_rows(32, Severity.WARN, np.arange(len(silent)), length, silent)

    def voltage(self) -> None:
        """Find voltages outside the ranges of ANSI C84.1 (V35); billing is never kept waiting."""
        limits = self.rules.voltage
        rows = self._electric(Quantity.VOLTAGE)
        if not len(rows):
            return
        value, usable = self.block.value[rows], self.screened.usable[rows]
        b = validate_days.voltage_beyond(value, usable, low=limits.b_low, high=limits.b_high)
        a = validate_days.voltage_beyond(value, usable, low=limits.a_low, high=limits.a_high)
        self._days(35, Severity.HOLD, rows, b)
        self._days(35, Severity.WARN, rows, a & ~b)

    def _electric(self, quantity: Quantity) -> Int64:
        context = self.block.context
        return np.flatnonzero(context.measures(quantity) & (context.commodity == ELECTRIC))

    def _days(
        self, rule: int, severity: Severity, rows: Int64, mask: Bool, *, let_pass: int = 0
    ) -> None:
        """Mark the days of some channels that hold more such intervals than are let pass."""
        first = self.block.slots.first[:-1]
        count = np.add.reduceat(mask, first, axis=1, dtype=np.int64)
        self._of_rows(rule, severity, rows, count, count > let_pass)

    def _of_rows(
        self, rule: int, severity: Severity, rows: Int64, amount: Int64, where: Bool
    ) -> None:
        row, day = np.nonzero(where)
        if len(row):
            self.marks.add_days(rule, severity, rows[row], day, amount[row, day])


def _highest_before(day_max: Int64, counts: Bool) -> Int64:
    """Return the largest value of the days before each day that count, 0 where there are none."""
    highest = np.zeros(day_max.shape, np.int64)
    np.maximum.accumulate(np.where(counts, day_max, 0)[:, :-1], axis=1, out=highest[:, 1:])
    return highest
