"""
The order of the rules: examine, estimate, scale to the registers.

Pure: raw reads in, what ought to be stored out. Earlier estimates are never an input, so the
same reads and rules give the same bytes, whatever was estimated before.
"""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_CLAMPED,
    FLAG_EST_COARSE,
    FLAG_EST_EXTREME,
    FLAG_EST_UNSCALED,
    Bool,
    Int16,
    Int64,
    Method,
    Status,
    UInt8,
)
from vee.adjudication import adjudicate
from vee.block import DAY_S, Block
from vee.examination import V21, Examination, examine
from vee.kernels import estimate
from vee.kernels.conserve import apportion
from vee.kernels.estimate import References
from vee.kernels.gaps import Cells, Float, Gaps
from vee.rules import EstimateRules, RuleSet
from vee.scope import Scope

SHAPE_ONE = 1 << 20
"""Shapes are scaled in fixed point: so many parts make one quantum."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What each slot ought to be; grids have the shape (channels, slots).

    Attributes:
        covered: Slots that were judged; the rest of each grid means nothing.
        value: Quanta.
        status: Letter of Status as one byte; 0 where nothing is known.
        method: Code of Method.
        flags: Rule mask.
    """

    covered: Bool
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64


def run(block: Block, rules: RuleSet, target: Bool, *, ahead: Bool, final: bool = False) -> Outcome:
    """
    Validate a block and estimate what is missing.

    Args:
        block: Raw reads, with context on both sides of the target.
        rules: Limits and tolerances.
        target: Closed channel-days to judge, shape (channels, days).
        ahead: Days whose estimates may look at later days too, shape (days,).
        final: Write final estimates (F), as at bill close, instead of provisional ones (E).

    Returns:
        What the slots of the target days ought to be, and of every bracket that touches them.
    """
    found = validate(block, rules, ahead=ahead)
    return judge(Scope.of(found, target), rules, ahead=ahead, final=final)


def validate(block: Block, rules: RuleSet, *, ahead: Bool) -> Examination:
    """Examine a block and settle what its registers can settle (vee.md 1.4, steps 1 to 4)."""

    def estimated(found: Examination, cells: Cells) -> Float:
        return _shape(found, cells, rules, ahead=ahead)[0]

    return adjudicate(examine(block, rules), rules, estimated)


def judge(scope: Scope, rules: RuleSet, *, ahead: Bool, final: bool) -> Outcome:
    """Estimate what is missing in a scope; see run()."""
    found = scope.examination
    block = found.block
    good = scope.covered & found.usable
    doubtful = scope.covered & block.present & (found.held | ~found.usable)
    received = good | doubtful
    outcome = Outcome(
        covered=scope.covered,
        value=np.where(received, block.value, 0),
        status=np.select(
            [doubtful, good & found.accepted, good],
            [Status.SUSPECT.code, Status.ACCEPTED.code, Status.VALIDATED.code],
        ).astype(np.uint8),
        method=np.zeros(block.value.shape, np.int16),
        flags=np.where(received, block.flags | found.flags, 0),
    )
    wanted = found.missing & scope.covered & ~found.brackets.mark(found.overdrawn, found.number)
    cells = Cells.where(wanted)
    if len(cells):
        _fill(outcome, found, cells, rules, ahead=ahead, final=final)
    assert (outcome.value[good] == block.value[good]).all(), "a usable reading is never changed"
    return outcome


def _fill(
    outcome: Outcome,
    found: Examination,
    cells: Cells,
    rules: RuleSet,
    *,
    ahead: Bool,
    final: bool,
) -> None:
    """Write the estimates of these cells into the outcome."""
    limits = found.block.limits
    shape, method = _shape(found, cells, rules, ahead=ahead)
    bracket = found.number[cells.channel, cells.slot]
    closed = bracket >= 0
    step = limits.step[cells.channel]
    alone = closed & (np.append(found.missing_count, 0)[bracket] == 1)
    derived = alone & (step <= rules.estimate.fine_quanta_max)
    scaled = closed & ~derived
    known = closed | ~np.isnan(shape)

    value = np.floor(np.where(known & ~scaled, np.nan_to_num(shape), 0) + 0.5).astype(np.int64)
    flags = np.where(closed, 0, FLAG_EST_UNSCALED)
    if derived.any():
        residual = found.residual[bracket[derived]]
        value[derived] = np.maximum(residual, 0)
        flags[derived] = np.where(residual < 0, FLAG_EST_CLAMPED, 0)
        method[derived] = Method.D1
    if scaled.any():
        value[scaled], flags[scaled] = _scale(
            found, bracket[scaled], shape[scaled], step[scaled], rules.estimate
        )
    flags |= np.where(value > limits.v_max[cells.channel], V21, 0)

    estimated = Status.FINAL_ESTIMATE if final else Status.ESTIMATED
    at = (cells.channel[known], cells.slot[known])
    outcome.value[at] = value[known]
    outcome.status[at] = np.where(derived, Status.DERIVED.code, estimated.code)[known]
    outcome.method[at] = method[known]
    outcome.flags[at] = flags[known] | found.flags[at]


