"""
Estimates for missing cells: a shape, zeros where there was no power, scaled to the registers.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_UNSCALED,
    FLAG_OUTAGE_CONFLICT,
    Bool,
    Int16,
    Int64,
    Method,
    Status,
    UInt8,
)
from vee.context import USAGE
from vee.examination import V21, V29, Examination
from vee.kernels.candidates import Past, Resemblance
from vee.kernels.gaps import Cells, Float
from vee.kernels.windows import Asked, resembling
from vee.rules import RuleSet
from vee.scaling import Groups, bracket_tolerance
from vee.shapes import Shaper, Shapes
from vee.warmth import warmth


@dataclass(frozen=True, slots=True)
class Estimates:
    """
    What cells were estimated to be; every array has the shape (cells,).

    Attributes:
        known: Whether there is an estimate.
        value: Quanta.
        status: Letter of Status as one byte.
        method: Code of Method.
        flags: Marks of the estimate.
    """

    known: Bool
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64


def estimate_cells(
    found: Examination,
    cells: Cells,
    rules: RuleSet,
    *,
    ahead: Bool,
    final: bool,
) -> Estimates:
    """
    Estimate missing cells.

    Args:
        found: The examined block.
        cells: All missing cells of the brackets that are judged, and others outside brackets.
        rules: How to estimate.
        ahead: Days that may look at later days too, shape (days,).
        final: Write final estimates (F) instead of provisional ones (E).
    """
    task = _Task.of(Shaper.of(found, cells, rules, ahead=ahead))
    shape, zero, conflict = task.darkened()
    scaled = (task.bracket >= 0) & ~task.derived & ~zero
    groups = Groups.of(found, cells, shape, scaled, rules)
    method, settled = task.shapes.method, task.settled
    shape, resembled = task.resembled(groups, shape, zero)
    method[resembled] = Method.H4

    unscaled = ~scaled & ~zero & ~task.derived & ~np.isnan(shape)
    shape = task.warmed(shape, (unscaled | scaled) & ~settled)
    value = np.zeros(len(cells), np.int64)
    value[unscaled] = np.floor(shape[unscaled] + 0.5)
    value[groups.order] = groups.share_out(shape[groups.order])
    value[task.derived], clamped = task.left_over()

    flags = np.where(unscaled, FLAG_EST_UNSCALED, 0)
    flags[groups.order] = groups.flags[groups.group]
    flags[task.derived] = np.where(clamped, FLAG_EST_CLAMPED, 0)
    flags |= np.where(zero & task.let_go(scaled), FLAG_EST_CLAMPED, 0)
    flags |= np.where(conflict, FLAG_OUTAGE_CONFLICT, 0)
    behind = conflict & (task.shapes.open >= 1)
    flags |= np.where(behind & found.block.context.measures(*USAGE)[cells.channel], V29, 0)
    flags |= np.where(value > found.block.limits.v_max[cells.channel], V21, 0)

    status = np.full(
        len(cells), (Status.FINAL_ESTIMATE if final else Status.ESTIMATED).code, np.uint8
    )
    for mask, letter, code in (
        (task.derived, Status.DERIVED, Method.D1),
        (zero & (task.shapes.open >= 1), Status.ZERO, Method.Z2),
        (zero & (task.shapes.dark >= 1), Status.ZERO, Method.Z1),
    ):
        status[mask], method[mask] = letter.code, code
    known = unscaled | scaled | zero | task.derived
    return Estimates(known, value, status, method, flags)


@dataclass(frozen=True, slots=True)
class Question:
    """
    What H4 looks for, and in what.

    Attributes:
        at: Positions among the shaper's cells of those that are asked, shape (asked,).
        asked: What is missing.
        past: What to look at.
        how: What resemblance is.
    """

    at: Int64
    asked: Asked
    past: Past
    how: Resemblance


def question(shaper: Shaper) -> Question:
    """Return what H4 is asked about a shaper's cells."""
    task = _Task.of(shaper)
    shape, zero, _ = task.darkened()
    scaled = (task.bracket >= 0) & ~task.derived & ~zero
    groups = Groups.of(shaper.found, shaper.cells, shape, scaled, shaper.rules)
    return task.question(groups, shape, zero)


