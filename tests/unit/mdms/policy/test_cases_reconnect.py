"""Cases R01 to R18 of policy.md: reconnects, and how fast they must be made."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mdms.domain.controls import Action, Result
from mdms.policy import reconnect
from mdms.policy.decision import Decision, Verdict
from mdms.policy.example_facts import PROPOSAL, opened
from mdms.policy.reconnect import ERROR
from tests.policy import RULES, approved_by, facts, judge, local, nonpay, show, statements

PAID = {"balance_due": "0", "reconnect_charges_due": "0.00", "arrangement": "none"}
ALONE = replace(PROPOSAL, approvals=())
AT = "2026-12-07 09:00"


def reconnected(
    changes: dict[str, str],
    *,
    at: str = AT,
    cause: str = "NONPAY",
    because: str = "paid",
    switch: dict[str, Any] | None = None,
    **known: Any,
) -> Decision:
    """Judge a reconnect of a switch that was opened two hours before."""
    now = local(at)
    opened_switch = replace(opened(cause, now - timedelta(hours=2)), **(switch or {}))
    known = {"proposal": ALONE} | known
    said = facts(statements(changes, now), now, switch=opened_switch, **known)
    return judge(Action.RECONNECT, because, said, now)


DEADLINES = [
    pytest.param("2026-12-07 09:00", "2026-12-08 16:30:00", id="R01"),
    pytest.param("2026-12-07 07:00", "2026-12-07 16:30:00", id="R02"),
    pytest.param("2026-12-10 15:05", "2026-12-11 16:30:00", id="R03"),
    pytest.param("2026-12-11 20:00", "2026-12-14 16:30:00", id="R04"),
    pytest.param("2027-07-02 12:00", "2027-07-06 16:30:00", id="R05"),
    pytest.param("2026-12-23 17:00", "2026-12-24 16:30:00", id="R06"),
    pytest.param("2027-03-30 12:00", "2027-03-31 16:30:00", id="R07"),
    pytest.param("2026-12-03 15:05", "2026-12-04 16:30:00", id="R03-on-a-9/80-Friday"),
]


@pytest.mark.parametrize(("posted", "deadline"), DEADLINES)
def test_who_paid_is_reconnected_at_any_hour_by_the_end_of_the_next_business_day(posted, deadline):
    decision = reconnected(PAID, at=posted)

    assert decision.verdict is Verdict.ALLOW
    assert decision.code == "RC_OK"
    assert show(decision.deadline) == deadline
    assert decision.not_after is None


CONDITIONS = {
    "R08": ("NONPAY", PAID | {"balance_due": "10.00"}, Verdict.DENY, "RC_BALANCE_DUE"),
    "R09": (
        "NONPAY",
        {"balance_due": "240.00", "reconnect_charges_due": "50", "arrangement": "kept"},
        Verdict.ALLOW,
        "RC_OK",
    ),
    "R10": ("NONPAY", PAID | {"reconnect_charges_due": "50.00"}, Verdict.DENY, "RC_BALANCE_DUE"),
    "R11": ("MOVE_OUT", {"account_established": "yes"}, Verdict.ALLOW, "RC_OK"),
    "R12": ("HAZARD", PAID | {"inspection": "none"}, Verdict.DENY, "RC_SAFETY"),
    "R13": ("HAZARD", {"inspection": "I-7", "balance_due": "90.00"}, Verdict.ALLOW, "RC_OK"),
}


@pytest.mark.parametrize(
    ("cause", "changes", "verdict", "code"), CONDITIONS.values(), ids=CONDITIONS.keys()
)
def test_each_cause_has_conditions_of_its_own(cause, changes, verdict, code):
    decision = reconnected(changes, cause=cause, proposal=PROPOSAL)

    assert decision.verdict is verdict
    assert code in decision.codes


@pytest.mark.parametrize(
    ("confirmed", "open_for", "mode"),
    [
        pytest.param("no", timedelta(hours=2), Action.ARM, id="R11-nobody-there"),
        pytest.param("", timedelta(hours=2), Action.ARM, id="R11-nobody-says"),
        pytest.param("yes", timedelta(hours=2), Action.RECONNECT, id="R11-present"),
        pytest.param("yes", timedelta(hours=25), Action.ARM, id="R11-open-for-long"),
    ],
)
def test_a_switch_is_armed_where_nobody_answers_for_the_appliances(confirmed, open_for, mode):
    changes = {"account_established": "yes", "customer_confirmed": confirmed}
    at = local(AT)

    decision = reconnected(
        changes, cause="MOVE_OUT", switch={"opened_by": opened("MOVE_OUT", at - open_for).opened_by}
    )

    assert decision.allowed
    assert decision.action is mode


SWITCHES = {
    "R14": ({"load_side_voltage": True}, {}, "RC_LOAD_SIDE"),
    "R14-hot": ({"hot": True}, {}, "RC_HOT"),
    "R14-locked": ({"refused": Result.SWITCH_LOCKED}, {}, "RC_LOCKED"),
    "R14-nobody-knows-why": ({"opened_by": None}, {}, "RC_CAUSE"),
    "R18": ({}, {"radio_on": False}, "RADIO_DISABLED"),
}


@pytest.mark.parametrize(("switch", "meter", "code"), SWITCHES.values(), ids=SWITCHES.keys())
def test_what_a_radio_cannot_do_safely_goes_to_a_person_at_once(switch, meter, code):
    decision = reconnected(PAID, switch=switch, **meter)

    assert decision.verdict is Verdict.REFER
    assert decision.codes == (code,)
    assert "send a field order" in decision.follow_ups


# That the queued command is taken back at once is shown where its life is tested.
@pytest.mark.parametrize("posted", [pytest.param("2026-12-10 10:05", id="R15")])
def test_a_payment_forbids_the_disconnect_that_waits(posted):
    decision = nonpay(local(posted), {"past_due": "0.00"})

    assert decision.verdict is Verdict.DENY
    assert decision.codes == ("NP_NOT_DUE",)


@pytest.mark.parametrize("at", [pytest.param("2026-12-12 23:00", id="R16")])
def test_a_home_cut_off_by_mistake_is_closed_at_once(at):
    decision = reconnected({}, at=at, because=ERROR)

    assert decision.verdict is Verdict.ALLOW
    assert decision.code == "RC_ERROR"
    assert decision.action is Action.RECONNECT
    assert decision.follow_ups == ("open an incident",)


def test_no_mistake_closes_a_switch_on_a_hazard_that_nobody_inspected():
    decision = reconnected({"inspection": "none"}, cause="HAZARD", because=ERROR, proposal=PROPOSAL)

    assert decision.verdict is Verdict.DENY
    assert decision.codes == ("RC_SAFETY",)


# That a field order is then made is shown where the life of commands is tested.
@pytest.mark.parametrize(
    ("waited", "code"),
    [
        pytest.param(timedelta(minutes=59), None, id="R17-within-an-hour"),
        pytest.param(timedelta(hours=1), "RC_ALARM", id="R17-after-an-hour"),
        pytest.param(timedelta(hours=2), "RC_FIELD", id="R17"),
    ],
)
def test_a_reconnect_that_nobody_verified_calls_people(waited, code):
    met_at: datetime = local(AT)

    finding = reconnect.overdue(met_at, met_at + waited, RULES.reconnect)

    assert (finding and finding.code) == code
    assert finding is None or finding.verdict is Verdict.REFER


def test_after_a_hazard_two_people_must_stand_behind_it():
    changes = {"inspection": "I-7"}

    alone = reconnected(changes, cause="HAZARD")
    both = replace(ALONE, approvals=approved_by("ann"))

    assert (alone.verdict, alone.codes) == (Verdict.PENDING, ("RD_DUAL",))
    assert reconnected(changes, cause="HAZARD", proposal=both).allowed


def test_after_a_theft_both_charges_and_safety_are_asked_for():
    changes = {"balance_due": "900", "reconnect_charges_due": "0", "inspection": "none"}

    decision = reconnected(changes, cause="THEFT")

    assert decision.codes == ("RC_BALANCE_DUE", "RC_SAFETY")


def test_unknown_money_is_referred_and_never_waits_in_silence():
    decision = reconnected({})

    assert decision.verdict is Verdict.REFER
    assert decision.codes == ("RC_BALANCE_DUE",)


def test_an_inspection_from_before_the_cut_proves_nothing():
    now = local(AT)
    said = statements({"inspection": "I-1"}, now - timedelta(days=30))
    known = facts(said, now, switch=opened("HAZARD", now - timedelta(hours=2)))

    decision = judge(Action.RECONNECT, "inspected", known, now)

    assert decision.verdict is Verdict.DENY
    assert decision.codes == ("RC_SAFETY",)


def test_the_deadline_stands_even_where_the_calendar_is_missing():
    decision = reconnected(PAID, at="2028-01-03 12:00")

    assert show(decision.deadline) == "2028-01-04 16:30:00"
