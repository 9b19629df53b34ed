"""`mdms billing`: what it asks the daemon for, and what people read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from mdms.cli import billing, options

WINDOW = ("--from", "2026-11-03", "--to", "2026-12-03")
CORRECTION = {
    "number": 7, "window_start": "2026-11-03", "window_end": "2026-12-03", "usage_point": "U1",
    "account": "A1", "revision": 1,
    "changes": {"delivered_kwh": {"frozen": 812, "present": 814, "change": 2}},
    "causes": ["edit"], "flags": ["UNDERCHARGE"], "treatment": "replace", "found_at": "t",
    "found_by": "ada", "notice_by": "2027-01-05", "noticed_at": None, "noticed_by": "",
}  # fmt: skip
DIFFERENCE = {
    "usage_point": "U1", "period": 1, "account": "A1", "revision": 1, "quantity": "delivered_kwh",
    "frozen": 812, "present": 814, "change": 2, "causes": ["edit"], "treatment": "replace",
    "flags": ["UNDERCHARGE"], "obstacle": "",
}  # fmt: skip
BILL = {
    "from_on": "2026-11-03", "to_on": "2026-12-03", "account": "A1", "revision": 2,
    "quantities": {"delivered_kwh": 814}, "quality": "EDITED", "flags": [], "frozen_at": "t",
    "content_hash": "0123456789abcdef",
}  # fmt: skip


class FakeClient:
    """Answers as a daemon with one bill would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.differences: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        answers = {
            "freeze": {"frozen": 4, "blocked_by": {"sum_check": 1}, "flagged_by": {}},
            "acknowledge_billing": {"digest": "ab", "services": 4, "new": True},
            "bills_of": [BILL],
            "billing_diff": [DIFFERENCE],
            "correct_billing": [CORRECTION],
            "billing_corrections": [CORRECTION],
            "told_of_correction": CORRECTION | {"noticed_by": "ada"},
            "correction_limits": {
                "account": "A1", "decision": "ALLOW", "code": "BACKBILL_OK",
                "findings": [{"code": "BACKBILL_CAP"}], "figures": {"back_bill": "500.00"},
            },
            "compare_billing": {"rows": 2, "equal": 1, "differences": self.differences},
            "estimate_billing": [{"meter": "E1", "basis": "prior", "register": "45713"}],
            "billing_cycles": [{"cycle": 1, "state": "due"}],
            "billing_cycle": {
                "windows": [{"cycle": 14, "window_end": "2026-12-03", "state": "due"}],
                "blocking": [{"meter": "E1", "reason": "V24", "detail": "exception 7, HOLD"}],
            },
            "import_read_days": 12,
            "meter_test": {
                "meter": "E1", "code": "TEST_SLOW", "correct_from": "2023-12-06", "bills": [BILL],
            },
        }  # fmt: skip

        def call(*arguments: object, **named: object) -> Any:
            self.asked.append((name, arguments, named))
            return json.loads(json.dumps(answers[name]))

        return call


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()

    @contextmanager
    def client(_config: object) -> Iterator[FakeClient]:
        yield fake

    monkeypatch.setattr(options, "client", client)
    return fake


def run(*arguments: str, status: int = 0) -> str:
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(billing.app, list(arguments))
    assert ended.exit_code == status, ended.output
    return ended.output


def test_a_freeze_says_of_which_cycle_and_what_waits(daemon):
    printed = run("freeze", *WINDOW, "--cycle", "3", "--any-length")

    assert "sum_check 1" in printed
    assert daemon.asked == [
        ("freeze", ("2026-11-03", "2026-12-03"), {"cycle": 3, "any_length": True})
    ]


def test_what_was_taken_is_acknowledged_by_its_manifest(daemon, tmp_path):
    manifest = tmp_path / "manifest.json"
    said = {"window_start": "a", "window_end": "b", "services_sha256": "c"}
    manifest.write_text(json.dumps(said), encoding="utf-8")

    run("ack", str(manifest), "--reference", "RUN-17")

    assert daemon.asked == [("acknowledge_billing", ("a", "b", "c", "RUN-17"), {})]


