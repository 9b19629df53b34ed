"""What opting out costs: policy.md 1.4."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class OptoutFeeRules:
    """
    Amounts in dollars; neither is ever returned.

    Attributes:
        set_up_usd: Once for each residence, however many meters it has.
        monthly_usd: Each month for the account, however many residences opted out.
    """

    set_up_usd: Decimal
    monthly_usd: Decimal


class FeeKind(StrEnum):
    """What a fee is for."""

    SET_UP = "optout_set_up"
    MONTHLY = "optout_monthly"


@dataclass(frozen=True, slots=True)
class Fee:
    """
    A fee that falls due.

    Attributes:
        subject_id: The residence of a set-up, the account of a monthly fee.
        amount_usd: In dollars.
    """

    kind: FeeKind
    subject_id: str
    amount_usd: Decimal
    clause: str


@dataclass(frozen=True, slots=True)
class OptoutTerm:
    """The days [from_on, until_on) of an opt-out; until_on is None while it is in force."""

    from_on: date
    until_on: date | None


def enrolment_fees(
    account_id: str, residences: Iterable[str], rules: OptoutFeeRules, *, joins: bool
) -> tuple[Fee, ...]:
    """
    Return the fees of an enrolment.

    Args:
        account_id: Who pays.
        residences: Those that opt out now and owe a set-up.
        rules: The amounts.
        joins: Whether the account pays no monthly fee yet.
    """
    fees = [
        Fee(FeeKind.SET_UP, premise_id, rules.set_up_usd, "OO-IV.1")
        for premise_id in sorted(set(residences))
    ]
    if joins:
        fees.append(Fee(FeeKind.MONTHLY, account_id, rules.monthly_usd, "OO-IV.2"))
    return tuple(fees)


def monthly_fee(
    account_id: str,
    bill_from: date,
    bill_to: date,
    terms: Iterable[OptoutTerm],
    rules: OptoutFeeRules,
) -> Fee | None:
    """
    Return the fee of one bill, estimated or not; None when no opt-out touched its days.

    Args:
        account_id: Who pays.
        bill_from: First day that the bill covers.
        bill_to: The day after the last one.
        terms: Every opt-out of the account. A month that was begun is owed in full (A).
        rules: The amounts.
    """
    touched = any(
        max(term.from_on, bill_from) < min(term.until_on or bill_to, bill_to) for term in terms
    )
    return Fee(FeeKind.MONTHLY, account_id, rules.monthly_usd, "OO-IV.2") if touched else None
