"""Disconnecting at once, for safety and for theft: policy.md 2.5; no window and no notice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mdms.domain.facts import ABSENT, Absence
from mdms.policy.case import Case, Row, deny, found, pending, refer, unknown
from mdms.policy.decision import Finding
from mdms.policy.proposal import SAFETY, SUPERVISOR, Proposal
from mdms.policy.reasons import ADVERSE_LOAD, HAZARD, THEFT

ITEMS: Final[Mapping[str, tuple[str, ...]]] = {
    HAZARD: ("RD-II", "R9.D.3", "R9.D.5"),
    ADVERSE_LOAD: ("R9.D.4",),
    THEFT: ("R9.D.1",),
}
"""What an immediate disconnect for a cause may rest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmediateRules:
    """
    Who answers for a cut without notice.

    Attributes:
        second_officer_minutes: Without a supervisor's answer, another safety officer may approve.
        review_business_days: By when a supervisor looks at it again.
    """

    second_officer_minutes: int
    review_business_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseLoadFacts:
    """
    What is known of a load that harms the grid (R9.D.4). None: not known.

    Attributes:
        mitigation_failed: The customer was asked to lessen it, and did not.
        engineering_finding: Identifier of the engineers' finding; ABSENT: there is none.
    """

    mitigation_failed: bool | None = None
    engineering_finding: str | Absence | None = None


@dataclass(frozen=True, slots=True)
class ImmediateFacts:
    """Why a supply is to be cut off at once, and who says so."""

    cause: str
    proposal: Proposal
    load: AdverseLoadFacts


ImmediateCase = Case[ImmediateFacts, ImmediateRules]


def judge(case: ImmediateCase) -> list[Finding]:
    """Return every failing row before the budget is asked."""
    return found(_ROWS, case)


def unapproved(case: ImmediateCase) -> Finding | None:
    """Return whether somebody must still approve: a supervisor, or later another safety officer."""
    proposal = case.facts.proposal
    if proposal.approvers({SUPERVISOR}):
        return None
    if case.facts.cause == THEFT:
        return refer("THEFT_REVIEW", "R9.D.1, 7.4", "a supervisor decides on the evidence")
    second_at = proposal.requested_at + timedelta(minutes=case.rules.second_officer_minutes)
    officers = {
        approval.by
        for approval in proposal.approvals
        if approval.role == SAFETY and approval.at >= second_at
    }
    if officers - {proposal.requested_by}:
        return None
    cure = f"a supervisor approves; from {second_at:%H:%M:%S} UTC on, another safety officer may"
    return pending("RD_DUAL", "2.5", cure)


def _role(case: ImmediateCase) -> Finding | None:
    if case.facts.proposal.role == SAFETY:
        return None
    return deny("HAZARD_ROLE", "R9.D", "somebody in the safety role must propose it")


def _item(case: ImmediateCase) -> Finding | None:
    items = ITEMS[case.facts.cause]
    if case.facts.proposal.item in items:
        return None
    return pending("HAZARD_ITEM", "R9.D", f"name the item that it rests on: {', '.join(items)}")


def _evidence(case: ImmediateCase) -> Finding | None:
    if case.facts.proposal.evidence:
        return None
    if case.facts.cause == THEFT:
        return refer("THEFT_REVIEW", "R9.D.1, 7.4", "a supervisor decides on evidence: file it")
    return pending("HAZARD_EVIDENCE", "R9.D", "file the evidence and name its id")


def _mitigation(case: ImmediateCase) -> Finding | None:
    if case.facts.cause != ADVERSE_LOAD:
        return None
    code = "AL_MITIGATION"
    if case.facts.load.mitigation_failed is None:
        return unknown(code, "R9.D.4", "mitigation_failed")
    if not case.facts.load.mitigation_failed:
        return deny(code, "R9.D.4", "ask the customer to mitigate first")
    return None


def _finding(case: ImmediateCase) -> Finding | None:
    if case.facts.cause != ADVERSE_LOAD:
        return None
    if case.facts.load.engineering_finding is None:
        return unknown("AL_FINDING", "R9.D.4", "engineering_finding")
    if case.facts.load.engineering_finding is ABSENT:
        return deny("AL_FINDING", "R9.D.4", "have engineers examine it, and file their finding")
    return None


_ROWS: Final[tuple[Row[ImmediateFacts, ImmediateRules], ...]] = (
    _role,
    _item,
    _evidence,
    _mitigation,
    _finding,
)
