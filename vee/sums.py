"""What the registers of a block say about its sums: V43, V45 and V46."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int32, Int64
from vee.block import Limits, Registers
from vee.kernels.brackets import Bookends
from vee.kernels.validate_registers import tolerance_milli
from vee.rules import SumCheckRules


@dataclass(frozen=True, slots=True)
class Between:
    """
    What lies from each bookend to the next one; every array has the shape (bookends,).

    Attributes:
        total: Sum of the usable values [quanta].
        gaps: Missing slots.
        known: Whether all that flowed there could have been received; None where it always could.
    """

    total: Int64
    gaps: Int64
    known: Bool | None


@dataclass(frozen=True, slots=True)
class Sums:
    """
    Brackets and how their intervals add up; arrays without another shape have (brackets,).

    Attributes:
        bookends: Register reads that fit their neighbours, shape (bookends,).
        later: Bookend that closes each bracket; the one before it opens it.
        usage: What the register says [quanta].
        residual: Usage less the usable values [quanta].
        gapped: With a missing slot.
        unequal: Without a gap, and the sum is off (V45).
        overdrawn: With a gap, and the values exceed the register (V46).
        rolled: Reads after a rollover (V40).
        refused: Reads that do not follow the one before them (V41), or cannot be (V42).
        stuck: Reads at which the register stood still while something flowed (V43).
    """

    bookends: Registers
    later: Int32
    usage: Int64
    residual: Int64
    gapped: Bool
    unequal: Bool
    overdrawn: Bool
    rolled: Registers
    refused: Registers
    stuck: Registers

    @classmethod
    def check(
        cls, chained: Bookends, between: Between, limits: Limits, rules: SumCheckRules
    ) -> Self:
        """
        Compare intervals and registers.

        Hardly a bracket is off by more than its register's resolution explains, so what its usage
        explains beyond that is worked out for the few that are.
        """
        reads = chained.registers
        later = np.flatnonzero(chained.linked)
        before = later - 1
        usage = chained.usage[later]
        residual = usage - between.total[before]
        gapped = between.gaps[before] > 0
        step = limits.step
        fine = rules.resolutions * (
            int(step[0]) if (step == step[:1]).all() else step[reads.channel[later]]
        )
        doubtful = residual < -fine
        doubtful |= (residual > fine) > gapped
        unequal, overdrawn = np.zeros(len(later), np.bool_), np.zeros(len(later), np.bool_)
        kept = None if between.known is None else between.known[before]
        stuck = reads.take(later[:0])
        at = np.flatnonzero(doubtful)
        if len(at):
            off, used = 1000 * residual[at], usage[at]
            tolerance = cls.tolerance(used, step[reads.channel[later[at]]], rules)
            below = off < -tolerance
            still = below & (used == 0)
            unequal[at] = ~gapped[at] & (below | (off > tolerance))
            overdrawn[at] = gapped[at] & below
            if still.any():
                kept = np.ones(len(later), np.bool_) if kept is None else kept
                kept[at[still]] = False
                stuck = reads.take(later[at[still]])
        every = cls(
            reads,
            later.astype(np.int32),
            usage,
            residual,
            gapped,
            unequal,
            overdrawn,
            rolled=reads.take(np.flatnonzero(chained.rolled)),
            refused=chained.refused,
            stuck=stuck,
        )
        return every if kept is None else every.take(kept)

    @staticmethod
    def tolerance(usage: Int64, step: Int64, rules: SumCheckRules) -> Int64:
        """Return how far intervals and register may differ, in thousandths of a quantum."""
        return tolerance_milli(
            usage, step, resolutions=rules.resolutions, usage_per_mille=rules.usage_per_mille
        )

    def take(self, brackets: Bool) -> Self:
        """Return the brackets where this mask is true, with all reads."""
        return replace(
            self,
            later=self.later[brackets],
            usage=self.usage[brackets],
            residual=self.residual[brackets],
            gapped=self.gapped[brackets],
            unequal=self.unequal[brackets],
            overdrawn=self.overdrawn[brackets],
        )

    @classmethod
    def join(cls, parts: Sequence[Self], registers: Registers) -> Self:
        """
        Return those of all parts, which hold rising channels.

        Args:
            parts: At least one.
            registers: The reads that all parts were chained from.
        """
        count = np.cumsum([0, *(len(part.bookends) for part in parts)]).astype(np.int32)
        all_fit = count[-1] == len(registers)
        return cls(
            registers if all_fit else Registers.join([part.bookends for part in parts]),
            np.concatenate([part.later + start for part, start in zip(parts, count, strict=False)]),
            np.concatenate([part.usage for part in parts]),
            np.concatenate([part.residual for part in parts]),
            np.concatenate([part.gapped for part in parts]),
            np.concatenate([part.unequal for part in parts]),
            np.concatenate([part.overdrawn for part in parts]),
            Registers.join([part.rolled for part in parts]),
            Registers.join([part.refused for part in parts]),
            Registers.join([part.stuck for part in parts]),
        )
