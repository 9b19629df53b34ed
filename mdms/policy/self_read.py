"""
Customer Reads Own Meter: which readings count, and what missing ones lead to (policy.md 1.5).

Registers and usage are in billing units. Nothing here ends a customer's part in the programme:
the strictest outcome asks a person to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mdms.domain.time import months_after
from mdms.policy.decision import Decision, Figure, Finding, Verdict, decide

_CLAUSE: Final = "OO-VI, R10.C"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfReadRules:
    """
    Terms of reading one's own meter.

    Attributes:
        normal_multiple_max: A reading that implies more than this many times the normal use is
            asked for again.
        missing_in_a_row: Months, from which access or relocation may be required.
        revoke_in_a_row: Months missing in a row that count as failing consistently.
        revoke_of_year: Months missing of the last 12 that do.
        verify_months: From one read by the utility to the next.
        true_up_share: Of the use since the last verified read, by which a register may differ.
        true_up_units: Billing units by which it may.
    """

    normal_multiple_max: Decimal
    missing_in_a_row: int
    revoke_in_a_row: int
    revoke_of_year: int
    verify_months: int
    true_up_share: Decimal
    true_up_units: Decimal


class Month(StrEnum):
    """What became of one month's reading."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    """Nothing came by the cut-off."""
    IMPLAUSIBLE = "implausible"
    """Sent in time, not accepted and not corrected: estimated, but not counted as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    What a customer read, beside what is known.

    Attributes:
        register: What the customer read.
        previous: The last accepted register.
        normal_usage: Use of such a period; None when there is no history to say so.
    """

    register: Decimal
    previous: Decimal
    normal_usage: Decimal | None


def judge_reading(reading: Reading, rules: SelfReadRules) -> Decision:
    """
    Return whether a reading that came in time is billed as the customer's.

    A register that passed its last digit reads lower too; a person tells the two apart.
    """
    usage = reading.register - reading.previous
    return decide(
        [_below_previous(usage), _far_above_normal(usage, reading.normal_usage, rules)],
        Finding(Verdict.ALLOW, "CROM_OK", _CLAUSE),
        figures=[Figure("usage", usage, "billing units")],
    )


def judge_missing(months: Sequence[Month], rules: SelfReadRules) -> Decision:
    """
    Return what follows from a month without a reading that counts; it is estimated.

    Args:
        months: The month in question last, those before it in their order; 12 are looked at.
        rules: The terms.
    """
    assert months, "a month is judged"
    assert months[-1] is not Month.ACCEPTED, "an accepted month is billed as read"
    return decide(
        [_missing_again(months, rules), _fails_consistently(months, rules)],
        Finding(Verdict.ALLOW, "CROM_EST", _CLAUSE),
        follow_ups=["estimate the month"],
    )


def missing_in_a_row(months: Sequence[Month]) -> int:
    """
    Return how many months are missing since a reading was last accepted.

    One that was sent in time and not accepted neither counts nor starts anew.
    """
    count = 0
    for month in reversed(months):
        if month is Month.ACCEPTED:
            break
        count += month is Month.MISSING
    return count


def judge_verification(verified_on: date, today: date, rules: SelfReadRules) -> Decision:
    """
    Return whether the utility reads the meter again, in business hours; ALLOW when not yet.

    Args:
        verified_on: Of the last read by the utility; the start of the opt-out before the first.
        today: Local day.
        rules: The terms.
    """
    due_on = months_after(verified_on, rules.verify_months)
    due = Finding(
        Verdict.PENDING,
        "CROM_VERIFY_DUE",
        _CLAUSE,
        "order a read in business hours; to refuse it is obstructed access",
    )
    return decide(
        [due if today >= due_on else None], Finding(Verdict.ALLOW, "CROM_VERIFIED", _CLAUSE)
    )


def judge_verified(
    verified: Decimal, chain: Decimal, last_verified: Decimal, rules: SelfReadRules
) -> Decision:
    """
    Return whether readings are trued up to what the utility read; both are kept.

    Args:
        verified: Register as the utility read it.
        chain: Register at that instant by the customer's readings.
        last_verified: Register at the verification before.
        rules: The terms.

    Returns:
        ALLOW either way; `adjustment` is what the next bill adds, negative for a credit.
    """
    difference = verified - chain
    usage = abs(verified - last_verified)
    differs = abs(difference) > min(rules.true_up_units, rules.true_up_share * usage)
    if not differs:
        return decide([], Finding(Verdict.ALLOW, "CROM_VERIFIED", _CLAUSE))
    return decide(
        [],
        Finding(Verdict.ALLOW, "CROM_TRUE_UP", _CLAUSE),
        figures=[Figure("adjustment", difference, "billing units")],
    )


def _below_previous(usage: Decimal) -> Finding | None:
    if usage >= 0:
        return None
    return Finding(
        Verdict.REFER, "CROM_CHECK", _CLAUSE, "ask again: the register is below the last one"
    )


def _far_above_normal(
    usage: Decimal, normal_usage: Decimal | None, rules: SelfReadRules
) -> Finding | None:
    if normal_usage is None:
        cure = "somebody looks at it: no history says what use is normal"
    elif usage > rules.normal_multiple_max * normal_usage:
        cure = f"ask again: more than {rules.normal_multiple_max} times the normal use"
    else:
        return None
    return Finding(Verdict.REFER, "CROM_CHECK", _CLAUSE, cure)


def _missing_again(months: Sequence[Month], rules: SelfReadRules) -> Finding | None:
    if missing_in_a_row(months) < rules.missing_in_a_row:
        return None
    return Finding(
        Verdict.REFER,
        "CROM_2MISS",
        _CLAUSE,
        "somebody decides on requiring access, or relocation at the customer's cost",
    )


def _fails_consistently(months: Sequence[Month], rules: SelfReadRules) -> Finding | None:
    of_year = list(months[-12:]).count(Month.MISSING)
    in_a_row = missing_in_a_row(months)
    if in_a_row < rules.revoke_in_a_row and of_year < rules.revoke_of_year:
        return None
    return Finding(
        Verdict.REFER, "CROM_REVOKE", _CLAUSE, "somebody decides on ending both programmes"
    )
