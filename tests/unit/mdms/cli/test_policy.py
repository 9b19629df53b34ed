"""`mdms policy`: what people see of the rules before they put a name under them."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mdms.cli import app
from mdms.domain.errors import UsageError
from mdms.settings import config_dir

run = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture
def rules(tmp_path):
    for name in ("policy", "calendars"):
        shutil.copytree(config_dir() / name, tmp_path / name)
    return tmp_path


def edit(rules: Path, before: str, after: str) -> None:
    path = rules / "policy" / "disconnect.toml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_every_table_is_listed_with_who_approved_it():
    listed = run.invoke(app, ["policy", "ls", "--on", "2026-12-10", "-o", "csv"])

    lines = listed.output.splitlines()
    assert lines[0] == "table,version,effective_on,in_force,approved_by,source"
    tables = {line.split(",")[0] for line in lines[1:]}
    assert tables >= {"nonpay", "move_out", "reconnect", "optout", "calendar 2026"}


def test_the_rules_that_ship_hold_every_worked_example():
    played = run.invoke(app, ["policy", "test", "--on", "2026-12-10"])

    assert played.exit_code == 0, played.output
    assert "NO" not in played.output.split()


def test_an_example_that_the_rules_no_longer_hold_fails(rules):
    edit(rules, "notice_hours = 48 ", "notice_hours = 72 ")

    played = run.invoke(app, ["policy", "test", "--on", "2026-12-10", "--rules", str(rules)])

    assert played.exit_code == 1
    assert "NP_48H_RUNNING" in played.output


def test_a_year_that_nobody_signed_is_a_problem(rules):
    (rules / "calendars" / "2027.toml").unlink()

    played = run.invoke(app, ["policy", "test", "--on", "2026-12-10", "--rules", str(rules)])

    assert played.exit_code == 1
    assert "problem: no signed calendar of 2027" in played.output


def test_a_difference_names_the_value_and_both_its_sides(rules):
    edit(rules, "notice_hours = 48 ", "notice_hours = 72 ")

    shown = run.invoke(app, ["policy", "diff", str(rules), "--on", "2026-12-10", "-o", "csv"])

    assert shown.output.splitlines() == [
        "value,now,then",
        "command.nonpay.notice_hours,48,72",
    ]


def test_a_disconnect_without_a_cause_is_asked_for_one():
    asked = run.invoke(app, ["policy", "check", "disconnect", "E1000001"])

    assert isinstance(asked.exception, UsageError)
    assert "--cause MOVE_OUT | NONPAY" in str(asked.exception)
