"""What the registers of a block say about its sums: V43, V45 and V46."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.block import Limits, Registers
from vee.kernels.bits import Bits
from vee.kernels.brackets import Bookends, Brackets
from vee.kernels.validate_registers import tolerance_milli
from vee.rule_tables import SumCheckRules


@dataclass(frozen=True, slots=True)
class Between:
    """
    What lies from each bookend to the next one.

    Attributes:
        edge: Position of each bookend's boundary in the flattened grid, shape (bookends,).
        total: Sum of the usable values [quanta], shape (bookends,).
        missing: The missing slots of the grid.
        known: Whether all that flowed there could have been received, shape (bookends,); None
            where it always could.
    """

    edge: Int64
    total: Int64
    missing: Bits
    known: Bool | None

    def gapped(self, later: Int64) -> Bool:
        """Return which of the brackets that these bookends close have a missing slot."""
        if len(later) == 0:
            return np.zeros(0, np.bool_)
        before = self.missing.count(self.edge[later - 1])
        gapped: Bool = self.missing.count(self.edge[later]) > before
        return gapped


@dataclass(frozen=True, slots=True)
class Sums:
    """
    Brackets and how their intervals add up; arrays without another shape have (brackets,).

    Attributes:
        bookends: Register reads that fit their neighbours, shape (bookends,).
        later: Bookend that closes each bracket; the one before it opens it.
        usage: What the register says [quanta].
        residual: Usage less the usable values [quanta].
        unequal: Without a gap, and the sum is off (V45).
        overdrawn: With a gap, and the values exceed the register (V46).
        rolled: Reads after a rollover (V40).
        refused: Reads that do not follow the one before them (V41), or cannot be (V42).
        stuck: Reads at which the register stood still while something flowed (V43).
    """

    bookends: Registers
    later: Int64
    usage: Int64
    residual: Int64
    unequal: Bool
    overdrawn: Bool
    rolled: Registers
    refused: Registers
    stuck: Registers

    @classmethod
    def check(
        cls,
        chained: Bookends,
        between: Between,
        limits: Limits,
        rules: SumCheckRules,
        *,
        vouched: Bool | None = None,
    ) -> Self:
        """
        Compare intervals and registers.

        Hardly a bracket is off by more than its register's resolution explains, so what its usage
        explains beyond that, and whether it has a gap, is worked out for the few that are.

        Args:
            chained: The bookends.
            between: What flowed from each to the next.
            limits: Of the block's channels.
            rules: Tolerance.
            vouched: Bookends that a person vouches for: one that stands still is not stuck.
        """
        reads, linked = chained.registers, chained.linked
        residual = np.empty(len(reads), np.int64)
        residual[:1] = 0
        np.subtract(chained.usage[1:], between.total[:-1], out=residual[1:])
        step = limits.step
        fine = rules.resolutions * (int(step.min()) if len(step) else 0)
        off = (residual + fine).view(np.uint64) > np.uint64(2 * fine)  # below zero is far above
        off &= linked
        kept = linked.copy()
        if between.known is not None:
            kept[1:] &= between.known[:-1]
        at = np.flatnonzero(off)
        milli, used = 1000 * residual[at], chained.usage[at]
        tolerance = cls.tolerance(used, step[reads.channel[at]], rules)
        gapped, below = between.gapped(at), milli < -tolerance
        still = at[below & (used == 0)]
        if vouched is not None:
            still = still[~vouched[still]]
        kept[still] = False
        later = np.flatnonzero(kept)

        def brackets(mask: Bool) -> Bool:
            marked = np.zeros(len(later), np.bool_)
            numbers = at[mask & kept[at]]
            marked[np.searchsorted(later, numbers)] = True
            return marked

        return cls(
            reads,
            later,
            chained.usage[kept],
            residual[kept],
            unequal=brackets(~gapped & (below | (milli > tolerance))),
            overdrawn=brackets(gapped & below),
            rolled=reads.take(chained.rolled),
            refused=chained.refused,
            stuck=reads.take(still),
        )

    @staticmethod
    def tolerance(usage: Int64, step: Int64, rules: SumCheckRules) -> Int64:
        """Return how far intervals and register may differ, in thousandths of a quantum."""
        return tolerance_milli(
            usage, step, resolutions=rules.resolutions, usage_per_mille=rules.usage_per_mille
        )

    def brackets(self, numbers: Int64) -> Brackets:
        """Return these brackets."""
        return Brackets.closed_by(self.bookends, self.later[numbers], self.usage[numbers])
