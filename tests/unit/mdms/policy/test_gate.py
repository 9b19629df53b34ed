"""The gate of a command: what is known of the meter itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.controls import UNRESOLVED, Action, ControlState
from mdms.domain.registry import Commodity
from mdms.policy import gate
from mdms.policy.case import Case
from mdms.policy.decision import Verdict
from mdms.policy.example_facts import METER
from tests.controls import AT as ASKED_AT
from tests.controls import a_control
from tests.policy import CALENDAR, RULES, facts, judge, local, nonpay

AT = local("2026-12-10T10:05")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"remote_open": False}, "REMOTE_OPEN_OFF"),
        ({"commodity": Commodity.WATER}, "RD_NOT_ELECTRIC"),
        ({"has_switch": False}, "RD_NO_SWITCH"),
        ({"pilot": False}, "RD_NOT_PILOT"),
        ({"radio_on": False}, "RADIO_DISABLED"),
        ({"heard_at": None}, "RADIO_DISABLED"),
        ({"heard_at": AT - timedelta(hours=25)}, "RADIO_DISABLED"),
        ({"installed": False}, "METER_CHANGED"),
        ({"outage": True}, "RD_BUSY"),
        ({"premise_flags": ("garden", "fire_alarm")}, "RD_MEDICAL"),
        ({"others": (a_control(state=ControlState.SENT),)}, "RD_BUSY"),
        ({"others": (a_control(state=ControlState.UNKNOWN),)}, "RD_BUSY"),
    ],
)
def test_each_failing_condition_of_a_disconnect_has_its_code(change, code):
    decision = nonpay(AT, {}, **change)

    assert decision.verdict is Verdict.DENY
    assert decision.codes == (code,)


def test_a_model_whose_switch_was_recalled_is_left_alone():
    recalled = replace(RULES.gate, blocked_models=("m",))

    (finding,) = gate.judge_open(Case(METER, recalled, AT, CALENDAR))

    assert finding.code == "RD_BLOCKED"


def command(action: Action, **meter: Any) -> tuple[str, ...]:
    return judge(action, "asked for", facts([], AT, **meter), AT).codes


def test_a_radio_goes_silent_only_for_a_filed_opt_out_and_never_on_a_water_meter():
    water = Commodity.WATER

    assert command(Action.RADIO_OFF, opted_out=True) == ("OK",)
    assert command(Action.RADIO_OFF) == ("RADIO_NO_OPTOUT",)
    assert command(Action.RADIO_OFF, commodity=water) == ("RADIO_WATER", "RADIO_NO_OPTOUT")


def test_a_silent_radio_comes_back_after_the_opt_out_ended_and_by_radio_only_where_it_listens():
    assert command(Action.RADIO_ON, radio_on=False) == ("OK",)
    assert command(Action.RADIO_ON, radio_on=False, opted_out=True) == ("RADIO_OPTED_OUT",)
    assert command(Action.RADIO_ON, radio_on=False, commodity=Commodity.GAS) == ("RADIO_FIELD",)


@pytest.mark.parametrize("action", [Action.READ, Action.PING])
def test_a_meter_is_asked_however_long_it_was_not_heard_but_not_with_its_radio_off(action):
    assert command(action, heard_at=None) == ("OK",)
    assert command(action, radio_on=False) == ("RADIO_DISABLED",)
    assert command(action, installed=False) == ("METER_CHANGED",)


@given(st.sampled_from(Action), st.sampled_from(sorted(UNRESOLVED)))
def test_nothing_overtakes_a_command_in_hand_but_a_reconnect_its_disconnect(action, state):
    in_hand = a_control(state=state)

    free = not gate.busy(action, (in_hand,))

    if action is Action.DISCONNECT:
        assert not free
    elif action is Action.RECONNECT:
        assert free
        assert gate.preempted(action, (in_hand,)) == ([] if state == "UNKNOWN" else [in_hand])
    else:
        assert free == (state is ControlState.UNKNOWN)


def test_who_must_wait_is_told_until_when():
    first, last = (
        a_control(state=ControlState.SENT, not_after=ASKED_AT + timedelta(minutes=minutes))
        for minutes in (5, 15)
    )

    (finding,) = gate.busy(Action.DISCONNECT, (first, last))

    assert finding.next_possible_at == ASKED_AT + timedelta(minutes=15)


@pytest.mark.parametrize("action", [Action.PING, Action.RADIO_OFF, Action.DISCONNECT])
def test_no_time_ends_that_an_outcome_is_unknown_but_the_word_of_the_meter_does(action):
    gone = ASKED_AT - timedelta(minutes=45)
    unknown = a_control(action=action, state=ControlState.UNKNOWN, not_after=gone)
    sent = a_control(state=ControlState.SENT, not_after=ASKED_AT)

    (alone,) = gate.busy(Action.DISCONNECT, (unknown,))
    (beside,) = gate.busy(Action.DISCONNECT, (unknown, sent))

    assert alone.next_possible_at is None
    assert "mdms command ping METER" in alone.cure
    assert beside.next_possible_at == ASKED_AT


def test_a_reconnect_waits_for_anything_but_a_disconnect():
    read = a_control(action=Action.READ, state=ControlState.SENT)

    assert gate.preempted(Action.RECONNECT, (read,)) == []
    assert [finding.code for finding in gate.busy(Action.RECONNECT, (read,))] == ["RD_BUSY"]
