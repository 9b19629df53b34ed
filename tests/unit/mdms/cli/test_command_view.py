"""How commands look on a terminal."""

import io
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from mdms.cli.command_view import board, explain, progress, record, summary
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


def printed(renderable: object) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(renderable)
    return out.getvalue()


def test_one_line_says_what_whom_how_far_and_what_the_meter_said():
    assert summary(view(DONE)).startswith(
        "disconnect  E1  VERIFIED  OK  switch open, load side dead  "
    )
    unknown = replace(DONE, state=ControlState.UNKNOWN, result=Result.NO_REPLY, switch=None)
    assert "NO_REPLY; nobody knows: `mdms command ping METER`" in summary(view(unknown))


def test_one_screen_has_why_who_when_and_what_the_meter_said():
    screen = printed(record(view(DONE) | {"steps": [STEP], "envelopes": [SIGNED]}))

    for part in (
        "MOVE_OUT moved on Friday", "SO-1", "clerk", "2026-11-04 18:00:00Z", "open #42",
        "switch open, load side dead, line voltage present, register 721345", "allowed",
    ):  # fmt: skip
        assert part in screen


def test_a_refused_command_shows_its_clauses():
    refused = a_control(state=ControlState.POLICY_DENIED, refusals=(BUSY,))
    screen = printed(record(view(refused) | {"steps": [STEP], "envelopes": []}))

    assert "RD_BUSY" in screen
    assert "wait for disconnect 7" in screen
    assert progress(view(refused))["result"] == "RD_BUSY"
    assert "RD_BUSY" in printed(board([view(refused)]))


def test_a_refusal_is_explained_with_clause_cure_and_time():
    error = PolicyRefusedError([BUSY], a_control().control_id)

    text = explain(error)

    assert "RD_BUSY (G5): wait for disconnect 7" in text
    assert "possible from 2026-11-04 18:15:00Z" in text
    assert f"mdms command show {error.control_id}" in text
