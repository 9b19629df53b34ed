"""
One question, one answer: may this command be made now?

In the order of policy.md 6: the meter's gate, the reason, the reason's own rows, the calendar, the
budget, who approved. Pure, and quick enough to be asked at every step of a command's life.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from mdms.domain.controls import SWITCHING, Action
from mdms.policy import budgets, gate, immediate, move_out, nonpay, radio, reasons, reconnect
from mdms.policy.budgets import Opening, Spending
from mdms.policy.calendars import Calendar
from mdms.policy.case import Case, deny, pending
from mdms.policy.decision import Decision, Finding, Verdict, decide, waited_for
from mdms.policy.gate import MeterFacts
from mdms.policy.immediate import AdverseLoadFacts, ImmediateFacts
from mdms.policy.move_out import MoveOutFacts
from mdms.policy.nonpay_facts import NonpayFacts
from mdms.policy.proposal import SAFETY, Proposal
from mdms.policy.reasons import Path
from mdms.policy.reconnect import ReconnectFacts
from mdms.policy.rulebook import Rules

_WAITS_MAX: Final = 16
"""Times that are tried for the next possible one; each failing row moves it at most a few times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFacts:
    """
    Everything known that a command may be judged by.

    Parts that nobody stated anything for stay at their defaults, where all is unknown: no
    disconnect is ever allowed by them.
    """

    proposal: Proposal
    meter: MeterFacts
    spending: Spending
    move_out: MoveOutFacts = field(default_factory=MoveOutFacts)
    nonpay: NonpayFacts = field(default_factory=NonpayFacts)
    load: AdverseLoadFacts = field(default_factory=AdverseLoadFacts)
    reconnect: ReconnectFacts = field(default_factory=ReconnectFacts)


@dataclass(frozen=True, slots=True)
class Question:
    """A command, what is known, and when; `later` as in Case."""

    action: Action
    cause: str
    facts: CommandFacts
    at: datetime
    rules: Rules
    calendar: Calendar
    later: bool = False

    @property
    def path(self) -> Path | None:
        """The rows that decide about a disconnect; None where its cause by itself does."""
        return reasons.PATHS.get(self.cause)

    @property
    def meter(self) -> gate.MeterCase:
        """What the gate is asked."""
        return Case(self.facts.meter, self.rules.gate, self.at, self.calendar, self.later)

    @property
    def move_out(self) -> move_out.MoveOutCase:
        """What the rows of a move-out are asked."""
        return Case(self.facts.move_out, self.rules.move_out, self.at, self.calendar, self.later)

    @property
    def nonpay(self) -> nonpay.NonpayCase:
        """What the rows of non-payment are asked."""
        return Case(self.facts.nonpay, self.rules.nonpay, self.at, self.calendar, self.later)

    @property
    def immediate(self) -> immediate.ImmediateCase:
        """What the rows of an immediate disconnect are asked."""
        facts = ImmediateFacts(self.cause, self.facts.proposal, self.facts.load)
        return Case(facts, self.rules.immediate, self.at, self.calendar, self.later)

    @property
    def reconnect(self) -> reconnect.ReconnectCase:
        """What the rows of a reconnect are asked."""
        return Case(self.facts.reconnect, self.rules.reconnect, self.at, self.calendar, self.later)


def judge(
    action: Action,
    cause: str,
    facts: CommandFacts,
    at: datetime,
    *,
    rules: Rules,
    calendar: Calendar,
    later: bool = False,
) -> Decision:
    """
    Decide about a command; every failing row is in the answer.

    Args:
        action: What is asked for.
        cause: Why; for a disconnect one of `mdms.policy.reasons.PATHS`.
        facts: What is known now. Judge again with fresh facts before each step.
        at: The instant to judge: now, or a planned one.
        rules: What holds on that day.
        calendar: Hours and holidays.
        later: `at` lies ahead, as in Case.

    Source:
        policy.md 1.3, 2, 3; headend.md 2.7.
    """
    question = Question(action, cause, facts, at, rules, calendar, later)
    if action is Action.DISCONNECT:
        return _open(question)
    if action in SWITCHING:
        return _close(question)
    return decide(radio.judge(action, question.meter), radio.ALLOWING)


