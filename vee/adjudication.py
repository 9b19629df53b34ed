"""
What registers decide about doubtful values: V06, V24, V29 and V45 (vee.md 3.4).

A doubtful value stands when its bracket adds up with it, and goes when the bracket adds up
without it; where neither is so, or no register speaks, it waits for a person. Doubtful values are
few, so their brackets are looked at one by one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.clocks import held_astray
from vee.culprits import convicted, suspects
from vee.examination import Examination
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.sums import Sums

DOUBTED = (24, 29)
"""Rules whose values are held until their bracket is asked."""

Estimate = Callable[[Examination, Cells], Float]
"""Return what missing cells would be estimated at [quanta], before any scaling."""


def doubtful_channels(found: Examination) -> Bool:
    """Return the channels that something is to be decided about, shape (channels,)."""
    channels = np.zeros(len(found.block.channel_id), np.bool_)
    channels[_doubted(found) // found.block.value.shape[1]] = True
    channels[suspects(found)[0] // found.block.value.shape[1]] = True
    channels[found.block.context.conflicts.channel] = True
    return channels


def adjudicate(found: Examination, rules: RuleSet, estimate: Estimate) -> Examination:
    """
    Decide about doubtful values where registers allow it.

    Args:
        found: An examined block.
        rules: What it was examined by.
        estimate: How a value that goes would be estimated.

    Returns:
        The same block with conflicts settled, values accepted (A) and values failed; what could
        not be decided stays held.
    """
    if not doubtful_channels(found).any():
        return found
    settled = _settle_doubts(_settle_conflicts(found, rules), rules, estimate)
    return _settle_excesses(settled, rules, estimate)


def _doubted(found: Examination) -> Int64:
    """Return the positions of held values in the flattened grid, rising."""
    listed = [cells for rule, cells in found.marks.cells if rule in DOUBTED]
    cells = np.unique(np.concatenate([np.zeros(0, np.int64), *listed]))
    return cells[~_decided(found, cells)]


def _decided(found: Examination, cells: Int64) -> Bool:
    """Return which of these cells a person has decided about."""
    if found.block.edits is None:
        return np.zeros(len(cells), np.bool_)
    decided: Bool = found.block.edits.standing.reshape(-1)[cells]
    return decided


def _bracket_of(found: Examination, cells: Int64) -> Int64:
    """Return the bracket of each cell, the number of brackets where it lies in none."""
    number = found.brackets.holding(cells, found.block.value.shape[1])
    return np.where(number < 0, len(found.brackets), number)


def _tolerance(found: Examination, numbers: Int64, rules: RuleSet) -> Int64:
    """Return how far these brackets may be off [thousandths of a quantum]."""
    step = found.block.limits.step[found.brackets.channel[numbers]]
    return Sums.tolerance(found.sums.usage[numbers], step, rules.sum_check)


def _settle_conflicts(found: Examination, rules: RuleSet) -> Examination:
    """Keep of two values the one that makes its bracket add up (V06)."""
    conflicts = found.block.context.conflicts
    slots = found.block.value.shape[1]
    cells = conflicts.channel * slots + conflicts.slot
    usable = found.usable.reshape(-1)[cells] & ~_decided(found, cells)
    cells, rival = cells[usable], conflicts.value[usable]
    if len(cells) == 0:
        return found
    value, held = found.block.value.copy(), found.held.copy()
    residual = found.residual.copy()
    number = _bracket_of(found, cells)
    closed = np.unique(number[number < len(found.brackets)])
    gapped = dict(zip(closed.tolist(), found.gapped(closed).tolist(), strict=True))
    tolerance = dict(zip(closed.tolist(), _tolerance(found, closed, rules).tolist(), strict=True))
    for bracket in np.unique(number).tolist():
        mine = number == bracket
        here = np.unique(cells[mine])
        held.reshape(-1)[here] = True
        if bracket == len(found.brackets) or len(here) > 1 or gapped[bracket]:
            continue
        stored = int(value.reshape(-1)[here[0]])
        choices = np.unique(np.append(rival[mine], stored))
        off = 1000 * np.abs(residual[bracket] - (choices - stored))
        fits = choices[off <= tolerance[bracket]]
        if len(fits) == 1:
            value.reshape(-1)[here[0]] = fits[0]
            residual[bracket] -= fits[0] - stored
            held.reshape(-1)[here[0]] = False
    marks = found.marks.copy()
    marks.values(6, *np.divmod(np.unique(cells), slots))
    return _again(
        replace(
            found,
            block=replace(found.block, value=value),
            screened=replace(found.screened, held=held),
            sums=replace(found.sums, residual=residual),
            marks=marks,
        ),
        closed,
        rules,
    )


def _settle_doubts(found: Examination, rules: RuleSet, estimate: Estimate) -> Examination:
    """Accept doubtful values whose bracket adds up; fail those it adds up without."""
    cells = np.setdiff1d(_doubted(found), held_astray(found.block, rules.clock))
    cells = cells[found.usable.reshape(-1)[cells]]
    number = _bracket_of(found, cells)
    known = number < len(found.brackets)
    known[known] = ~found.gapped(number[known])
    cells, number = cells[known], number[known]
    if len(cells) == 0:
        return found
    real = ~found.unequal[number]
    held, accepted = found.held.copy(), found.accepted.copy()
    held.reshape(-1)[cells[real]] = False
    accepted.reshape(-1)[cells[real]] = True
    found = replace(found, screened=replace(found.screened, held=held), accepted=accepted)
    return _fail_where_sums_agree(found, cells[~real], number[~real], rules, estimate)


def _settle_excesses(found: Examination, rules: RuleSet, estimate: Estimate) -> Examination:
    """Replace the one value that alone can have put its bracket wrong (V45)."""
    cells, number = suspects(found)
    free = ~np.isin(
        cells, np.concatenate([held_astray(found.block, rules.clock), _conflicting(found)])
    )
    cells, number = cells[free], number[free]
    if len(cells) == 0:
        return found
    row, slot = np.divmod(cells, found.block.value.shape[1])
    trial = _without(found, cells, number, rules)
    gone = convicted(found, cells, number, estimate(trial, Cells(row, slot)))
    return _without(found, cells[gone], number[gone], rules) if len(gone) else found


def _fail_where_sums_agree(
    found: Examination, cells: Int64, number: Int64, rules: RuleSet, estimate: Estimate
) -> Examination:
    """Replace values by what they would be estimated at, where that is what the register says."""
    if len(cells) == 0:
        return found
    slots = found.block.value.shape[1]
    trial = _without(found, cells, number, rules)
    row, slot = np.divmod(cells, slots)
    expected = np.zeros(len(found.brackets))
    np.add.at(expected, number, estimate(trial, Cells(row, slot)))  # NaN: no estimate, no verdict
    off = 1000 * np.abs(trial.residual - expected)
    agrees = off[number] <= _tolerance(found, number, rules)
    return _without(found, cells[agrees], number[agrees], rules)


def _without(found: Examination, cells: Int64, number: Int64, rules: RuleSet) -> Examination:
    """Return an examination in which these values failed."""
    usable, held, residual = found.usable.copy(), found.held.copy(), found.residual.copy()
    usable.reshape(-1)[cells] = False
    held.reshape(-1)[cells] = False
    np.add.at(residual, number, found.block.value.reshape(-1)[cells])
    return _again(
        replace(
            found,
            screened=replace(found.screened, usable=usable, held=held),
            sums=replace(found.sums, residual=residual),
        ),
        np.unique(number),
        rules,
    )


def _again(found: Examination, numbers: Int64, rules: RuleSet) -> Examination:
    """Judge the sums of these brackets again after their values or gaps changed (V45, V46)."""
    sums, slots = found.sums, found.block.value.shape[1]
    unequal, overdrawn = sums.unequal.copy(), sums.overdrawn.copy()
    off = 1000 * sums.residual[numbers]
    tolerance = _tolerance(found, numbers, rules)
    gapped = found.gapped(numbers)
    waived = found.waived[numbers]
    unequal[numbers] = ~gapped & ~waived & (np.abs(off) > tolerance)
    overdrawn[numbers] = gapped & ~waived & (off < -tolerance)
    held, marks = found.held.copy(), found.marks.copy()
    astray = held_astray(found.block, rules.clock)
    doubted = np.concatenate([_doubted(found), _conflicting(found), astray])

    def within(mask: Bool) -> Int64:
        """Return the usable values of some brackets."""
        cells = found.brackets.take(mask).cells(slots)
        return cells[found.usable.reshape(-1)[cells]]

    before, after = sums.unequal | sums.overdrawn, unequal | overdrawn
    held.reshape(-1)[np.setdiff1d(within(before & ~after), doubted)] = False
    held.reshape(-1)[within(after & ~before)] = True
    marks.clear(45, within(sums.unequal & ~unequal))
    marks.values(45, *np.divmod(within(unequal & ~sums.unequal), slots))
    return replace(
        found,
        screened=replace(found.screened, held=held),
        sums=replace(sums, unequal=unequal, overdrawn=overdrawn),
        marks=marks,
    )


def _conflicting(found: Examination) -> Int64:
    """Return the positions of values in conflict in the flattened grid."""
    conflicts = found.block.context.conflicts
    cells: Int64 = conflicts.channel * found.block.value.shape[1] + conflicts.slot
    return cells
