"""
What becomes of a bill that reads have overtaken: R10.A.4, R10.D-err.2, R11.H, R11.I; vee.md 5.4.

Units only: what they cost, and what of it may be billed, `mdms.policy.adjustments` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from mdms.domain.time import months_after
from mdms.policy.adjustments import AdjustmentRules
from mdms.policy.bill_dates import BillRules

_YEAR_MONTHS: Final = 12
_RECEIVED: Final = "received"
_NET: Final = "net"


class Treatment(StrEnum):
    """What is done about a bill that was wrong: a closed set."""

    REPLACE = "replace"
    """Cancelled, and billed again as a higher revision."""
    NEXT_BILL = "next_bill"
    """It ended with an estimate: the next regular bill settles it (R10.A.4)."""
    NONE_TOO_OLD = "none_too_old"
    """Older than the term: nothing happens by itself (R11.I)."""
    LOCKED = "locked"
    """The bill is disputed: nothing happens until that is closed (R11.H)."""


class CorrectionFlag(StrEnum):
    """What whoever bills a correction must know: a closed set."""

    CAUSED_BY_ESTIMATE = "CAUSED_BY_ESTIMATE"
    DISPUTED = "DISPUTED"
    OLDER_THAN_3Y = "OLDER_THAN_3Y"
    OVERCHARGE = "OVERCHARGE"
    """Refunded in full within the term (R11.I.4)."""
    UNDERCHARGE = "UNDERCHARGE"
    """At most $500 per account and incident, and with approval (R11.I)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongUnits:
    """
    A bill whose whole units are no longer what the reads say.

    Attributes:
        billed_on: Day on which its window ended.
        found_on: Day on which that was found.
        changes: By how many units each quantity changes; never 0.
        estimated: Whether it ended with an estimate that an actual read has overtaken, and the next
            bill, which opens with that estimate, makes up for all that changes.
        disputed: Whether the account disputes a bill.
    """

    billed_on: date
    found_on: date
    changes: Mapping[str, int]
    estimated: bool
    disputed: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """
    What is done.

    Attributes:
        notice_by: Last day to tell the customer of the error.
    """

    treatment: Treatment
    flags: tuple[CorrectionFlag, ...]
    notice_by: date


def judge_correction(wrong: WrongUnits, adjustment: AdjustmentRules, bill: BillRules) -> Ruling:
    """Return what is done about a bill; the rules that forbid to touch it come first."""
    assert all(wrong.changes.values()), "a quantity that did not change is no difference"
    reaches = months_after(wrong.found_on, -adjustment.years_max * _YEAR_MONTHS)
    too_old = wrong.billed_on < reaches
    holds = {
        CorrectionFlag.CAUSED_BY_ESTIMATE: wrong.estimated,
        CorrectionFlag.DISPUTED: wrong.disputed,
        CorrectionFlag.OLDER_THAN_3Y: too_old,
        CorrectionFlag.OVERCHARGE: any(_owed(*each) < 0 for each in wrong.changes.items()),
        CorrectionFlag.UNDERCHARGE: any(_owed(*each) > 0 for each in wrong.changes.items()),
    }
    if wrong.disputed:
        treatment = Treatment.LOCKED
    elif too_old:
        treatment = Treatment.NONE_TOO_OLD
    elif wrong.estimated:
        treatment = Treatment.NEXT_BILL
    else:
        treatment = Treatment.REPLACE
    return Ruling(
        treatment,
        tuple(flag for flag, is_set in holds.items() if is_set),
        wrong.found_on + timedelta(days=bill.error_notice_days),
    )


def _owed(quantity: str, change: int) -> int:
    """Return which way a change goes: above 0 the customer was billed too little."""
    direction = quantity.split("_", 1)[0]
    if direction == _RECEIVED:
        return -change
    return 0 if direction == _NET else change  # net says nothing that the two others do not
