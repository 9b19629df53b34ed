"""`mdms leak`: what it asks the daemon for, and what people read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from mdms.cli import leak, options

AT = "2026-11-12T08:00:00+00:00"
CASE = {
    "leak": "W1-1", "meter": "W1", "state": "CONFIRMED", "kind": "continuous", "severity": 2,
    "rate": 4.5, "rate_error": 0.02, "lost": 945.0, "unit": "gal", "began_at": AT, "raised_at": AT,
    "confirmed_at": AT, "ended_at": None, "updated_at": AT,
}  # fmt: skip
STEP = {
    "at": AT, "recorded_at": AT, "signal": "CONFIRM", "state": "CONFIRMED", "kind": "continuous",
    "severity": 2, "rate": 4.5, "lost": 945.0, "notice": "confirmed", "by": "", "reason": "",
    "send_at": AT,
}  # fmt: skip
CREDIT = {
    "leak": "W1-1", "decision": "REFER", "code": "LEAK_APPROVAL", "credit_usd": "97.79",
    "flags": ["short_history"], "findings": [{"code": "LEAK_APPROVAL", "clause": "R11.L"}],
    "evidence": {"lost_gal": 945.0, "bills": [{"usage_units": "40"}], "history": [], "steps": [AT]},
}  # fmt: skip


class FakeClient:
    """Answers as a daemon with one leak would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def leaks(self, *, meter: str | None) -> list[dict[str, Any]]:
        self.asked.append(meter)
        return [CASE, CASE | {"leak": "W2-1", "ended_at": AT}]

    def leak(self, leak_id: str) -> dict[str, Any]:
        return CASE | {"leak": leak_id, "steps": [STEP]}

    def acknowledge_leak(self, leak_id: str, reason: str) -> dict[str, Any]:
        self.asked.append((leak_id, reason))
        return CASE | {"state": "ACK_NORMAL"}

    def announce_water(self, meter: str, **told: object) -> dict[str, Any]:
        self.asked.append((meter, told))
        return {"meter": meter}

    def leak_credit(self, leak_id: str, stated: dict[str, object]) -> dict[str, Any]:
        self.asked.append((leak_id, stated))
        answer: dict[str, Any] = json.loads(json.dumps(CREDIT))
        return answer


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()

    @contextmanager
    def client(_config: object) -> Iterator[FakeClient]:
        yield fake

    monkeypatch.setattr(options, "client", client)
    return fake


def run(*arguments: str, columns: int = 200) -> str:
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(
        leak.app, arguments, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_list_names_each_leak_and_how_much_runs(daemon):
    assert "W1-1" in run("ls", "--meter", "W1")
    assert daemon.asked == ["W1"]


@pytest.mark.usefixtures("daemon")
def test_a_list_of_open_leaks_leaves_out_those_that_ended():
    everything, still_open = run("ls"), run("ls", "--open")

    assert "W2-1" in everything
    assert "W1-1" in still_open
    assert "W2-1" not in still_open


def test_a_leak_is_shown_with_its_steps(daemon):
    assert "CONFIRM" in run("show", "W1-1")
    assert json.loads(run("show", "W1-1", "-o", "json"))[0]["steps"] == [STEP]


@pytest.mark.usefixtures("daemon")
def test_a_narrow_window_says_since_when_it_runs_what_it_cost_and_what_was_told():
    listed, shown = (run(*arguments, columns=80) for arguments in (("ls",), ("show", "W1-1")))

    for heading in ("began at", "rate", "lost"):
        assert heading in listed
    for heading in ("state", "lost", "notice"):
        assert heading in shown.partition("What happened")[2].partition("in a wider")[0]


def test_a_customers_word_goes_to_the_leak_or_to_the_meter(daemon):
    run("ack", "W1-1", "--reason", "ice machine")
    run("ack", "W1", "--pool-fill")
    run("ack", "W1", "--normal", "2.5")

    assert daemon.asked == [
        ("W1-1", "ice machine"),
        ("W1", {"pool_fill": True, "normal_gal_h": None}),
        ("W1", {"pool_fill": False, "normal_gal_h": 2.5}),
    ]


def test_a_credit_is_shown_with_what_it_rests_on(daemon):
    shown = run("credit", "W1-1", "--tier1-rate", "7.00", "--cause-determined")

    assert "97.79" in shown
    assert "LEAK_APPROVAL" in shown
    (_leak, stated), *_ = daemon.asked
    assert (stated["tier1_rate"], stated["cause_determined"]) == ("7.00", True)
