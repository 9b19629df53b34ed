"""
The order of the rules: examine, estimate, scale to the registers.

Pure: raw reads in, what ought to be stored out. Earlier estimates are never an input, so the
same reads and rules give the same bytes, whatever was estimated before.
"""

from dataclasses import dataclass, fields

import numpy as np

from mdms.domain.readings import Bool, Int16, Int64, Status, UInt8
from vee.adjudication import adjudicate
from vee.block import Block
from vee.estimation import estimate_cells
from vee.examination import V46, Examination, examine
from vee.kernels.gaps import Cells, Float
from vee.rules import RuleSet
from vee.scope import Scope
from vee.shapes import Shaper


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
    overdrawn = found.brackets.mark(found.overdrawn, found.number)
    outcome.flags[overdrawn & received & ~block.edited] |= V46
    wanted = found.missing & scope.covered & ~overdrawn
    cells = Cells.where(wanted)
    if len(cells):
        made = estimate_cells(found, cells, rules, ahead=ahead, final=final)
        known = made.known
        at = (cells.channel[known], cells.slot[known])
        outcome.value[at] = made.value[known]
        outcome.status[at] = made.status[known]
        outcome.method[at] = made.method[known]
        outcome.flags[at] = made.flags[known] | found.flags[at]
    assert (outcome.value[good] == block.value[good]).all(), "a usable reading is never changed"
    return outcome
