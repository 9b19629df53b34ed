"""What an answer means: the switch and the voltage behind it decide, not the word OK."""

from dataclasses import replace

import pytest

from commands.codecs import Answer
from commands.outcome import describe, outcome, proves_counter
from mdms.domain.controls import Action, Opcode, Result, SwitchPosition, new_id
from tests.controls import AT

OK = Answer(
    radio_id=1,
    opcode=Opcode.OPEN,
    result=Result.OK,
    key_id=1,
    counter=42,
    acted_at=AT,
    switch=SwitchPosition.OPEN,
    line_voltage=True,
    load_side_voltage=False,
    repeated=False,
    falls_silent=False,
    heard_dbm=-91.2,
    command_id=new_id(AT),
    register=721_345,
)
OPEN, CLOSED, ARMED = SwitchPosition.OPEN, SwitchPosition.CLOSED, SwitchPosition.ARMED


@pytest.mark.parametrize(
    ("action", "switch", "live", "result"),
    [
        (Action.DISCONNECT, OPEN, False, Result.OK),
        (Action.DISCONNECT, OPEN, True, Result.LOAD_SIDE_VOLTAGE),
        (Action.DISCONNECT, CLOSED, True, Result.SWITCH_FAIL_OPEN),
        (Action.RECONNECT, CLOSED, True, Result.OK),
        (Action.RECONNECT, CLOSED, False, Result.SWITCH_FAIL_CLOSE),
        (Action.RECONNECT, OPEN, False, Result.SWITCH_FAIL_CLOSE),
        (Action.ARM, ARMED, False, Result.OK),
        (Action.ARM, ARMED, True, Result.LOAD_SIDE_VOLTAGE),
        (Action.ARM, CLOSED, True, Result.OK),
        (Action.ARM, OPEN, False, Result.SWITCH_FAIL_CLOSE),
        (Action.PING, CLOSED, True, Result.OK),
        (Action.RADIO_OFF, SwitchPosition.NONE, False, Result.OK),
    ],
)
def test_switch_and_voltage_decide(action, switch, live, result):
    assert outcome(action, replace(OK, switch=switch, load_side_voltage=live)) is result


@pytest.mark.parametrize("result", set(Result) - {Result.OK})
def test_a_no_is_a_no_for_every_action(result):
    assert all(outcome(action, replace(OK, result=result)) is result for action in Action)


def test_only_a_meter_that_took_note_of_the_counter_ends_older_commands():
    assert proves_counter(OK)
    assert proves_counter(replace(OK, result=Result.NACK_REPLAY))
    for result in (Result.NACK_MAC, Result.NACK_EXPIRED, Result.NACK_CLOCK):
        assert not proves_counter(replace(OK, result=result))


def test_an_answer_is_described_for_people():
    assert describe(replace(OK, repeated=True)) == (
        "OK, switch open, load side dead, line present, register 721345, "
        "heard at -91.2 dBm, told again"
    )
