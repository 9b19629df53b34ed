"""What the checker of fault runs forgives, and what it does not."""

import json
from typing import Any

import pandas as pd
import pytest

from tests.faults.checker import mismoved, unfinished

NOON = pd.Timestamp("2026-11-03T20:00Z")
MIDNIGHT = pd.Timestamp("2026-11-04T08:00Z")
SETTLED = MIDNIGHT + pd.Timedelta(hours=2)


def at(minutes: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(minutes=minutes)


@pytest.fixture
def a_run(tmp_path):
    (tmp_path / "truth").mkdir()

    def make(*, commands=(), moves=(), weather="storm"):
        steps = [
            {"arguments": {"faults": weather}},
            {"at": int(NOON.timestamp()), "in": []},
            {"at": int(MIDNIGHT.timestamp()), "in": []},
            {"end": True},
        ]
        (tmp_path / "journal.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in steps))
        (tmp_path / "report.json").write_text(json.dumps({"controls": commands}, default=str))
        names = ["control_id", "meter", "action", "state", "sent_at", "answered_at"]
        pd.DataFrame(commands, columns=names).to_parquet(tmp_path / "controls.parquet")
        names = ["meter", "at_utc", "position", "command_id"]
        pd.DataFrame(moves, columns=names).to_parquet(tmp_path / "truth" / "switches.parquet")
        return tmp_path

    return make


def a_command(
    number: int,
    action: str,
    *,
    meter: str = "E1",
    state: str = "VERIFIED",
    due_at: pd.Timestamp | None = None,
) -> dict[str, Any]:
    return {
        "control_id": str(number), "meter": meter, "action": action, "state": state,
        "sent_at": at(number), "answered_at": at(number + 0.5), "due_at": due_at,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("meter", "due_at"),
    [
        ("G1", SETTLED + pd.Timedelta(hours=2)),
        ("G1", SETTLED + pd.Timedelta(hours=12)),
        ("E1", SETTLED + pd.Timedelta(minutes=1)),
    ],
)
def test_what_waits_for_a_time_after_the_end_is_no_fault(a_run, meter, due_at):
    waits = a_command(1, "radio_off", meter=meter, state="METER_ACK", due_at=due_at)

    assert unfinished(a_run(commands=[waits])) == 0


@pytest.mark.parametrize(
    ("meter", "due_at"),
    [
        ("G1", None),
        ("G1", SETTLED),
        ("G1", MIDNIGHT + pd.Timedelta(hours=1)),
        ("G1", SETTLED + pd.Timedelta(hours=13)),
        ("E1", SETTLED + pd.Timedelta(hours=4)),
    ],
)
def test_what_could_have_ended_or_waits_for_ever_is_a_fault(a_run, meter, due_at):
    waits = a_command(1, "radio_off", meter=meter, state="METER_ACK", due_at=due_at)
    ended = a_command(2, "ping")

    assert unfinished(a_run(commands=[waits, ended])) == 1


def test_without_a_storm_time_ends_with_the_last_step(a_run):
    due_at = MIDNIGHT + pd.Timedelta(hours=1)
    waits = a_command(1, "radio_off", meter="G1", state="METER_ACK", due_at=due_at)

    assert unfinished(a_run(commands=[waits], weather="normal")) == 0


def test_the_button_of_an_armed_meter_closes_it_whatever_it_was_told_last(a_run):
    commands = [a_command(n, action) for n, action in enumerate(("disconnect", "arm", "ping"))]
    moves = [
        ("E1", at(0.5), "open", "0"),
        ("E1", at(1.5), "armed", "1"),
        ("E1", at(9), "closed", "2"),
    ]

    assert mismoved(a_run(commands=commands, moves=moves)) == 0


def test_a_switch_that_closes_for_a_ping_is_a_fault(a_run):
    commands = [a_command(0, "disconnect"), a_command(1, "ping")]
    moves = [("E1", at(0.5), "open", "0"), ("E1", at(1.5), "closed", "1")]

    assert mismoved(a_run(commands=commands, moves=moves)) == 1


def test_a_reconnect_may_find_what_the_button_closed_while_it_was_on_its_way(a_run):
    actions = ("disconnect", "arm", "reconnect")
    commands = [a_command(n, action) for n, action in enumerate(actions)]
    moves = [
        ("E1", at(0.5), "open", "0"),
        ("E1", at(1.5), "armed", "1"),
        ("E1", at(2.2), "closed", "1"),
    ]

    assert mismoved(a_run(commands=commands, moves=moves)) == 0


def test_a_verified_reconnect_of_a_switch_that_stays_open_is_a_fault(a_run):
    commands = [a_command(0, "disconnect"), a_command(1, "reconnect")]

    assert mismoved(a_run(commands=commands, moves=[("E1", at(0.5), "open", "0")])) == 1
