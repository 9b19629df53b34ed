"""
The order of the rules: examine, estimate, scale to the registers.

Pure: raw reads in, what ought to be stored out. Earlier estimates are never an input, so the
same reads and rules give the same bytes, whatever was estimated before.
"""

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int16, Int64, Status, UInt8
from vee.adjudication import adjudicate
from vee.block import Block
from vee.estimation import estimate_cells
from vee.examination import V46, Examination, examine
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.scope import Scope
from vee.shapes import Shaper

S = TypeVar("S", bound=np.generic)


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

    def take(self, rows: Int64) -> "Outcome":
        """Return some rows of the block."""
        return Outcome(*(getattr(self, each.name)[rows] for each in fields(self)))


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
        return Shaper.of(found, cells, rules, ahead=ahead).shapes().shape

    return adjudicate(examine(block, rules), rules, estimated)


def judge(scope: Scope, rules: RuleSet, *, ahead: Bool, final: bool) -> Outcome:
    """Estimate what is missing in a scope; see run()."""
    found, shape = scope.examination, scope.covered.shape
    block, covered = found.block, np.flatnonzero(scope.covered)

    def here(grid: npt.NDArray[S]) -> npt.NDArray[S]:
        """Return what a grid (channels, slots) holds of the slots that are judged."""
        return np.take(grid.reshape(-1), covered)

    good = here(found.usable)
    doubtful = here(block.present) & (here(found.held) | ~good)
    received = good | doubtful
    value = np.where(received, here(block.value), 0)
    assert (value[good] == here(block.value)[good]).all(), "a usable reading is never changed"
    flags = np.where(received, here(block.flags) | here(found.flags), 0)
    missing = here(found.missing)
    if found.overdrawn.any():
        overdrawn = here(found.brackets.mark(found.overdrawn, shape))
        flags[overdrawn & received & ~here(block.edited)] |= V46
        missing &= ~overdrawn
    status = np.where(good, np.uint8(Status.VALIDATED.code), np.uint8(0))
    status[good & here(found.accepted)] = Status.ACCEPTED.code
    status[doubtful] = Status.SUSPECT.code
    method = np.zeros(len(covered), np.int16)

    at = np.flatnonzero(missing)
    if len(at):
        cells = Cells(*np.divmod(covered[at], shape[1]))
        made = estimate_cells(found, cells, rules, ahead=ahead, final=final)
        known, at = made.known, at[made.known]
        value[at], status[at], method[at] = (
            made.value[known],
            made.status[known],
            made.method[known],
        )
        flags[at] = made.flags[known] | here(found.flags)[at]

    def grid(values: npt.NDArray[S]) -> npt.NDArray[S]:
        laid = np.zeros(shape, values.dtype)
        laid.reshape(-1)[covered] = values
        return laid

    return Outcome(scope.covered, grid(value), grid(status), grid(method), grid(flags))