@dataclass(frozen=True, slots=True)
class _Task:
    """
    Cells on their way from a shape to estimates; every array has the shape (cells,).

    Attributes:
        shaper: What the methods look at.
        shapes: What they made of it.
        bracket: Bracket of each cell, -1 where there is none.
        derived: Cells that a fine register leaves alone (D1).
    """

    shaper: Shaper
    shapes: Shapes
    bracket: Int64
    derived: Bool

    @classmethod
    def of(cls, shaper: Shaper) -> "_Task":
        found, cells = shaper.found, shaper.cells
        bracket = found.bracket_of(cells.channel, cells.slot)
        alone = (bracket >= 0) & (np.append(found.missing_count, 0)[bracket] == 1)
        fine = found.block.limits.step[cells.channel] <= shaper.rules.estimate.fine_quanta_max
        return cls(shaper, shaper.shapes(), bracket, alone & fine)

    def darkened(self) -> tuple[Float, Bool, Bool]:
        """
        Take what fell into outages and openings out of the shape, unless a register contradicts.

        It does when it counted more than the cells that had power could have used, even at the
        largest scale that passes for ordinary. Then nothing is taken out: there was power.

        Returns:
            Shape, cells that are zero, and cells of brackets with such a conflict.

        Source:
            vee.md 4.6, Z1 and Z2.
        """
        shapes, found, rules = self.shapes, self.shaper.found, self.shaper.rules
        touched = np.maximum(shapes.dark, shapes.open)
        if not touched.any():
            none = np.zeros(len(touched), np.bool_)
            return shapes.shape, none, none
        lit = shapes.shape * (1 - touched)
        closed = (self.bracket >= 0) & ~self.derived
        usable = np.nan_to_num(lit) * rules.estimate.alpha_max
        possible, concerned = (
            np.bincount(self.bracket[closed], each[closed], minlength=len(found.brackets))
            for each in (usable, touched)
        )
        excess = 1000 * (found.residual - possible) > bracket_tolerance(found, rules)
        conflict = closed & np.append(excess & (concerned > 0), [False])[self.bracket]
        zero = (touched >= 1) & ~conflict & ~self.derived
        return np.where(conflict, shapes.shape, lit), zero, conflict

    def question(self, groups: Groups, shape: Float, zero: Bool) -> Question:
        """
        Return what windows may be looked for.

        Outside brackets each day stands for itself, whatever else is judged with it. Not where
        one cell takes the whole total anyway, where the power was out or another meter measured,
        nor where values have a sign.
        """
        how, shapes = self.shaper.rules.estimate, self.shapes
        odd = (np.maximum(shapes.dark, shapes.open) > 0) | (shapes.method == Method.K1)
        odd |= self.shaper.signed
        count = np.bincount(groups.group, minlength=len(groups.total))
        oddities = np.bincount(groups.group, odd[groups.order], minlength=len(groups.total))
        fit = (count > 1) & (groups.total > 0) & (oddities == 0)
        members = fit[groups.group]
        loose = np.flatnonzero((self.bracket < 0) & ~zero & ~odd & ~np.isnan(shape))
        at = np.concatenate([groups.order[members], loose])
        cells = self.shaper.cells
        day = self.shaper.found.block.slots.day[cells.slot[loose]]
        begins = np.ones(len(loose), np.bool_)
        begins[1:] = (np.diff(cells.channel[loose]) != 0) | (np.diff(day) != 0)
        closed = (np.cumsum(fit) - 1)[groups.group[members]]
        asked = Asked(
            cells.take(at),
            np.concatenate([closed, np.count_nonzero(fit) + np.cumsum(begins) - 1]),
            np.concatenate([groups.total[fit], np.full(np.count_nonzero(begins), np.nan)]),
            shape[at],
        )
        alike = Resemblance(
            reach_days=how.window_days,
            days_min=how.references_min,
            decay_days=how.window_decay_days,
            other_weekday_weight=how.window_other_weekday_weight,
            shift_h=how.window_shift_h,
            edge_h=how.window_edge_h,
            shrink=how.window_shrink,
        )
        found = self.shaper.found
        past = Past.of(self.shaper.references, found.anchor, found.block.limits.linear)
        return Question(at, asked, past, alike)

    def resembled(self, groups: Groups, shape: Float, zero: Bool) -> tuple[Float, Bool]:
        """
        Give brackets and gaps the shape of windows that resemble them (H4).

        Returns:
            Shape, and the cells whose shape is new.
        """
        wanted = self.question(groups, shape, zero)
        changed = np.zeros(len(shape), np.bool_)
        if len(wanted.at) == 0:
            return shape, changed
        x, seen = resembling(wanted.asked, wanted.past, wanted.how)
        shape = shape.copy()
        shape[wanted.at] = np.maximum(x, self.shaper.leak_floor(wanted.at))
        changed[wanted.at[seen]] = True
        return shape, changed

    @property
    def settled(self) -> Bool:
        """Cells of which somebody knows more than the weather does: the values beside, a meter."""
        return np.isin(self.shapes.method, (Method.L1, Method.K1))

    def warmed(self, shape: Float, bent: Bool) -> Float:
        """Bend a shape towards what the weather of its days asks for."""
        at = np.flatnonzero(bent)
        if self.shaper.evidence.outdoor_f is None or not len(at):
            return shape
        found = shape.copy()
        ceiling = self.shaper.found.block.limits.v_max[self.shaper.cells.channel[at]]
        found[at] = np.minimum(shape[at] * warmth(self.shaper, at), ceiling)
        return found

    def left_over(self) -> tuple[Int64, Bool]:
        """Return what registers leave for the derived cells, and where that was below zero."""
        residual = self.shaper.found.residual[self.bracket[self.derived]]
        clamped = (residual < 0) & ~self.shaper.signed[self.derived]
        return np.where(clamped, 0, residual), clamped

    def let_go(self, scaled: Bool) -> Bool:
        """Return the cells of brackets whose residual no cell carries."""
        found = self.shaper.found
        carriers = np.bincount(self.bracket[scaled], minlength=len(found.brackets))
        dropped: Bool = np.append((carriers == 0) & (found.residual != 0), [False])[self.bracket]
        return dropped
