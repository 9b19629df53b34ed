"""
What the rules answer: a verdict, and every finding that led to it.

Rows of the tables are functions that return a finding where they fail and None where they pass;
a decision collects them all, so that nobody cures one reason only to meet the next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from mdms.domain.controls import Action, Refusal


class Verdict(StrEnum):
    """What follows from a decision."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    REFER = "REFER"
    """A person in a named role decides."""
    PENDING = "PENDING"
    """Something named is still missing."""
    QUARANTINE = "QUARANTINE"
    """A budget is spent; supervisors release."""


PRECEDENCE: Final = (
    Verdict.DENY,
    Verdict.QUARANTINE,
    Verdict.REFER,
    Verdict.PENDING,
    Verdict.ALLOW,
)
"""Which verdict holds when findings differ: the first of these (policy.md 8.1)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one row of a table found.

    Attributes:
        code: Name of the reason, stable: it is stored, counted and searched for.
        clause: Where the rule is written.
        cure: What would change it; empty where nothing needs to.
        next_possible_at: When waiting alone cures this row; None when it does not.
    """

    verdict: Verdict
    code: str
    clause: str
    cure: str = ""
    next_possible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount that a decision carries: a fee, a credit, a quantity to bill."""

    name: str
    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    The answer to one question, with all that led to it.

    Attributes:
        findings: Every failing row in the order of the tables; if none fails, the one that allows.
        not_after: End of what allows it; None where no rule sets one.
        next_possible_at: When waiting alone cures every finding; None when it does not.
        deadline: When a duty to the customer falls due.
        action: What to do where that differs from what was asked: arm instead of close.
        follow_ups: What else must be done, in words.
        figures: Amounts that follow.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    not_after: datetime | None = None
    next_possible_at: datetime | None = None
    deadline: datetime | None = None
    action: Action | None = None
    follow_ups: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it may be done now."""
        return self.verdict is Verdict.ALLOW

    @property
    def code(self) -> str:
        """The primary code: that of the first finding in the order of the tables."""
        return self.findings[0].code

    @property
    def codes(self) -> tuple[str, ...]:
        """All codes, in the order of the tables."""
        return tuple(finding.code for finding in self.findings)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The failing rows as a command stores them; empty when it is allowed."""
        return tuple(
            Refusal(finding.code, finding.clause, finding.cure, finding.next_possible_at)
            for finding in self.findings
            if finding.verdict is not Verdict.ALLOW
        )


def decide(
    failing: Iterable[Finding | None],
    allowing: Finding | None,
    *,
    not_after: datetime | None = None,
    deadline: datetime | None = None,
    action: Action | None = None,
    follow_ups: Sequence[str] = (),
    figures: Sequence[Figure] = (),
) -> Decision:
    """
    Collect what the rows found.

    Args:
        failing: What each row returned, in the order of the tables; None where it passed.
        allowing: The finding that stands when none fails; None where one always does.
        not_after: See Decision, like all that follow.
        deadline: Likewise.
        action: Likewise.
        follow_ups: Likewise.
        figures: Likewise.
    """
    findings = tuple(finding for finding in failing if finding)
    assert all(finding.verdict is not Verdict.ALLOW for finding in findings), "a failing row"
    if not findings:
        assert allowing, "a row fails where nothing may allow"
        assert allowing.verdict is Verdict.ALLOW, "what stands when no row fails"
        findings = (allowing,)
    return Decision(
        verdict=prevailing(findings),
        findings=findings,
        not_after=not_after,
        next_possible_at=waited_for(findings),
        deadline=deadline,
        action=action,
        follow_ups=tuple(follow_ups),
        figures=tuple(figures),
    )


def prevailing(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict that holds over all others; ALLOW where nothing was found."""
    verdicts = {finding.verdict for finding in findings} | {Verdict.ALLOW}
    return next(verdict for verdict in PRECEDENCE if verdict in verdicts)


def waited_for(findings: Iterable[Finding]) -> datetime | None:
    """Return the last of the times that cure each finding; None if one has none."""
    times = [finding.next_possible_at for finding in findings]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None