def _open(question: Question) -> Decision:
    findings = _open_findings(question)
    decision = decide(findings, reasons.ALLOWING.get(question.cause))
    denied = decision.verdict is Verdict.DENY
    return replace(
        decision,
        not_after=None if denied else _not_after(question),
        next_possible_at=_next_possible_at(question, findings),
        follow_ups=() if denied else _follow_ups(question),
    )


def _open_findings(question: Question) -> list[Finding]:
    path = question.path
    verdict = Verdict.DENY if path is Path.NONPAY else Verdict.REFER
    findings: list[Finding | None] = [
        *gate.judge_open(question.meter),
        gate.protected(question.meter, verdict),
        reasons.unusable(question.cause),
    ]
    match path:
        case Path.MOVE_OUT:
            findings += move_out.judge(question.move_out)
        case Path.NONPAY:
            findings += nonpay.judge(question.nonpay)
        case Path.IMMEDIATE:
            findings += immediate.judge(question.immediate)
        case None:
            pass
    meter, facts = question.facts.meter, question.facts
    opening = Opening(question.at, meter.transformer_id, immediate=path is Path.IMMEDIATE)
    findings.append(budgets.pace(opening, facts.spending, question.rules.budgets))
    if path is Path.IMMEDIATE:
        findings.append(immediate.unapproved(question.immediate))
    else:
        needed = question.rules.gate.approvals
        findings.append(_for_hazards_only(facts.proposal.role))
        findings.append(_dual(len(facts.proposal.approvers()), needed))
    return [finding for finding in findings if finding]


def _for_hazards_only(role: str) -> Finding | None:
    """headend.md 4: the safety role has the path of hazards, and no other."""
    if role != SAFETY:
        return None
    return deny(
        "RD_ROLE", "R9.D", "somebody in the role csr must ask: safety cuts off for hazards only"
    )


def _dual(approver_count: int, needed: int) -> Finding | None:
    """G6; a requester's own approval was not counted."""
    if approver_count >= needed:
        return None
    cure = f"{needed - approver_count} more must approve; nobody approves what they asked for"
    return pending("RD_DUAL", "G6", cure)


def _next_possible_at(question: Question, findings: list[Finding]) -> datetime | None:
    """
    Return when waiting alone makes a command possible; None when it does not, or it is possible.

    The last of the waits may end outside of a window, or when a notice has grown too old: each
    time that is found is judged in its turn.
    """
    at = question.at
    for _ in range(_WAITS_MAX):
        after = waited_for(findings)
        if after is None or after <= at:
            return None
        at = after
        findings = _open_findings(replace(question, at=at, later=True))
        if not findings:
            return at
    return None


def _not_after(question: Question) -> datetime | None:
    """Return the end of the window that is open now."""
    ends = {
        Path.MOVE_OUT: move_out.not_after(question.move_out),
        Path.NONPAY: nonpay.not_after(question.nonpay),
    }
    end = ends.get(question.path) if question.path else None
    return end if end and end > question.at else None


def _follow_ups(question: Question) -> tuple[str, ...]:
    reads = ("take the read of the bill", "take a read at the disconnect")  # G9
    if question.path is not Path.IMMEDIATE:
        return reads
    days = question.rules.immediate.review_business_days
    by = question.calendar.business_days_after(question.immediate.today, days)
    return (*reads, f"a supervisor reviews it by {by}")


def _close(question: Question) -> Decision:
    case, proposal = question.reconnect, question.facts.proposal
    people = len({proposal.requested_by} | proposal.approvers())
    findings = [
        *gate.judge_close(question.meter, question.action),
        *reconnect.judge(question.cause, case),
        _dual(people, reconnect.people_needed(case)),
    ]
    met_at = case.facts.met_at
    follow_ups = ("open an incident",) if question.cause == reconnect.ERROR else ()
    decision = decide(findings, reconnect.allowing(question.cause), follow_ups=follow_ups)
    if decision.verdict is Verdict.REFER:
        follow_ups = (*follow_ups, "send a field order")
    return replace(
        decision,
        deadline=reconnect.deadline(met_at, case.rules, case.calendar) if met_at else None,
        action=Action.ARM
        if question.action is Action.ARM
        else reconnect.mode(question.cause, case),
        follow_ups=follow_ups,
    )
