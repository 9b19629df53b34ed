"""What `mdms vee exception` prints."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from mdms.cli import app, options

WAITING = {
    "exception_id": 17, "meter": "E1000001",
    "reading_type": "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0",
    "day": "2026-11-03", "rule": "V45", "severity": "HOLD", "age_days": 3, "assigned_to": "",
    "detail": "96 intervals and their register differ by +500 quanta",
    "opened_at": "2026-11-04T14:00:00+00:00", "closed_at": None, "answer": "", "answered_by": "",
}  # fmt: skip


class Desk:
    """A daemon with one exception; remembers what it was asked."""

    asked: list[tuple[Any, ...]]

    def __init__(self) -> None:
        self.asked = []

    def queue(self, **filters: Any) -> list[dict[str, Any]]:
        self.asked.append(("queue", filters))
        return [WAITING]

    def assign_exception(self, number: int, to: str) -> dict[str, Any]:
        self.asked.append(("assign", number, to))
        return WAITING | {"assigned_to": to}

    def answer_exception(self, *args: Any, **more: Any) -> dict[str, Any]:
        self.asked.append(("answer", *args, more))
        return WAITING | {"answer": "acknowledged", "answered_by": "ann"}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()

    @contextmanager
    def client(_config: object) -> Iterator[Desk]:
        yield made

    monkeypatch.setattr(options, "client", client)
    monkeypatch.setenv("COLUMNS", "80")
    return made


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["vee", "exception", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_queue_fits_into_80_columns(desk):
    lines = run("ls", "--severity", "HOLD", "--assigned-to", "-", "--older-than", "3").splitlines()

    assert max(map(len, lines)) <= 80
    assert any("E1000001" in line for line in lines)
    (_, filters), = desk.asked  # fmt: skip
    assert (filters["severity"], filters["assigned_to"], filters["older_than_days"]) == (
        "HOLD",
        "-",
        3,
    )


def test_programs_get_every_column(desk):
    assert json.loads(run("ls", "-o", "json")) == [WAITING]
    assert "answered_by" in run("ls", "--answered", "-o", "csv")


def test_an_answer_is_one_line(desk):
    assert run("assign", "17", "ann") == (
        "exception 17 (E1000001 2026-11-03): open for 3 days, given to ann\n"
    )
    assert run("accept", "17", "--reason", "LEAK_NONE") == (
        "exception 17 (E1000001 2026-11-03): acknowledged by ann\n"
    )
    assert desk.asked[-1][:4] == ("answer", 17, "accept", "LEAK_NONE")
