"""
What the registers leave, shared out among the missing cells: whole quanta, none lost.

All missing cells of a bracket are scaled together, or those of each time-of-use bucket in it.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_EXTREME,
    Bool,
    Int64,
)
from vee.context import Quantity
from vee.examination import Examination
from vee.kernels.buckets import bucket_residuals
from vee.kernels.conserve import apportion, shift
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.sums import Sums

SHAPE_ONE = 1 << 20
"""Shapes are scaled in fixed point: so many parts make one quantum."""


def bracket_tolerance(found: Examination, rules: RuleSet) -> Int64:
    """Return how far each bracket's intervals and register may differ [1/1000 quantum] (V45)."""
    step = found.block.limits.step[found.brackets.channel]
    return Sums.tolerance(found.brackets.usage, step, rules.sum_check)


@dataclass(frozen=True, slots=True)
class Groups:
    """
    Cells that share one total.

    Attributes:
        order: Positions of the cells, group by group, in time within each, shape (members,).
        group: Group of each member, numbered from 0 on, rising, shape (members,).
        total: Quanta of each group, shape (groups,).
        flags: Marks of each group, shape (groups,).
        signed: Groups of channels whose values have a sign, shape (groups,).
    """

    order: Int64
    group: Int64
    total: Int64
    flags: Int64
    signed: Bool

    @classmethod
    def of(
        cls,
        found: Examination,
        cells: Cells,
        shape: Float,
        wanted: Bool,
        rules: RuleSet,
    ) -> "Groups":
        """
        Group cells by bracket and find what each bracket leaves for them.

        Args:
            found: Brackets and their residuals.
            cells: Missing cells.
            shape: Unscaled estimates [quanta], shape (cells,).
            wanted: Cells to scale; each lies in a bracket.
            rules: Bounds of the scale, and what is coarse.

        Source:
            vee.md 4.4.
        """
        how, order = rules.estimate, np.flatnonzero(wanted)
        limits, x = found.block.limits, shape[order]
        bracket = found.bracket_of(cells.channel[order], cells.slot[order])
        numbers, first, group = np.unique(bracket, return_index=True, return_inverse=True)
        channel = cells.channel[order[first]]
        residual, step = found.residual[numbers], limits.step[channel]
        signed = found.block.context.measures(Quantity.NET)[channel]
        unscaled = np.add.reduceat(x, first) if len(first) else np.zeros(0)
        coarse = step > how.fine_quanta_max
        rounded = np.floor(unscaled + 0.5).astype(np.int64)
        total = np.where(coarse, np.clip(rounded, residual - step, residual + step), residual)
        clamped = (total < 0) & ~signed
        total = np.where(clamped, 0, total)
        extreme = ~signed & np.where(
            unscaled > 0,
            (total < how.alpha_min * unscaled) | (total > how.alpha_max * unscaled),
            total > 0,
        )
        flags = (
            coarse * np.int64(FLAG_EST_COARSE)
            | clamped * np.int64(FLAG_EST_CLAMPED)
            | extreme * np.int64(FLAG_EST_EXTREME)
        )
        groups = cls(order, group, total, flags, signed)
        return (
            groups
            if found.block.evidence.buckets is None
            else groups._by_bucket(found, cells, rules)
        )

    def _by_bucket(self, found: Examination, cells: Cells, rules: RuleSet) -> "Groups":
        """Split the groups whose time-of-use buckets were read at both ends."""
        registers = found.block.evidence.buckets
        assert registers is not None, "called only where there are some"
        split = bucket_residuals(
            registers,
            found.brackets,
            np.where(found.usable, found.block.value, 0),
            missing=found.missing,
            limits=found.block.limits,
            tolerance=bracket_tolerance(found, rules),
        )
        at = (cells.channel[self.order], cells.slot[self.order])
        bracket = found.bracket_of(*at)
        apart = split.known[bracket] & ~self.signed[self.group]
        bucket = np.where(apart, registers.bucket[at].astype(np.int64), 0)
        count = split.residual.shape[1]
        key = self.group * count + bucket
        rows = np.argsort(key, kind="stable")
        parts, first, part = np.unique(key[rows], return_index=True, return_inverse=True)
        outer, inner = parts // count, parts % count
        total = self.total[outer]
        several = apart[rows[first]]
        if several.any():
            left = np.maximum(split.residual[bracket[rows[first]], inner], 0)[several]
            groups, of = np.unique(outer[several], return_inverse=True)
            total[several] = apportion(self.total[groups], left, of)
        return Groups(self.order[rows], part, total, self.flags[outer], self.signed[outer])

    def share_out(self, shape: Float) -> Int64:
        """
        Share the totals out after a shape.

        Args:
            shape: Quanta of each member, in the groups' order, shape (members,).

        Returns:
            Whole quanta of each member; those of a group sum to its total exactly.
        """
        parts = np.rint(shape * SHAPE_ONE).astype(np.int64)
        value = np.zeros(len(self.order), np.int64)
        for signed, divide in ((False, apportion), (True, _shift)):
            groups = self.signed == signed
            members = groups[self.group]
            if members.any():
                number = (np.cumsum(groups) - 1)[self.group[members]]
                value[members] = divide(self.total[groups], parts[members], number)
        return value


def _shift(total: Int64, shape: Int64, group: Int64) -> Int64:
    return shift(total, shape, group, one=SHAPE_ONE)
