"""
What leaves the utility as a sum over customers: policy.md 5.2.

A total must hide everybody in it, and so must whatever can be worked out from several totals. The
releases of a quantity cut its (customer, month) values into *atoms*: values that lie in exactly
the same releases. Any total of values that follows from the releases by adding and subtracting is
a sum of whole atoms. So a release is allowed only when every atom it makes passes the thresholds
by itself: then every such total passes, differences of any two releases among them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Final

from mdms.policy.decision import Decision, Finding, Verdict, decide

_CLAUSE: Final = "PP, A: CPUC D.14-05-016"


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateRules:
    """
    How large and even a group must be.

    Attributes:
        residential_min: Homes.
        non_residential_min: Other customers.
        share_max: Largest part of the total that one other customer may have.
    """

    residential_min: int
    non_residential_min: int
    share_max: Decimal


class Step(IntEnum):
    """How fine the time steps of a release are; the more, the coarser."""

    INTERVAL = 0
    DAY = 1
    MONTH = 2
    YEAR = 3


@dataclass(frozen=True, slots=True)
class Contribution:
    """
    What one customer adds to a total in one month.

    Attributes:
        customer_id: Who; the same in every release.
        residential: Whether the customer is a home.
        month: The first day of the month.
        amount: In the unit of the release's quantity; negative where more was delivered.
    """

    customer_id: str
    residential: bool
    month: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Release:
    """
    A total that leaves, or left, the utility; the ledger keeps those that did.

    Attributes:
        quantity: What is added up, with its unit: electric kWh, water ccf.
        step: The time step of what is told.
        contributions: One for each customer and month.
    """

    quantity: str
    step: Step
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What may be told.

    Attributes:
        total: The sum; None when it is suppressed, which must never be shown as zero.
    """

    decision: Decision
    total: Decimal | None

    def __str__(self) -> str:
        return "SUPPRESSED" if self.total is None else str(self.total)


def publish(
    asked: Sequence[Release], ledger: Sequence[Release], rules: AggregateRules
) -> list[Answer]:
    """
    Answer several totals at once, each as if those allowed before it had been published.

    What would give a suppressed cell away (a table's last other cell, next to its total) is
    suppressed with it. Enter every release that was allowed into the ledger before the answers
    are shown.
    """
    published = list(ledger)
    answers = []
    for release in asked:
        decision = judge(release, published, rules)
        total = None
        if decision.allowed:
            published.append(release)
            total = sum((each.amount for each in release.contributions), Decimal(0))
        answers.append(Answer(decision, total))
    return answers


def judge(release: Release, ledger: Iterable[Release], rules: AggregateRules) -> Decision:
    """
    Return whether a total may leave the utility.

    Args:
        release: What is asked for.
        ledger: Every release so far; those of other quantities are passed over.
        rules: The thresholds.
    """
    earlier = [each for each in ledger if each.quantity == release.quantity]
    return decide(
        [_too_fine(release), _too_few(release, rules), _tells_apart(release, earlier, rules)],
        Finding(Verdict.ALLOW, "PV_AGG_OK", _CLAUSE),
    )


def _too_fine(release: Release) -> Finding | None:
    if release.step >= Step.MONTH:
        return None
    return Finding(Verdict.DENY, "PV_AGG", _CLAUSE, "ask for whole months")


def _too_few(release: Release, rules: AggregateRules) -> Finding | None:
    if _hides_everybody(release.contributions, rules):
        return None
    return Finding(
        Verdict.DENY,
        "PV_AGG",
        _CLAUSE,
        f"ask for at least {rules.residential_min} homes, or {rules.non_residential_min} other "
        f"customers of which none uses more than {rules.share_max:%}",
    )


def _tells_apart(
    release: Release, earlier: Sequence[Release], rules: AggregateRules
) -> Finding | None:
    if all(_hides_everybody(atom, rules) for atom in _atoms(release, earlier)):
        return None
    return Finding(
        Verdict.DENY,
        "PV_DIFF",
        _CLAUSE,
        "ask for the same customers as an earlier release, or for none of them",
    )


def _atoms(release: Release, earlier: Sequence[Release]) -> Iterable[list[Contribution]]:
    """Yield the atoms that a release touches: those within it, and what it leaves of others."""
    own = 1 << len(earlier)
    pattern: defaultdict[tuple[str, date], int] = defaultdict(int)
    cell: dict[tuple[str, date], Contribution] = {}
    for number, each in enumerate((*earlier, release)):
        for contribution in each.contributions:
            key = contribution.customer_id, contribution.month
            pattern[key] |= 1 << number
            cell[key] = contribution
    touched = {bits & ~own for bits in pattern.values() if bits & own}
    atoms: defaultdict[int, list[Contribution]] = defaultdict(list)
    for key, bits in pattern.items():
        if bits & ~own in touched:
            atoms[bits].append(cell[key])
    return atoms.values()


def _hides_everybody(group: Iterable[Contribution], rules: AggregateRules) -> bool:
    """
    Tell whether a group is large and even enough.

    Amounts count without their sign, so that two groups that pass also pass together.
    """
    homes: set[str] = set()
    others: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in group:
        if each.residential:
            homes.add(each.customer_id)
        else:
            others[each.customer_id] += abs(each.amount)
    if homes and len(homes) < rules.residential_min:
        return False
    if others and len(others) < rules.non_residential_min:
        return False
    largest, total = max(others.values(), default=Decimal(0)), sum(others.values())
    if others and (total == 0 or largest > rules.share_max * total):
        return False
    return bool(homes or others)
