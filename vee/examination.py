"""What is wrong with a block and what its registers say: validation, before any estimate."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool, Int32, Int64, rule_bit
from vee.block import Block
from vee.kernels import validate
from vee.kernels.brackets import Bookends, Brackets, chain
from vee.rules import RuleSet

V08, V20, V21, V40, V41, V45, V46 = (rule_bit(number) for number in (8, 20, 21, 40, 41, 45, 46))


@dataclass(frozen=True, slots=True)
class Examination:
    """
    A block after validation; grids have the shape (channels, slots).

    Attributes:
        block: What was examined.
        usable: Received and not failed; held values count as usable, they are kept.
        missing: Expected and not usable.
        held: Usable but kept from billing until somebody decides.
        flags: Rules that a received value broke (V20, V21, V45), besides the flags it came with.
        bookends: What became of the register reads.
        brackets: Stretches of known usage.
        number: Bracket of each slot, -1 where there is none.
        missing_count: Missing slots of each bracket.
        residual: Usage less the usable values of each bracket [quanta].
        unequal: Brackets without a gap whose sum is off (V45).
        overdrawn: Brackets with a gap whose values exceed the register (V46).
    """

    block: Block
    usable: Bool
    missing: Bool
    held: Bool
    flags: Int64
    bookends: Bookends
    brackets: Brackets
    number: Int32
    missing_count: Int64
    residual: Int64
    unequal: Bool
    overdrawn: Bool

    @property
    def anchor(self) -> Bool:
        """Values that may carry a line: actual, not held, no power failure (V34)."""
        return self.usable & ~self.held & ~self.block.power_fail

    def reference(self, *, outage_h_max: float) -> Bool:
        """Return the values that other days may be estimated from: no day of outage in them."""
        slots = self.block.slots
        failed = np.add.reduceat(
            self.block.power_fail, slots.first[:-1], axis=1, dtype=np.int64
        )  # intervals with a power failure, per day
        outage = failed * slots.interval_s >= outage_h_max * 3600
        return self.anchor & ~(outage & (failed > 0))[:, slots.day]


def examine(block: Block, rules: RuleSet) -> Examination:
    """Validate a block: values (V20, V21), registers (V40, V41) and sums (V45, V46)."""
    limits = block.limits
    below = validate.negative(block.value, block.present, limits.reversible)
    above = validate.beyond_maximum(block.value, block.present, limits.v_max)
    backward, backward_days = validate.reverse_flow(
        block.value,
        limits.reversible,
        block.slots.first,
        quanta_max=rules.reverse_flow.quanta_max,
        day_per_cent_max=rules.reverse_flow.day_per_cent_max,
    )
    usable = block.present & ~below & ~above
    missing = block.expected & ~usable

    bookends = chain(block.registers, limits, backstep_max=rules.bookend.backstep_quanta_max)
    brackets = Brackets.between(bookends, ~block.expected & ~usable)
    number = brackets.number(*block.value.shape)
    missing_count = brackets.total(missing)
    residual = brackets.usage - brackets.total(np.where(usable, block.value, 0))
    tolerance = validate.tolerance_milli(
        brackets.usage,
        limits.step[brackets.channel],
        resolutions=rules.sum_check.resolutions,
        usage_per_mille=rules.sum_check.usage_per_mille,
    )
    unequal = (missing_count == 0) & (1000 * np.abs(residual) > tolerance)
    overdrawn = (missing_count > 0) & (1000 * residual < -tolerance)

    off_sum = brackets.mark(unequal, number) & block.present
    flags = (below | backward) * V20 | above * V21 | off_sum * V45
    return Examination(
        block=block,
        usable=usable,
        missing=missing,
        held=usable & (off_sum | (backward & backward_days[:, block.slots.day])),
        flags=flags,
        bookends=bookends,
        brackets=brackets,
        number=number,
        missing_count=missing_count,
        residual=residual,
        unequal=unequal,
        overdrawn=overdrawn,
    )
