"""
Worked examples that anybody can read, played by the rules that are loaded: `mdms policy test`.

Each is a case of policy.md with its id. They hold for the values that ship: who changes a value
sees here which answers it changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from mdms.domain.controls import Action
from mdms.domain.registry import Commodity
from mdms.policy.assembly import Stated, SwitchFacts, command_facts
from mdms.policy.calendars import Calendar, parse_local
from mdms.policy.decision import Decision, Verdict
from mdms.policy.engine import judge
from mdms.policy.example_facts import (
    ARREARS,
    HAZARD,
    LEFT,
    METER,
    PAID,
    PROPOSAL,
    SPENDING,
    Values,
    opened,
    stated,
)
from mdms.policy.proposal import Proposal
from mdms.policy.rulebook import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """
    One case.

    Attributes:
        at: Local time.
        values: What the customer system states.
        meter: Fields of the meter that differ from METER.
        opened_for: Cause of the disconnect two hours ago; empty: the switch is closed.
        next_at: Local time at which waiting alone makes it possible; None where it does not.
    """

    example_id: str
    words: str
    at: str
    action: Action = Action.DISCONNECT
    cause: str = "NONPAY"
    values: Values = field(default_factory=lambda: ARREARS)
    meter: Mapping[str, Any] = field(default_factory=dict)
    proposal: Proposal = PROPOSAL
    opened_for: str = ""
    verdict: Verdict = Verdict.DENY
    code: str
    next_at: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the loaded rules say to an example."""

    example: Example
    decision: Decision
    next_at: str | None

    @property
    def holds(self) -> bool:
        """Whether they say what it expects."""
        expected = self.example
        return (
            self.decision.verdict is expected.verdict
            and expected.code in self.decision.codes
            and self.next_at == expected.next_at
        )


def play(rules: Rules, calendar: Calendar) -> list[Outcome]:
    """Return what the loaded rules say to every example."""
    return [_play(example, rules, calendar) for example in EXAMPLES]


def _play(example: Example, rules: Rules, calendar: Calendar) -> Outcome:
    at = parse_local(example.at, calendar.zone)
    switch = SwitchFacts(in_use=False)
    if example.opened_for:
        switch = opened(example.opened_for, at - timedelta(hours=2))
    facts = command_facts(
        Stated.at(stated(example.values, at), at, calendar.zone),
        proposal=example.proposal,
        meter=replace(METER, **example.meter),
        switch=switch,
        spending=SPENDING,
    )
    decision = judge(example.action, example.cause, facts, at, rules=rules, calendar=calendar)
    possible = decision.next_possible_at
    next_at = f"{possible.astimezone(calendar.zone):%Y-%m-%dT%H:%M}" if possible else None
    return Outcome(example, decision, next_at)


EXAMPLES: Final[Sequence[Example]] = (
    Example(
        example_id="B01",
        words="every notice ran out, Thursday morning",
        at="2026-12-10T10:05",
        verdict=Verdict.ALLOW,
        code="NP_OK",
    ),
    Example(
        example_id="B02",
        words="a second before the 48 hours are over",
        at="2026-12-10T09:59:59",
        code="NP_48H_RUNNING",
        next_at="2026-12-10T10:00",
    ),
    Example(
        example_id="B03",
        words="too late in the afternoon",
        at="2026-12-10T15:30",
        code="NP_LATE_MARGIN",
        next_at="2026-12-14T08:00",
    ),
    Example(
        example_id="B04",
        words="never on a Friday",
        at="2026-12-11T00:00",
        code="NP_FRIDAY",
        next_at="2026-12-14T08:00",
    ),
    Example(
        example_id="B14",
        words="a dispute about a part of the bill bars the whole",
        at="2026-12-10T10:05",
        values={**ARREARS, "dispute": "open"},
        code="NP_DISPUTE",
    ),
    Example(
        example_id="B16",
        words="an arrangement is kept",
        at="2026-12-10T10:05",
        values={**ARREARS, "arrangement": "kept"},
        code="NP_ARRANGEMENT",
    ),
    Example(
        example_id="B25",
        words="the 48-hour notice was mailed, not delivered",
        at="2026-12-10T10:05",
        values={**ARREARS, "notice_48h_delivered_at": "none"},
        code="NP_NO_48H",
    ),
    Example(
        example_id="B28",
        words="the office is closed around New Year",
        at="2026-12-28T10:00",
        code="NP_OFFICE_CLOSED",
    ),
    Example(
        example_id="B31",
        words="gas is not switched remotely",
        at="2026-12-10T10:05",
        meter={"commodity": Commodity.GAS},
        code="RD_NOT_ELECTRIC",
    ),
    Example(
        example_id="B43",
        words="somebody's life depends on the supply",
        at="2026-12-10T10:05",
        values={**ARREARS, "premise_flags": "life_support"},
        code="RD_MEDICAL",
    ),
    Example(
        example_id="B34",
        words="a move-out on the Friday after",
        at="2026-12-11T09:00",
        cause="MOVE_OUT",
        values=LEFT,
        verdict=Verdict.ALLOW,
        code="MO_OK",
    ),
    Example(
        example_id="B35",
        words="two days' notice, over Thanksgiving",
        at="2026-11-30T10:00",
        cause="MOVE_OUT",
        values={**LEFT, "move_out_notice_on": "2026-11-25", "service_end_on": "2026-11-27"},
        code="MO_NOTICE",
        next_at="2026-12-03T08:00",
    ),
    Example(
        example_id="B39",
        words="a burnt socket, Sunday night",
        at="2026-12-06T03:00",
        cause="HAZARD",
        values={"premise_flags": "none"},
        proposal=HAZARD,
        verdict=Verdict.ALLOW,
        code="HAZARD_OK",
    ),
    Example(
        example_id="R04",
        words="paid on a Friday night",
        at="2026-12-11T20:00",
        action=Action.RECONNECT,
        cause="paid",
        values=PAID,
        opened_for="NONPAY",
        verdict=Verdict.ALLOW,
        code="RC_OK",
    ),
    Example(
        example_id="R08",
        words="ten dollars are still open",
        at="2026-12-07T09:00",
        action=Action.RECONNECT,
        cause="paid",
        values={**PAID, "balance_due": "10.00"},
        opened_for="NONPAY",
        code="RC_BALANCE_DUE",
    ),
    Example(
        example_id="R12",
        words="a hazard that nobody inspected",
        at="2026-12-07T09:00",
        action=Action.RECONNECT,
        cause="paid",
        values={**PAID, "inspection": "none"},
        opened_for="HAZARD",
        code="RC_SAFETY",
    ),
)