def test_bills_are_shown_as_they_were(daemon):
    printed = run("show", "E1", "--as-of", "2026-12-10T00:00-08:00")

    assert "delivered_kwh 814" in printed
    assert daemon.asked == [("bills_of", ("E1",), {"as_of": "2026-12-10T00:00-08:00"})]


def test_a_dry_correction_is_a_diff(daemon):
    printed = run("correct", *WINDOW, "--dry-run")

    assert "UNDERCHARGE" in printed
    assert [name for name, *_ in daemon.asked] == ["billing_diff"]


@pytest.mark.parametrize(
    "command", [("correct", *WINDOW), ("corrections", "--untold"), ("told", "7")]
)
def test_corrections_show_by_how_much_and_until_when(daemon, command):
    printed = run(*command)

    assert "delivered_kwh +2" in printed
    assert "2027-01-05" in printed


def test_limits_are_asked_for_by_number(daemon):
    printed = run("limits", "7=740", "8=12.50", "--established", "--approved")

    assert "500.00" in printed
    [(_, (amounts,), named)] = daemon.asked
    assert amounts == {7: Decimal(740), 8: Decimal("12.50")}
    assert named == {"established": True, "approved": True}


def test_amounts_that_are_none_are_a_mistake_of_usage(daemon):
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(billing.app, ["limits", "7:740"])

    assert "write amounts as 17=74.20" in str(ended.exception)
    assert daemon.asked == []


@pytest.mark.parametrize(("differences", "status"), [([], 0), ([{"meter": "E1"}], 5)])
def test_a_comparison_ends_with_5_when_anything_differs(daemon, tmp_path, differences, status):
    file = tmp_path / "old.csv"
    file.write_text("meter_badge\n", encoding="utf-8")
    daemon.differences = differences

    printed = run("compare", str(file), *WINDOW, status=status)

    assert "2 rows, 1 registers without a difference" in printed


def test_estimates_schedules_and_cycles_reach_the_daemon(daemon, tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("billing_cycle,read_on\n", encoding="utf-8")

    printed = run("estimate", "E1", *WINDOW, "--reason", "network")
    run("schedule", str(file))
    run("cycles")

    assert "45713" in printed
    assert [name for name, *_ in daemon.asked] == [
        "estimate_billing",
        "import_read_days",
        "billing_cycles",
    ]


def test_what_blocks_a_cycle_is_said_meter_by_meter(daemon):
    printed = run("blocking", "14")

    assert daemon.asked == [("billing_cycle", (14,), {})]
    for part in ("Cycle 14", "2026-12-03", "In its way", "E1", "V24", "exception 7, HOLD"):
        assert part in printed
    assert run("blocking", "14", "-o", "csv").splitlines() == [
        "meter,reason,detail",
        'E1,V24,"exception 7, HOLD"',
    ]


def test_the_test_of_a_meter_says_since_when_its_bills_are_wrong(daemon):
    printed = run("metertest", "E1", "--error", "-0.04", "--tested-on", "2026-12-06")

    assert "TEST_SLOW, bills are corrected from 2023-12-06 on" in printed
    assert daemon.asked == [("meter_test", ("E1", Decimal("-0.04"), "2026-12-06"), {})]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("slow", "is no share"),
        ("-4", "no meter is wrong by a share of -4: write 4 % too little as -0.04"),
        ("-1", "leave --error out for a meter that stands still"),
        ("1", "no meter is wrong by a share of 1"),
        ("nan", "no meter is wrong by a share of nan"),
    ],
)
def test_an_error_that_is_no_share_is_a_mistake_of_usage(daemon, error, sentence):
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(
        billing.app, ["metertest", "E1", "--error", error]
    )

    assert sentence in str(ended.exception)
    assert daemon.asked == []
