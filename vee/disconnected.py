"""Usage of services that are confirmed off, once their registers were asked (V29)."""

import numpy as np

from mdms.domain.readings import FLAG_OUTAGE_CONFLICT, Bool, Int64, Status
from vee.amend import Amended
from vee.examination import V29, Examination
from vee.rules import RuleSet


def used_while_off(amended: Amended, row: int, slots: slice, *, quanta_max: int) -> Bool:
    """
    Return the slots in which a service was used that is off, shape (slots,).

    What its register refuted was not: it was replaced, by what that leaves (vee.md 3.4). What
    nobody could decide about was, and what a register counted unheard (vee.md 4.6). The urgent
    event, the day's flags and so the signs of tampering all ask here.

    Args:
        amended: Slots after a run.
        row: A channel.
        slots: Some of its slots.
        quanta_max: What may flow all the same in one of them.
    """
    value, flags = amended.value[row, slots], amended.flags[row, slots]
    unheard = (flags & FLAG_OUTAGE_CONFLICT) != 0
    stands = amended.status[row, slots] != Status.SUSPECT.code  # else it was withdrawn
    used: Bool = ((flags & V29) != 0) & np.where(unheard, stands, np.abs(value) > quanta_max)
    return used


def without_refuted(flags: Int64, found: Examination, amended: Amended, rules: RuleSet) -> Int64:
    """
    Take V29 from the days whose registers refuted all usage behind an open switch.

    Args:
        flags: Rule masks, shape (channels, days).
        found: The examined block.
        amended: Its slots after the run.
        rules: What it was judged by.

    Returns:
        The same masks where V29 stands on no day.
    """
    rows, days = np.nonzero(flags & V29)
    if not len(rows):
        return flags
    first = found.block.slots.first
    limit = rules.per_commodity(found.block.context.commodity, "disconnected_quanta_max")
    left = flags.copy()
    for row, day in zip(rows.tolist(), days.tolist(), strict=True):  # off once in years
        slots = slice(int(first[day]), int(first[day + 1]))
        if not used_while_off(amended, row, slots, quanta_max=int(limit[row])).any():
            left[row, day] &= ~V29
    return left
