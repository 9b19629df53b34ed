"""The life of a command: a table, and what holds for every path through it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import machine
from commands.machine import TRANSITIONS, Event, IllegalTransitionError
from mdms.domain.controls import ON_ITS_WAY, UNRESOLVED, WAITING, ControlState
from tests.controls import AT, a_control

PAGE = Path(machine.__file__).parents[1] / "docs" / "commands.md"
MAY_HAVE_ACTED = {Event.SENT, Event.PROBED}

events = st.lists(st.sampled_from(Event), max_size=30)


@given(events)
def test_every_sequence_of_events_moves_by_the_table_or_not_at_all(sequence):
    control = a_control()
    steps = []
    for event in sequence:
        before = control
        try:
            control, step = machine.advance(control, event, AT, actor="test")
        except IllegalTransitionError:
            assert (before.state, event) not in TRANSITIONS
            assert control is before
        else:
            assert control.state is step.state is TRANSITIONS[before.state, event]
            steps.append(step)

    sent = any(step.event in MAY_HAVE_ACTED for step in steps)
    if sent:
        assert control.state not in WAITING | {
            ControlState.CANCELLED,
            ControlState.EXPIRED,
            ControlState.POLICY_DENIED,
        }
    signings = sum(step.event == Event.SIGNED for step in steps)
    assert signings <= 1


def test_every_state_can_be_reached_and_every_unresolved_one_can_be_left():
    reached = {ControlState.DRAFT}
    while more := {end for (start, _), end in TRANSITIONS.items() if start in reached} - reached:
        reached |= more

    assert reached == set(ControlState)
    for state in UNRESOLVED:
        assert {end for (start, _), end in TRANSITIONS.items() if start is state} - {state}


def test_only_what_was_sent_is_verified_and_only_the_meters_word_does_it():
    into = {(start, event) for (start, event), end in TRANSITIONS.items()
            if end is ControlState.VERIFIED and start is not end}  # fmt: skip

    assert into == {(ControlState.METER_ACK, Event.CONFIRMED)}
    to_acknowledged = {start for (start, _), end in TRANSITIONS.items()
                       if end is ControlState.METER_ACK}  # fmt: skip
    assert to_acknowledged == (ON_ITS_WAY - {ControlState.METER_ACK}) | {ControlState.UNKNOWN}


def test_an_illegal_event_says_so_in_words():
    control = a_control(state=ControlState.SENT)

    with pytest.raises(IllegalTransitionError, match="SENT cannot be cancelled"):
        machine.advance(control, Event.CANCELLED, AT, actor="clerk")


def test_the_page_draws_the_table():
    assert machine.diagram() in PAGE.read_text(encoding="utf-8")
