"""Who may be commanded: every failing clause, with its cure."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.controls import UNRESOLVED, Action, ControlState
from mdms.domain.registry import Commodity
from mdms.policy.control import DISCONNECT_CAUSES, ControlFacts, judge, preempted
from tests.controls import AT, a_control

GOOD = ControlFacts(
    commodity=Commodity.ELECTRIC,
    installed=True,
    has_switch=True,
    pilot=True,
    radio_on=True,
    opted_out=False,
    premise_flags=(),
    others=(),
    remote_open=True,
)


def codes(action: Action, facts: ControlFacts, cause: str = "MOVE_OUT") -> list[str]:
    return [refusal.code for refusal in judge(action, cause, facts)]


@pytest.mark.parametrize("action", set(Action) - {Action.RADIO_OFF})
def test_a_meter_in_order_may_be_commanded(action):
    assert codes(action, GOOD) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"remote_open": False}, "REMOTE_OPEN_OFF"),
        ({"commodity": Commodity.GAS}, "RD_NOT_ELECTRIC"),
        ({"has_switch": False}, "RD_NO_SWITCH"),
        ({"pilot": False}, "RD_NOT_PILOT"),
        ({"radio_on": False}, "RADIO_DISABLED"),
        ({"installed": False}, "METER_CHANGED"),
        ({"premise_flags": ("garden", "life_support")}, "RD_MEDICAL"),
        ({"others": (a_control(state=ControlState.SENT),)}, "RD_BUSY"),
        ({"others": (a_control(state=ControlState.UNKNOWN),)}, "RD_BUSY"),
    ],
)
def test_each_failing_condition_of_a_disconnect_has_its_code(change, code):
    assert codes(Action.DISCONNECT, replace(GOOD, **change)) == [code]


def test_all_failing_conditions_are_named_at_once_each_with_clause_and_cure():
    facts = replace(
        GOOD,
        commodity=Commodity.WATER,
        installed=False,
        has_switch=False,
        pilot=False,
        radio_on=False,
        premise_flags=("medical",),
        others=(a_control(state=ControlState.SIGNED),),
        remote_open=False,
    )

    refusals = judge(Action.DISCONNECT, "WATER_WASTE", facts)

    assert [refusal.code for refusal in refusals] == [
        "REMOTE_OPEN_OFF", "RD_NOT_ELECTRIC", "RD_NO_SWITCH", "RADIO_DISABLED", "METER_CHANGED",
        "RD_NOT_PILOT", "RD_MEDICAL", "RD_REASON", "RD_BUSY",
    ]  # fmt: skip
    assert all(refusal.clause and refusal.cure for refusal in refusals)


@pytest.mark.parametrize("cause", ["LOAD_SHED", "TEST", "WATER_WASTE", "", "move_out"])
def test_a_disconnect_needs_a_cause_that_allows_it(cause):
    assert codes(Action.DISCONNECT, GOOD, cause) == ["RD_REASON"]


@pytest.mark.parametrize("cause", DISCONNECT_CAUSES)
def test_causes_that_allow_a_disconnect(cause):
    assert codes(Action.DISCONNECT, GOOD, cause) == []


def test_a_radio_goes_silent_only_for_a_filed_opt_out_and_never_on_a_water_meter():
    opted_out = replace(GOOD, opted_out=True)

    assert codes(Action.RADIO_OFF, opted_out) == []
    assert codes(Action.RADIO_OFF, GOOD) == ["RADIO_NO_OPTOUT"]
    assert codes(Action.RADIO_OFF, replace(GOOD, commodity=Commodity.WATER)) == [
        "RADIO_WATER",
        "RADIO_NO_OPTOUT",
    ]


def test_a_silent_radio_comes_back_after_the_opt_out_ended_and_by_radio_only_where_it_listens():
    silent = replace(GOOD, radio_on=False)

    assert codes(Action.RADIO_ON, silent) == []
    assert codes(Action.RADIO_ON, replace(silent, opted_out=True)) == ["RADIO_OPTED_OUT"]
    assert codes(Action.RADIO_ON, replace(silent, commodity=Commodity.GAS)) == ["RADIO_FIELD"]


@given(st.sampled_from(Action), st.sampled_from(sorted(UNRESOLVED)))
def test_nothing_overtakes_a_command_in_hand_but_a_reconnect_its_disconnect(action, state):
    pending = a_control(state=state)
    facts = replace(GOOD, opted_out=action is Action.RADIO_OFF, others=(pending,))

    free = not codes(action, facts)

    if action is Action.DISCONNECT:
        assert not free
    elif action is Action.RECONNECT:
        assert free
        assert preempted(action, facts.others) == ([] if state == "UNKNOWN" else [pending])
    else:
        assert free == (state is ControlState.UNKNOWN)


def test_who_must_wait_is_told_until_when():
    pending = a_control(state=ControlState.SENT, not_after=AT + timedelta(minutes=15))

    (refusal,) = judge(Action.DISCONNECT, "MOVE_OUT", replace(GOOD, others=(pending,)))

    assert refusal.next_possible_at == AT + timedelta(minutes=15)
