"""What must be appended so that the stored versions become what they ought to be."""

from dataclasses import dataclass, fields, replace

import numpy as np

from mdms.domain.readings import (
    FLAG_EST_COARSE,
    RAW_VERSION,
    Bool,
    Int16,
    Int32,
    Int64,
    Status,
    UInt8,
)
from vee.engine import Outcome
from vee.examination import V06, V08, V46, Examination

_ESTIMATES = [Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code]
_MADE_UP = [*_ESTIMATES, Status.DERIVED.code, Status.ZERO.code]
_ACTUAL = [Status.VALIDATED.code, Status.ACCEPTED.code]

DERIVED_QUANTA = 1
"""An actual value may differ by this much from the one that registers had derived."""


@dataclass(frozen=True, slots=True)
class Stored:
    """
    The current versions of a block's slots; grids have the shape (channels, slots).

    Attributes:
        version: Highest version, -1 where nothing is stored.
        value: Quanta.
        status: Letter of Status as one byte; 0 where nothing is stored.
        method: Code of Method.
        flags: Rule mask.
        newest_us: The newest raw value of each day did not become known later, microseconds since
            1970-01-01 UTC, 0 where there is none, shape (channels, days).
    """

    version: Int32
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64
    newest_us: Int64

    def take(self, rows: Int64) -> "Stored":
        """Return some rows of the block."""
        return Stored(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Amended:
    """
    The slots after a run; grids have the shape (channels, slots).

    Attributes:
        changed: Slots that need a new version.
        version: Version that this one would be.
        value: Quanta.
        status: Letter of Status as one byte; 0 where nothing is known.
        method: Code of Method.
        flags: Rule mask.
    """

    changed: Bool
    version: Int32
    value: Int64
    status: UInt8
    method: Int16
    flags: Int64

    @property
    def missing(self) -> Bool:
        """Slots without a value."""
        missing: Bool = (self.status == 0) | (self.status == Status.MISSING.code)
        return missing


def amend(outcome: Outcome, stored: Stored, found: Examination) -> Amended:
    """
    Compare what ought to be with what is stored.

    A raw value that passed unchanged needs no version: its day's outcome vouches for it, and of
    most channels there is nothing else. An
    estimate that can no longer be stood by is withdrawn: it stays, as suspect, for a person. A
    final estimate yields to actual values only; it is re-scaled, and stays final, when its
    bracket's register says otherwise. An edit stays. An actual value that contradicts the one that
    registers had derived is held, until a person decides (V06).

    Source:
        vee.md 4.9.
    """
    covered = outcome.covered
    vouched = (stored.version == RAW_VERSION) & (stored.status == Status.RAW.code)
    vouched &= outcome.status == Status.VALIDATED.code
    vouched &= stored.value == outcome.value
    vouched &= stored.method == outcome.method
    vouched &= stored.flags == outcome.flags
    amended = Amended(
        changed=np.zeros(covered.shape, np.bool_),
        version=np.maximum(stored.version + 1, RAW_VERSION + 1),
        value=stored.value,
        status=np.where(covered, np.uint8(Status.VALIDATED.code), stored.status),
        method=stored.method,
        flags=stored.flags,
    )
    rows = np.flatnonzero((covered > vouched).any(axis=1))
    if len(rows) == 0:
        return amended
    few = _compare(
        outcome.take(rows),
        stored.take(rows),
        final=_final(outcome, stored, found)[rows],
        edited=found.block.edited[rows],
        overdrawn=found.brackets.mark(found.overdrawn, covered.shape)[rows],
    )
    value, method, flags = stored.value.copy(), stored.method.copy(), stored.flags.copy()
    value[rows], method[rows], flags[rows] = few.value, few.method, few.flags
    amended.changed[rows], amended.status[rows] = few.changed, few.status
    return replace(amended, value=value, method=method, flags=flags)


def _compare(
    outcome: Outcome, stored: Stored, *, final: Bool, edited: Bool, overdrawn: Bool
) -> Amended:
    """
    Compare slot by slot, in the rows that need it.

    Args:
        outcome: What ought to be.
        stored: What is.
        final: Final estimates that stand, shape (rows, slots).
        edited: What a person set, shape (rows, slots).
        overdrawn: Slots of brackets whose values exceed their register, shape (rows, slots).
    """
    covered = outcome.covered
    value = np.where(covered, outcome.value, stored.value)
    status = np.where(covered, outcome.status, stored.status)
    method = np.where(covered, outcome.method, stored.method)
    flags = np.where(covered, outcome.flags, stored.flags)

    silent = covered & (outcome.status == 0) & (stored.status != 0)
    withdrawn = silent & np.isin(stored.status, _MADE_UP)
    kept = silent | final | edited
    value = np.where(kept, stored.value, value)
    method = np.where(kept, stored.method, method)
    flags = np.where(kept, stored.flags, flags) | np.where(overdrawn, V46, V08) * withdrawn
    status = np.where(kept, stored.status, status)
    contradicted = _contradicted(outcome, stored)
    flags |= V06 * contradicted
    status = np.where(withdrawn | contradicted, Status.SUSPECT.code, status)
    was_final = (stored.status == Status.FINAL_ESTIMATE.code) & (status == Status.ESTIMATED.code)
    status = np.where(was_final, Status.FINAL_ESTIMATE.code, status).astype(np.uint8)

    raw = stored.version == RAW_VERSION
    vouched = raw & (stored.status == Status.RAW.code) & (status == Status.VALIDATED.code)
    same = (
        (value == stored.value)
        & ((status == stored.status) | vouched)
        & (method == stored.method)
        & (flags == stored.flags)
    )
    return Amended(
        changed=covered & ~same,
        version=np.maximum(stored.version + 1, RAW_VERSION + 1),
        value=value,
        status=status,
        method=method,
        flags=flags,
    )


def _contradicted(outcome: Outcome, stored: Stored) -> Bool:
    """Return the actual values that a derived one contradicts, now or when they came."""
    derived = stored.status == Status.DERIVED.code
    apart = derived & (np.abs(outcome.value - stored.value) > DERIVED_QUANTA)
    before = (stored.version > RAW_VERSION) & (stored.status == Status.SUSPECT.code)
    before &= ((stored.flags & V06) != 0) & (outcome.value == stored.value)
    contradicted: Bool = outcome.covered & np.isin(outcome.status, _ACTUAL) & (apart | before)
    return contradicted


def _final(outcome: Outcome, stored: Stored, found: Examination) -> Bool:
    """Return the final estimates that stand: no bracket, or still as exact as theirs allows."""
    final: Bool = stored.status == Status.FINAL_ESTIMATE.code
    if not final.any():
        return final
    wanted = np.isin(outcome.status, _ESTIMATES) & outcome.covered
    final &= wanted
    brackets = found.brackets
    whole = brackets.count(final) == brackets.count(wanted)
    exact = brackets.total(np.where(wanted, stored.value - outcome.value, 0)) == 0
    coarse = brackets.count(wanted & ((outcome.flags & FLAG_EST_COARSE) != 0)) > 0
    broken = brackets.mark(~(whole & (exact | coarse)), final.shape)
    return final & ~broken
