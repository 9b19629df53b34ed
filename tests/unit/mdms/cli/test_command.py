"""What `mdms command` says and how it ends, before a daemon that plays its part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mdms.cli import command, options
from mdms.domain import controls
from mdms.domain.controls import ControlState, EndDeviceControl, Refusal, SwitchPosition
from mdms.domain.errors import NotFoundError, UnavailableError, UsageError
from mdms.services.controls import view
from tests.controls import AT, a_control

ASKED = a_control(state=ControlState.POLICY_OK)
STEP = {"number": 1, "at": AT.isoformat(), "event": "allowed", "state": "POLICY_OK",
        "actor": "clerk", "detail": ""}  # fmt: skip
OTHER_ID = f"{str(ASKED.control_id)[:-8]}{'0' * 8}"


@dataclass
class Daemon:
    """Takes any request and knows what became of it, unless it goes away."""

    ended: EndDeviceControl
    asked: list[Any] = field(default_factory=list)
    is_away: bool = False

    def command(self, *args: Any, **options: Any) -> dict[str, Any]:
        self.asked.append((*args, options["dry_run"]))
        return view(ASKED)

    def control(self, control_id: str) -> dict[str, Any]:
        if self.is_away:
            raise UnavailableError("the daemon does not answer")
        assert control_id == str(ASKED.control_id)
        return view(self.ended) | {
            "steps": [STEP], "envelopes": [], "approvals": [], "judgements": [],
        }  # fmt: skip

    def controls(self, **_: Any) -> list[dict[str, Any]]:
        return [view(self.ended), view(self.ended) | {"control_id": OTHER_ID}]

    def cancel(self, control_id: str, reason: str) -> dict[str, Any]:
        return view(self.ended) | {"control_id": control_id, "result": reason}


def run(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    @contextmanager
    def client(_config: object) -> Iterator[Daemon]:
        yield daemon

    monkeypatch.setattr(options, "client", client)
    return CliRunner().invoke(command.app, list(arguments))


def disconnect(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    return run(daemon, monkeypatch, "disconnect", "E1", "--cause", "move_out", *options)


def after(state: ControlState, result: controls.Result | None = None) -> Daemon:
    return Daemon(replace(ASKED, state=state, result=result))


@pytest.mark.parametrize(
    ("state", "result", "status"),
    [
        (ControlState.VERIFIED, controls.Result.OK, 0),
        (ControlState.RECONCILED, controls.Result.OK, 0),
        (ControlState.METER_ACK, None, 0),
        (ControlState.FAILED, controls.Result.SWITCH_FAIL_OPEN, 1),
        (ControlState.EXPIRED, None, 1),
        (ControlState.CANCELLED, None, 1),
        (ControlState.CANCELLED, controls.Result.POLICY_CHANGED, 4),
        (ControlState.UNKNOWN, controls.Result.NO_REPLY, 6),
    ],
)
def test_the_exit_status_says_what_became_of_it(state, result, status, monkeypatch):
    ended = disconnect(after(state, result), monkeypatch, "--yes")

    assert ended.exit_code == status
    assert state in ended.stdout
    assert "POLICY_OK" in ended.stderr
    assert (
        run(after(state, result), monkeypatch, "watch", str(ASKED.control_id)).exit_code == status
    )


def test_what_the_rules_stopped_at_the_last_moment_names_their_codes(monkeypatch):
    daemon = after(ControlState.CANCELLED, controls.Result.POLICY_CHANGED)
    daemon.ended = replace(daemon.ended, refusals=(Refusal("RD_MEDICAL", "X2", "wait", None),))

    assert "POLICY_CHANGED RD_MEDICAL" in disconnect(daemon, monkeypatch, "--yes").stdout


def test_a_daemon_that_goes_away_meanwhile_leaves_the_outcome_unknown(monkeypatch):
    daemon = after(ControlState.VERIFIED)
    daemon.is_away = True

    ended = disconnect(daemon, monkeypatch, "--yes")

    assert ended.exit_code == 6
    assert f"mdms command watch {str(ASKED.control_id)[-8:]}" in ended.stderr


def test_nobody_loses_power_without_a_yes(monkeypatch):
    daemon = after(ControlState.VERIFIED, controls.Result.OK)

    assert disconnect(daemon, monkeypatch).exit_code == 1
    assert daemon.asked == []


def test_asking_the_rules_and_not_waiting_return_at_once(monkeypatch):
    daemon = after(ControlState.UNKNOWN)
    daemon.is_away = True

    asked = disconnect(daemon, monkeypatch, "--dry-run")
    left = disconnect(daemon, monkeypatch, "--yes", "--no-wait")

    assert (asked.exit_code, left.exit_code) == (0, 0)
    assert "the rules allow it" in asked.stdout
    assert "waits to be signed" in left.stdout
    assert "mdms command watch" in left.stderr
    assert daemon.asked == [
        ("disconnect", "E1", "MOVE_OUT", True),
        ("disconnect", "E1", "MOVE_OUT", False),
    ]


def test_enough_of_an_id_names_a_command(monkeypatch):
    daemon = after(ControlState.VERIFIED, controls.Result.OK)
    daemon.ended = replace(daemon.ended, switch=SwitchPosition.OPEN)
    end, beginning = str(ASKED.control_id)[-8:], str(ASKED.control_id)[:6]

    shown = run(daemon, monkeypatch, "show", end)
    cancelled = run(daemon, monkeypatch, "cancel", end, "--reason", "never mind")
    several = run(daemon, monkeypatch, "show", beginning)
    none = run(daemon, monkeypatch, "show", "zz")

    assert str(ASKED.control_id) in shown.stdout
    assert str(ASKED.control_id) in cancelled.stdout
    assert isinstance(several.exception, UsageError)
    assert f"{end}, 00000000" in str(several.exception)
    assert isinstance(none.exception, NotFoundError)


def test_watching_ends_in_peace_with_ctrl_c(monkeypatch):
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)

    watched = run(after(ControlState.VERIFIED, controls.Result.OK), monkeypatch, "watch")

    assert watched.exit_code == 0
    assert watched.stdout.count("VERIFIED  OK") == 2
