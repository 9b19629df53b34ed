"""Whether a command that nobody has sent goes on, waits, or ends; and until when."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from commands import holding, turns
from commands.holding import BATTERY_VALID, MAINS_VALID, PATIENCE, Outlook
from mdms.domain.controls import ControlState
from mdms.domain.registry import Commodity
from mdms.policy.case import deny, pending, refer
from mdms.policy.decision import Decision, Finding, Verdict, decide
from mdms.policy.gate import NO_SUPPLY
from tests.controls import AT, a_control

LATER = AT + timedelta(hours=2)
ALLOW = Finding(Verdict.ALLOW, "MO_OK", "R9.A")
DUAL = pending("RD_DUAL", "G6", "another person approves")
TURN = pending("RD_PACED", "G7", "wait", LATER)
ROOM = pending("RD_PACED", "G7", "wait until a switch closes")
WAITING = a_control(not_before=AT)


def of(*findings: Finding, not_after: datetime | None = None) -> Decision:
    return decide(findings, ALLOW, not_after=not_after)


def test_what_is_allowed_is_ready_at_once_and_for_a_quarter_of_an_hour():
    decision = of()

    assert holding.outlook(decision, WAITING) is Outlook.READY
    changes = holding.ready(decision, WAITING, AT)
    assert (changes["due_at"], changes["not_after"]) == (AT, AT + MAINS_VALID)


def test_a_battery_meter_has_a_day_for_it_listens_seldom():
    water = a_control(commodity=Commodity.WATER, not_before=AT)

    assert holding.ready(of(), water, AT)["not_after"] == AT + BATTERY_VALID


def test_the_end_of_the_legal_window_comes_before_any_other():
    changes = holding.ready(of(not_after=AT + timedelta(minutes=3)), WAITING, AT)

    assert changes["not_after"] == AT + timedelta(minutes=3)


def test_what_is_asked_for_later_is_due_then():
    asked = a_control(not_before=LATER)

    changes = holding.ready(of(), asked, AT)

    assert (changes["due_at"], changes["not_after"]) == (LATER, LATER + MAINS_VALID)


@pytest.mark.parametrize(
    ("findings", "outlook"),
    [
        ((DUAL,), Outlook.HELD),
        ((TURN, DUAL), Outlook.HELD),
        ((pending(turns.PAUSED, "headend 4", "resume"),), Outlook.HELD),
        ((pending("MO_HOURS", "A", "opens", LATER),), Outlook.HELD),
        ((pending("OO_FORM", "OO-III", "a form"),), Outlook.OVER),
        ((DUAL, deny("RD_NO_SWITCH", "RD-I", "none")), Outlook.OVER),
        ((deny("NP_48H_RUNNING", "R9.C", "wait", LATER),), Outlook.OVER),
        ((refer("MO_OCCUPIED", "A", "look"),), Outlook.OVER),
    ],
)
def test_a_command_waits_only_for_what_somebody_or_its_hour_may_still_bring(findings, outlook):
    assert holding.outlook(of(*findings), WAITING) is outlook


def test_what_its_own_hour_cures_is_no_reason_to_end():
    tomorrow = a_control(not_before=LATER)

    cured = of(deny("NP_48H_RUNNING", "R9.C", "wait", LATER))

    assert holding.outlook(cured, tomorrow) is Outlook.HELD


@pytest.mark.parametrize(("evidence", "outlook"), [("E-7", Outlook.HELD), ("", Outlook.OVER)])
def test_a_supervisor_decides_on_theft_where_there_is_evidence(evidence, outlook):
    asked = a_control(evidence=evidence)

    assert holding.outlook(of(refer("THEFT_REVIEW", "R9.D.1", "decide")), asked) is outlook


def test_who_waits_for_an_approval_is_looked_at_when_it_comes_or_time_is_over():
    changes = holding.held(of(DUAL), WAITING, AT)

    assert changes["due_at"] == changes["not_after"] == AT + PATIENCE
    assert [each.code for each in changes["refusals"]] == ["RD_DUAL"]


def test_who_waits_for_a_time_is_looked_at_then():
    changes = holding.held(of(TURN), WAITING, AT)

    assert (changes["due_at"], changes["not_after"]) == (LATER, LATER + PATIENCE)


def test_who_waits_for_room_that_no_time_brings_is_looked_at_again_soon():
    changes = holding.held(of(ROOM), WAITING, AT)

    assert AT < changes["due_at"] <= AT + timedelta(minutes=5)
    assert changes["due_at"] <= changes["not_after"]


def test_who_waits_for_a_time_that_has_passed_is_looked_at_again_soon_and_not_for_ever():
    busy = of(deny("RD_BUSY", "G5", "wait for ping", AT - timedelta(minutes=45)))
    soon, end = AT + timedelta(minutes=5), AT + PATIENCE

    first = holding.held(busy, WAITING, AT)
    again = holding.held(busy, replace(WAITING, **first), soon)

    assert holding.outlook(busy, WAITING) is Outlook.HELD
    assert (first["due_at"], first["not_after"]) == (soon, end)
    assert (again["due_at"], again["not_after"]) == (soon + timedelta(minutes=5), end)


def test_a_changed_window_shows():
    asked = a_control(not_after=LATER)

    assert holding.outlives_its_window(of(not_after=AT), asked)
    assert not holding.outlives_its_window(of(not_after=LATER), asked)
    assert not holding.outlives_its_window(of(), asked)


@pytest.mark.parametrize(
    ("state", "outlook"),
    [
        (ControlState.DRAFT, Outlook.OVER),
        (ControlState.POLICY_OK, Outlook.HELD),
        (ControlState.APPROVED_1, Outlook.HELD),
        (ControlState.QUARANTINED, Outlook.HELD),
    ],
)
def test_an_outage_refuses_what_is_asked_for_and_holds_what_is_in_hand(state, outlook):
    assert holding.outlook(of(NO_SUPPLY), a_control(state=state)) is outlook


def test_an_outage_prolongs_nothing():
    control = a_control(state=ControlState.POLICY_OK, not_after=AT + timedelta(minutes=15))

    early = holding.held(of(NO_SUPPLY, not_after=AT + timedelta(hours=3)), control, AT)
    late = holding.held(of(NO_SUPPLY), control, AT + timedelta(minutes=14))

    assert (early["due_at"], early["not_after"]) == (AT + timedelta(minutes=5), control.not_after)
    assert (late["due_at"], late["not_after"]) == (control.not_after, control.not_after)


def test_only_an_outage_alone_lets_what_is_signed_wait():
    assert holding.waits_for_supply(of(NO_SUPPLY))
    assert not holding.waits_for_supply(of(NO_SUPPLY, DUAL))
    assert not holding.waits_for_supply(of())