def _shape(found: Examination, cells: Cells, rules: RuleSet, *, ahead: Bool) -> tuple[Float, Int16]:
    """
    Estimate each cell by the first method that can; vee.md 4.1.

    Returns:
        Quanta, unscaled, NaN where no method can; code of the method; both of shape (cells,).
    """
    block, how = found.block, rules.estimate
    slots, limits = block.slots, block.limits
    references = References(
        slots=slots,
        value=block.value,
        valid=found.reference(outage_h_max=how.outage_h_max),
        holiday=np.array([day in rules.holidays for day in slots.days]),
        ahead=ahead,
        reach_days=how.profile_days,
    )
    gaps = Gaps.around(cells, found.missing, block.value, found.anchor)
    linear = limits.linear[cells.channel]
    short = linear & (gaps.length * slots.interval_s <= how.linear_h_max * 3600)
    bracket = found.number[cells.channel, cells.slot]
    near = gaps.distance <= how.gap_days_max * DAY_S // slots.interval_s

    def profile(rest: Int64) -> Float:
        x = estimate.profile(
            cells.take(rest),
            references,
            decay_days=how.profile_decay_days,
            other_weekday_weight=how.other_weekday_weight,
            weight_sum_min=how.weight_sum_min,
            references_min=how.references_min,
        )
        bent = estimate.blend(
            x, gaps.take(rest), interval_s=slots.interval_s, decay_h=how.edge_decay_h
        )
        return np.where(linear[rest], bent, x)

    def even_share(rest: Int64) -> Float:
        inside = bracket[rest] >= 0
        share = found.residual / np.maximum(found.missing_count, 1)
        return np.where(inside, np.append(np.maximum(share, 0), 0)[bracket[rest]], np.nan)

    attempts = (
        (Method.L1, lambda rest: np.where(short[rest], estimate.linear(gaps.take(rest)), np.nan)),
        (Method.H1, profile),
        (
            Method.H2,
            lambda rest: estimate.nearest_days(
                cells.take(rest), references, count=how.nearest_count
            ),
        ),
        (
            Method.A1,
            lambda rest: estimate.average(
                cells.take(rest), references, days_min=how.average_days_min
            ),
        ),
        (Method.A1, even_share),
    )
    x = np.full(len(cells), np.nan)
    method = np.zeros(len(cells), np.int16)
    for code, attempt in attempts:
        rest = np.flatnonzero(np.isnan(x) & (near | (bracket >= 0)))
        if len(rest) == 0:
            break
        x[rest] = attempt(rest)
        method[rest[~np.isnan(x[rest])]] = code
    return np.clip(x, 0, limits.v_max[cells.channel]), method


def _scale(
    found: Examination, bracket: Int64, shape: Float, step: Int64, how: EstimateRules
) -> tuple[Int64, Int64]:
    """
    Scale the missing cells of each bracket together to what its register leaves for them.

    Args:
        found: Brackets and their residuals.
        bracket: Of each cell, rising, shape (cells,).
        shape: Unscaled estimates [quanta], shape (cells,).
        step: How finely the cell's register knows usage [quanta], shape (cells,).
        how: Bounds of the scale, and what is coarse.

    Returns:
        Quanta and flags of each cell; the quanta sum to the residual exactly, but for marks.

    Source:
        vee.md 4.4 and 4.5.
    """
    numbers, first, group = np.unique(bracket, return_index=True, return_inverse=True)
    residual, step = found.residual[numbers], step[first]
    unscaled = np.add.reduceat(shape, first)
    coarse = step > how.fine_quanta_max
    rounded = np.floor(unscaled + 0.5).astype(np.int64)
    total = np.where(coarse, np.clip(rounded, residual - step, residual + step), residual)
    clamped = total < 0
    total = np.maximum(total, 0)
    extreme = np.where(
        unscaled > 0,
        (total < how.alpha_min * unscaled) | (total > how.alpha_max * unscaled),
        total > 0,
    )
    value = apportion(total, np.rint(shape * SHAPE_ONE).astype(np.int64), group)
    flags = (
        coarse * np.int64(FLAG_EST_COARSE)
        | clamped * np.int64(FLAG_EST_CLAMPED)
        | extreme * np.int64(FLAG_EST_EXTREME)
    )
    return value, flags[group]
