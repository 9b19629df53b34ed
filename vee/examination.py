"""What is wrong with a block and what its registers say: validation, before any estimate."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mdms.domain.readings import Bool, Int64, rule_bit
from vee.block import Block, Registers
from vee.clocks import fail_astray, held_astray, mark_astray
from vee.day_rules import DayRules
from vee.kernels.brackets import Brackets
from vee.kernels.darkness import seconds_of_days
from vee.kernels.validate_registers import impossible_digits
from vee.marks import Marks
from vee.rules import RuleSet
from vee.screening import Screened, screen_block
from vee.sums import Sums

V06, V08, V20, V21, V24, V29, V40, V41, V42, V43, V45, V46 = (
    rule_bit(number) for number in (6, 8, 20, 21, 24, 29, 40, 41, 42, 43, 45, 46)
)


@dataclass(frozen=True)
class Examination:
    """
    A block after validation.

    Attributes:
        block: What was examined.
        screened: What is usable, missing and held.
        sums: What its registers say.
        marks: What the rules say about values and days.
        accepted: Values that broke a rule and that a register proved right (status A), shape
            (channels, slots).
    """

    block: Block
    screened: Screened
    sums: Sums
    marks: Marks
    accepted: Bool

    @property
    def usable(self) -> Bool:
        """Received and not failed; held values count as usable, they are kept."""
        return self.screened.usable

    @property
    def missing(self) -> Bool:
        """Expected and not usable."""
        return self.screened.missing

    @property
    def held(self) -> Bool:
        """Usable but kept from billing until somebody decides."""
        return self.screened.held

    @cached_property
    def brackets(self) -> Brackets:
        """Stretches of known usage."""
        return Brackets.closed_by(self.sums.bookends, self.sums.later, self.sums.usage)

    @property
    def residual(self) -> Int64:
        """Usage less the usable values of each bracket [quanta]."""
        return self.sums.residual

    @property
    def unequal(self) -> Bool:
        """Brackets without a gap whose sum is off (V45)."""
        return self.sums.unequal

    @property
    def overdrawn(self) -> Bool:
        """Brackets with a gap whose values exceed the register (V46)."""
        return self.sums.overdrawn

    @cached_property
    def waived(self) -> Bool:
        """Brackets that need not add up, because somebody said why, shape (brackets,)."""
        edits, brackets = self.block.edits, self.brackets
        if edits is None:
            return np.zeros(len(brackets), np.bool_)
        waived = brackets.count(edits.waived) > 0
        for boundary in (brackets.first, brackets.last):
            waived |= edits.vouches(brackets.channel, boundary)
        return waived

    @cached_property
    def flags(self) -> Int64:
        """Rules that a received value broke, besides the flags it came with."""
        return self.marks.flags()

    def refused(self, *, for_digits: bool) -> Registers:
        """Return the register reads that cannot be (V42), or that do not follow others (V41)."""
        refused = self.sums.refused
        return refused.take(impossible_digits(refused, self.block.limits) == for_digits)

    def gapped(self, brackets: Int64) -> Bool:
        """Return which of these brackets have a slot without a usable value."""
        return self.brackets.take(brackets).count(~self.usable) > 0

    @cached_property
    def missing_count(self) -> Int64:
        """Missing slots of each bracket."""
        return self.brackets.count(self.missing)

    def bracket_of(self, channel: Int64, slot: Int64) -> Int64:
        """Return the bracket of each of these cells, -1 where there is none, shape (cells,)."""
        slots = self.block.value.shape[1]
        return self.brackets.holding(channel * slots + slot, slots)

    def days_of(self, bracket: int) -> slice:
        """Return the days that a bracket shares a slot with."""
        day, brackets = self.block.slots.day, self.brackets
        return slice(int(day[brackets.first[bracket]]), int(day[brackets.last[bracket] - 1]) + 1)

    @cached_property
    def anchor(self) -> Bool:
        """Values that may carry a line: actual, not held, no power failure (V34)."""
        anchor = self.usable & ~self.held
        anchor &= ~self.block.power_fail
        if self.block.edits is not None:
            anchor &= ~self.block.edits.standing
        return anchor

    def reference(self, *, outage_h_max: float) -> Bool:
        """
        Return the values that other days may be estimated from.

        Not those of a day with so much outage, nor of one on which the service was switched off.
        """
        days = unlike_others(self.block, outage_h_max=outage_h_max)
        return self.anchor if days is None else self.anchor & ~days[:, self.block.slots.day]


def unlike_others(block: Block, *, outage_h_max: float) -> Bool | None:
    """
    Return the days that are no example for others, shape (channels, days); None: there is none.

    What power failed for is told by intervals and by the meter's events: what fell into an outage
    was mostly never received.
    """
    slots, outages, openings = block.slots, block.evidence.outages, block.context.openings
    if not (block.power_fail.any() or len(outages.channel) or len(openings)):
        return None
    failed = np.add.reduceat(block.power_fail, slots.first[:-1], axis=1, dtype=np.int64)
    shape = failed.shape
    dark_s = seconds_of_days(shape, outages.channel, outages.from_s, outages.until_s, slots)
    dark_s = np.maximum(dark_s, failed * slots.interval_s)
    off_s = seconds_of_days(shape, openings.channel, openings.from_s, openings.until_s, slots)
    unlike: Bool = (dark_s >= outage_h_max * 3600) & (dark_s > 0) | (off_s > 0)
    return unlike


def examine(block: Block, rules: RuleSet) -> Examination:
    """Validate a block: values, registers, sums, and days; vee.md 1.4, steps 1 to 3."""
    marks = Marks(block.value.shape)
    if len(block.context.clocks):
        block = fail_astray(block, rules.clock)
        mark_astray(block, rules.clock, marks)
    screened, sums = screen_block(block, rules, marks)
    sound = screened.whole_days(block.slots)
    if not block.all_expected:
        sound &= np.logical_or.reduceat(block.expected, block.slots.first[:-1], axis=1)
    accepted = np.broadcast_to(np.False_, block.value.shape)
    if block.edits is not None:
        waived = Examination(block, screened, sums, marks, accepted).waived
        sums = replace(sums, unequal=sums.unequal & ~waived, overdrawn=sums.overdrawn & ~waived)
    held = _off(block, screened, sums, sums.unequal)
    marks.values(45, *np.divmod(held, len(block.slots)))
    for cells in (held, held_astray(block, rules.clock)):
        screened.held.reshape(-1)[cells] = True
        channel, slot = np.divmod(cells, len(block.slots))
        sound[channel, block.slots.day[slot]] = False
    screened.held.reshape(-1)[_off(block, screened, sums, sums.overdrawn)] = True
    DayRules(block, screened, rules, marks, sound).apply()
    if block.edits is not None:
        screened.held[block.edits.standing] = False  # a person has decided about these
    return Examination(block, screened, sums, marks, accepted)


def _off(block: Block, screened: Screened, sums: Sums, off: Bool) -> Int64:
    """Return the usable values of some brackets, as positions in the flattened grid."""
    if not off.any():
        return np.zeros(0, np.int64)
    cells = sums.brackets(np.flatnonzero(off)).cells(len(block.slots))
    return cells[screened.usable.reshape(-1)[cells]]
