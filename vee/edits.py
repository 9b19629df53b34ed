"""
Edits among the reads: what a person decided stays, whatever is estimated or received later.

A value that a person set (X), accepted (A) or rejected (S) is known by its source.

Only an edit that was made to bridge a gap for the time being gives way to the actual value.
"""

from dataclasses import dataclass, field

import numpy as np

from mdms.domain.readings import (
    RAW_VERSION,
    Bool,
    Int64,
    IntervalReads,
    RegisterReads,
    Source,
    Status,
)

_CHANNEL_WIDTH = 1 << 34
"""Seconds since 1970 need less."""


@dataclass(frozen=True, slots=True)
class Edits:
    """
    What people decided about the reads; grids have the shape (channels, slots).

    Attributes:
        standing: Edits that hold.
        contested: Standing edits after which an actual value came: a person must choose.
        waived: Standing edits whose bracket need not add up: a person said why.
        vouched: Boundaries at which a person set the register and said why it is right whatever is
            beside it, as channel x (slots + 1) + boundary, shape (registers,).
    """

    standing: Bool
    contested: Bool
    waived: Bool
    vouched: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def vouches(self, channel: Int64, boundary: Int64) -> Bool:
        """Return at which of these boundaries, one a channel given, a person vouches for it."""
        return np.isin(channel * (self.standing.shape[1] + 1) + boundary, self.vouched)


def among(reads: RegisterReads, set_by_people: RegisterReads) -> Bool:
    """Return which register reads are of the instants of these."""
    return np.isin(
        reads.channel_id.astype(np.int64) * _CHANNEL_WIDTH + reads.at_s,
        set_by_people.channel_id.astype(np.int64) * _CHANNEL_WIDTH + set_by_people.at_s,
    )


def standing(
    current: IntervalReads,
    raw: IntervalReads,
    temporary: IntervalReads,
    waived: IntervalReads,
) -> tuple[Bool, Bool, Bool]:
    """
    Find the edits that hold.

    Args:
        current: Highest versions.
        raw: Values as received.
        temporary: Edits that were made to bridge a gap (reason GAP_TEMP).
        waived: Edits whose bracket need not add up (override_sum).

    Returns:
        Edits that hold, those of them after which an actual value came, and those that need not
        add up, each of shape (current,).

    Source:
        vee.md 4.9: an actual value never replaces an edit by itself, unless it was temporary.
    """
    edited = (current.status == Status.EDITED.code) | (current.source == Source.EDIT)
    edited &= current.version > RAW_VERSION
    if not edited.any():
        return edited, edited, edited
    row, received = _find(current, raw)
    late = edited & received
    late[late] = raw.recorded_us[row[late]] > current.recorded_us[late]
    stands: Bool = edited & ~(late & _find(current, temporary)[1])
    return stands, stands & late, stands & _find(current, waived)[1]


def _find(reads: IntervalReads, among: IntervalReads) -> tuple[Int64, Bool]:
    """Return where among other reads the same interval is, and whether it is there."""
    if len(among) == 0:
        return np.zeros(len(reads), np.int64), np.zeros(len(reads), np.bool_)
    keys = among.channel_id.astype(np.int64) * _CHANNEL_WIDTH + among.start_s
    order = np.argsort(keys, kind="stable")
    wanted = reads.channel_id.astype(np.int64) * _CHANNEL_WIDTH + reads.start_s
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return order[place], keys[order][place] == wanted
