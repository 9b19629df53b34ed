"""Commands as they happen, on a terminal and in a pipe."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from mdms.cli.command_follow import follow, watch
from mdms.cli.command_view import Control
from mdms.domain.controls import ControlState, Result, SwitchPosition
from mdms.services.controls import view
from tests.controls import AT, a_control

ASKED = a_control(state=ControlState.SENT, due_at=AT + timedelta(seconds=10))
TAKEN = replace(ASKED, state=ControlState.COLLECTOR_ACK, due_at=AT + timedelta(seconds=61))
DONE = replace(
    ASKED,
    state=ControlState.VERIFIED,
    result=Result.OK,
    switch=SwitchPosition.OPEN,
    load_side_voltage=False,
    due_at=None,
)
STEPS = [
    {"number": number, "at": (AT + timedelta(seconds=number)).isoformat(), "event": event,
     "state": state, "actor": actor, "detail": detail}
    for number, (event, state, actor, detail) in enumerate([
        ("sent", "SENT", "dispatcher", "collector 1, attempt 1 of 3"),
        ("collector_took", "COLLECTOR_ACK", "collector 1", "on air"),
        ("confirmed", "VERIFIED", "dispatcher", "all agree"),
    ])
]  # fmt: skip
LIFE = [
    view(control) | {"steps": STEPS[: number + 1]}
    for number, control in enumerate((ASKED, TAKEN, DONE))
]


class Unhurried:
    """Reads one answer after the other, the last one for ever; counts the pauses."""

    def __init__(self, answers: Sequence[Control | Sequence[Control]], pauses_max: int = 100):
        self._answers, self._left = list(answers), pauses_max
        self.pauses = 0

    def read(self):
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def pause(self, _seconds: float) -> None:
        self.pauses += 1
        if self.pauses > self._left:
            raise KeyboardInterrupt


def a_console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=terminal)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_pipe_gets_a_line_for_every_step_and_for_what_is_waited_for():
    console, life = a_console(terminal=False), Unhurried([LIFE[0], *LIFE])

    last = follow(life.read, console, life.pause)

    assert last["state"] == "VERIFIED"
    assert life.pauses == 3
    assert text(console).splitlines() == [
        "18:00:00Z  SENT           dispatcher: sent, collector 1, attempt 1 of 3",
        "waits for a collector to take it, 10 s at most",
        "18:00:01Z  COLLECTOR_ACK  collector 1: on air",
        "waits for the meter to answer, 60 s at most",
        "18:00:02Z  VERIFIED       dispatcher: confirmed, all agree",
    ]


def test_a_terminal_shows_the_same_steps_above_a_line_that_lives():
    console, life = a_console(terminal=True), Unhurried(LIFE)

    follow(life.read, console, life.pause)

    shown = text(console)
    for part in ("collector 1: on air", "waits for the meter to answer", "VERIFIED"):
        assert part in shown
    assert "\x1b[?25h" in shown  # the cursor is back


@pytest.mark.parametrize("state", [ControlState.UNKNOWN, ControlState.METER_ACK])
def test_nobody_waits_for_what_may_never_come(state):
    console = a_console(terminal=False)
    life = Unhurried([view(replace(ASKED, state=state)) | {"steps": STEPS[:1]}])

    assert follow(life.read, console, life.pause)["state"] == state
    assert life.pauses == 0


def test_watching_in_a_pipe_prints_a_command_again_when_it_has_changed():
    console = a_console(terminal=False)
    newest = Unhurried([[LIFE[1]], [LIFE[1]], [LIFE[2]]], pauses_max=4)

    with pytest.raises(KeyboardInterrupt):
        watch(newest.read, console, newest.pause)

    first, second = text(console).splitlines()
    assert first.startswith("disconnect  E1  COLLECTOR_ACK  waits for the meter")
    assert second.startswith("disconnect  E1  VERIFIED  OK  switch open, load side dead")


def test_watching_on_a_terminal_redraws_a_table_of_80_columns():
    console = a_console(terminal=True)
    newest = Unhurried([[], [LIFE[1]], [LIFE[2]]], pauses_max=3)

    with pytest.raises(KeyboardInterrupt):
        watch(newest.read, console, newest.pause)

    drawn = text(console)
    assert "COLLECTOR_ACK" in drawn
    assert drawn.index("COLLECTOR_ACK") < drawn.index("VERIFIED")
    assert LIFE[2]["control_id"][-8:] in drawn
    assert "\x1b[?25h" in drawn
