"""
Cases for the rules and calendars that ship, worked through stated facts.

A case changes some facts, as the customer system would state them, and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.domain.controls import Action
from mdms.domain.facts import CisFact
from mdms.domain.time import local_day
from mdms.policy import engine
from mdms.policy.assembly import Stated, SwitchFacts, command_facts
from mdms.policy.budgets import Spending
from mdms.policy.calendars import Calendar, parse_local
from mdms.policy.decision import Decision, Verdict
from mdms.policy.engine import CommandFacts
from mdms.policy.example_facts import ARREARS, METER, PROPOSAL, SPENDING, stated
from mdms.policy.proposal import SUPERVISOR, Approval, Proposal
from mdms.policy.rulebook import Rulebook

CONFIG: Final = Path(__file__).parent.parent / "config"
ZONE: Final = ZoneInfo("America/Los_Angeles")


def texts(folder: str) -> dict[str, str]:
    """Return the files of a folder of configuration, by name."""
    return {path.name: path.read_text() for path in sorted((CONFIG / folder).glob("*.toml"))}


RULEBOOK: Final = Rulebook.parse(texts("policy"))
RULES: Final = RULEBOOK.at(date(2026, 12, 1))
CUSTOMER_RULES: Final = RULEBOOK.customer_at(date(2026, 12, 1))
CALENDAR: Final = Calendar.parse(texts("calendars"), ZONE)

Changes = Mapping[str, str]
"""Values of facts by name; an empty one: nobody stated it."""


def local(text: str) -> datetime:
    """Return the instant of a local time such as 2026-12-10 10:05."""
    return parse_local(text, ZONE)


def show(at: datetime | None) -> str | None:
    """Return an instant as a local time to the second."""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S") if at else None


def long_past(delivered: str) -> dict[str, str]:
    """Return the dates of a bill whose pay-by date is long past when the notice is delivered."""
    day = local_day(local(delivered), ZONE)
    dates = {
        "bill_issued_on": -50,
        "bill_due_on": -30,
        "late_notice_issued_on": -24,
        "late_notice_mailed_on": -24,
        "late_notice_pay_by": -9,
    }
    return {
        **{name: str(day + timedelta(days=offset)) for name, offset in dates.items()},
        "notice_48h_delivered_at": delivered,
        "contact_attempted_at": delivered,
    }


def statements(values: Changes, at: datetime) -> list[CisFact]:
    """Return values as the customer system states them, but for the empty ones."""
    return [fact for fact in stated(values, at) if fact.value]


def approved_by(*people: str, role: str = SUPERVISOR) -> tuple[Approval, ...]:
    """Return approvals."""
    return tuple(Approval(each, role, datetime(2026, 12, 6, tzinfo=UTC)) for each in people)


def facts(
    said: Iterable[CisFact],
    at: datetime,
    *,
    proposal: Proposal = PROPOSAL,
    spending: Spending = SPENDING,
    switch: SwitchFacts | None = None,
    **meter: Any,
) -> CommandFacts:
    """Return what a command is judged by: statements, and a meter in order except for `meter`."""
    return command_facts(
        Stated.at(said, at, ZONE),
        proposal=proposal,
        meter=replace(METER, **meter),
        switch=switch or SwitchFacts(in_use=False),
        spending=spending,
    )


def judge(action: Action, cause: str, known: CommandFacts, at: datetime) -> Decision:
    """Judge by the rules and calendars that ship."""
    return engine.judge(action, cause, known, at, rules=RULES, calendar=CALENDAR)


def nonpay(at: datetime, changes: Changes, **known: Any) -> Decision:
    """Judge a disconnect for non-payment in which only the changes differ from all ok."""
    said = statements({**ARREARS, **changes}, at)
    return judge(Action.DISCONNECT, "NONPAY", facts(said, at, **known), at)


@dataclass(frozen=True)
class Expected:
    """What a case says; `after` is None where it names no time, "never" where no wait cures it."""

    verdict: Verdict
    code: str
    after: str | None = None
    changes: dict[str, str] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


def check(decision: Decision, expected: Expected) -> None:
    assert decision.verdict is expected.verdict, decision
    assert expected.code in decision.codes
    if expected.after is not None:
        assert show(decision.next_possible_at) == (
            None if expected.after == "never" else expected.after
        )
    assert all(finding.clause for finding in decision.findings)
    assert all(finding.cure for finding in decision.findings if not decision.allowed)
