"""
Cases for the rules: the rules and calendars that ship, and facts in which every row passes.

A case changes some facts, as the customer system would state them, and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.domain.controls import Action, ControlState
from mdms.domain.facts import CisFact
from mdms.domain.registry import Commodity
from mdms.domain.time import local_day
from mdms.policy import engine
from mdms.policy.assembly import Stated, SwitchFacts, command_facts
from mdms.policy.budgets import Spending
from mdms.policy.calendars import Calendar, parse_local
from mdms.policy.decision import Decision, Verdict
from mdms.policy.engine import CommandFacts
from mdms.policy.facts import KINDS
from mdms.policy.gate import MeterFacts
from mdms.policy.proposal import SAFETY, SUPERVISOR, Approval, Proposal
from mdms.policy.rulebook import Rulebook
from tests.controls import a_control

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


TIMELINE: Final = {
    "past_due": "400.00",
    "bill_issued_on": "2026-10-20",
    "bill_due_on": "2026-11-09",
    "late_notice_issued_on": "2026-11-16",
    "late_notice_mailed_on": "2026-11-16",
    "late_notice_pay_by": "2026-12-01",
    "notice_48h_delivered_at": "2026-12-08 10:00",
    "contact_attempted_at": "2026-12-08 10:00",
}
"""The bill of policy.md 2.4."""

_NOTHING_ELSE: Final = {
    "bill_incorrect": "no",
    "corrected_issued_on": "none",
    "corrected_due_on": "none",
    "dispute": "none",
    "dispute_answered_at": "none",
    "arrangement": "none",
    "arrangement_ended_at": "none",
    "balance_transferred": "no",
    "military_granted_on": "none",
    "military_extended": "no",
    "medical_certificate": "no",
    "late_notice_shows_fee": "yes",
    "notice_48h_contents": " ".join(RULES.nonpay.notice_contents),
    "third_party_notice": "none",
    "payment_started_at": "none",
    "shared_meter": "no",
    "call_centre": "answering",
    "premise_flags": "none",
}
"""Facts in which no row finds a reason against a disconnect for non-payment."""

MOVE_OUT: Final = {
    "service_end_on": "2026-12-10",
    "move_out_notice_on": "2026-12-07",
    "revert_to_owner": "no",
    "successor_on": "none",
    "service_continues_until": "none",
    "new_application": "no",
    "premise_flags": "none",
}
"""A home that is left on 2026-12-10, with three business days' notice."""


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
    """Return values as the customer system states them; feeds come through at `at`."""
    feeds = {"payments_through": at.isoformat(), "cases_through": at.isoformat()}
    return [
        CisFact(
            subject=KINDS[name].subject,
            subject_id="X1",
            fact=name,
            value=value,
            effective_at=at,
            known_at=at,
            evidence="E-1",
        )
        for name, value in (feeds | dict(values)).items()
        if value
    ]


METER: Final = MeterFacts(
    commodity=Commodity.ELECTRIC,
    model="m",
    transformer_id="T1",
    installed=True,
    has_switch=True,
    pilot=True,
    radio_on=True,
    heard_at=datetime(2027, 12, 31, tzinfo=UTC),
    outage=False,
    opted_out=False,
    premise_flags=(),
    remote_open=True,
)

SPENDING: Final = Spending(made=(), open_count=0, switch_count=500)


def approved_by(*people: str, role: str = SUPERVISOR) -> tuple[Approval, ...]:
    """Return approvals."""
    return tuple(Approval(each, role, datetime(2026, 12, 6, tzinfo=UTC)) for each in people)


PROPOSAL: Final = Proposal(
    requested_by="clerk",
    requested_at=datetime(2026, 12, 6, tzinfo=UTC),
    role="csr",
    approvals=approved_by("ann", "bob"),
)

HAZARD: Final = replace(
    PROPOSAL,
    role=SAFETY,
    requested_by="officer",
    approvals=approved_by("ann"),
    evidence="EV-7",
    item="R9.D.3",
)
"""An officer proposed it on evidence, and a supervisor approved."""


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


def nonpay_values(changes: Changes) -> dict[str, str]:
    """Return the facts of an account in arrears, after some changes."""
    return TIMELINE | _NOTHING_ELSE | dict(changes)


def nonpay(at: datetime, changes: Changes, **known: Any) -> Decision:
    """Judge a disconnect for non-payment in which only the changes differ from all ok."""
    said = statements(nonpay_values(changes), at)
    return judge(Action.DISCONNECT, "NONPAY", facts(said, at, **known), at)


def opened(cause: str, at: datetime) -> SwitchFacts:
    """Return a switch that was opened for a cause at a time."""
    control = a_control(cause=cause, state=ControlState.VERIFIED, answered_at=at)
    return SwitchFacts(opened_by=control, load_side_voltage=False, hot=False)


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
