"""How commands look on a terminal."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from rich.console import Console, RenderableType

from mdms.cli.command_view import board, explain, progress, record, short, summary, waiting
from mdms.domain.controls import ControlState, Refusal, Result, SwitchPosition
from mdms.policy.refusals import PolicyRefusedError
from mdms.services.controls import view
from tests.controls import AT, a_control

BUSY = Refusal("RD_BUSY", "G5", "wait for disconnect 7", AT + timedelta(minutes=15))
DONE = a_control(
    state=ControlState.VERIFIED,
    result=Result.OK,
    switch=SwitchPosition.OPEN,
    line_voltage=True,
    load_side_voltage=False,
    register=721_345,
    answered_at=AT,
    verified_at=AT,
)
STEP = {"number": 1, "at": AT.isoformat(), "event": "allowed", "state": "POLICY_OK",
        "actor": "clerk", "detail": "moved"}  # fmt: skip
SIGNED = {"command_id": "7", "opcode": "open", "counter": 42, "signed_at": AT.isoformat()}
UNJUDGED: dict[str, list[object]] = {"approvals": [], "judgements": []}


def console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width)


def printed(show: Callable[[Console], RenderableType], width: int = 160) -> str:
    """Return what a view prints on a console of this width."""
    target = console(width)
    target.print(show(target))
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_one_line_says_what_whom_how_far_and_what_the_meter_said():
    assert summary(view(DONE)).startswith(
        "disconnect  E1  VERIFIED  OK  switch open, load side dead  "
    )
    unknown = replace(DONE, state=ControlState.UNKNOWN, result=Result.NO_REPLY, switch=None)
    assert "NO_REPLY; nobody knows: `mdms command ping METER`" in summary(view(unknown))


def test_one_screen_has_why_who_when_and_what_the_meter_said():
    screen = printed(
        lambda target: record(
            view(DONE) | {"steps": [STEP], "envelopes": [SIGNED]} | UNJUDGED, target
        )
    )

    for part in (
        "MOVE_OUT moved on Friday", "SO-1", "clerk", "2026-11-04 18:00:00Z", "open #42",
        "switch open, load side dead, line voltage present, register 721345", "allowed",
    ):  # fmt: skip
        assert part in screen


def test_a_refused_command_shows_its_clauses():
    refused = a_control(state=ControlState.POLICY_DENIED, refusals=(BUSY,))
    screen = printed(
        lambda target: record(view(refused) | {"steps": [STEP], "envelopes": []} | UNJUDGED, target)
    )

    assert "RD_BUSY" in screen
    assert "wait for disconnect 7" in screen
    assert progress(view(refused))["result"] == "RD_BUSY"
    assert "2026-11-04 18:15:00Z" in screen
    assert "RD_BUSY" in printed(lambda target: board([view(refused)], target))


def test_at_80_columns_a_list_keeps_badge_and_id_and_every_code_in_one_piece():
    refused = a_control(
        badge="E1000123456",
        state=ControlState.POLICY_DENIED,
        refusals=(replace(BUSY, code="RADIO_NO_OPTOUT"), replace(BUSY, code="RD_NOT_ELECTRIC")),
    )

    screen = printed(lambda target: board([view(refused), view(DONE)], target), width=80)

    assert max(map(len, screen.splitlines())) <= 80
    for part in (
        "E1000123456", short(str(refused.control_id)), "disconnect", "POLICY_DENIED",
        "RADIO_NO_OPTOUT", "RD_NOT_ELECTRIC", "2026-11-04 18:00:00Z",
    ):  # fmt: skip
        assert part in screen
    assert "\N{HORIZONTAL ELLIPSIS}" not in screen


def test_an_empty_board_says_so():
    assert "none" in printed(lambda target: board([], target))


def test_at_80_columns_one_command_shows_its_whole_id_and_every_word():
    clause = "[commands] remote_open"
    refused = a_control(state=ControlState.POLICY_DENIED, refusals=(replace(BUSY, clause=clause),))
    shown = view(refused) | {"steps": [STEP], "envelopes": []} | UNJUDGED

    screen = printed(lambda target: record(shown, target), width=80)

    assert max(map(len, screen.splitlines())) <= 80
    for part in (str(refused.control_id), "[commands]", "remote_open", "clerk: allowed, moved"):
        assert part in screen


def test_what_a_command_waits_for_comes_with_the_time_it_may_take():
    taken = a_control(state=ControlState.COLLECTOR_ACK, due_at=AT + timedelta(seconds=60))
    battery = replace(taken, due_at=AT + timedelta(hours=6))

    assert waiting(view(taken) | {"steps": [STEP]}) == (
        "waits for the meter to answer, 60 s at most"
    )
    assert waiting(view(battery) | {"steps": [STEP]}).endswith("answer, 6.0 h at most")
    assert waiting(view(replace(taken, due_at=AT)) | {"steps": [STEP]}).endswith("to answer")
    assert waiting(view(DONE) | {"steps": [STEP]}) == ""


def test_a_refusal_is_explained_with_clause_cure_and_time():
    error = PolicyRefusedError([BUSY], a_control().control_id)

    text = explain(error)

    assert "RD_BUSY (G5): wait for disconnect 7" in text
    assert "possible from 2026-11-04 18:15:00Z" in text
    assert f"mdms command show {error.control_id}" in text
