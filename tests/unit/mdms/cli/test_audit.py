"""What `mdms audit show` prints."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from mdms.cli import audit, options

ID = "01a256d2-6618-7b75-8ea1-9fe52cdfc6f1"
AT = "2026-12-08T18:02:39+00:00"
JUDGED = {
    "verdict": "PENDING", "not_after": None, "rules": {"sha256": "e6" * 32},
    "facts": {"past_due": {"value": "412.50"}}, "findings": [{"code": "RD_DUAL", "clause": "G6"}],
}  # fmt: skip
STEP = {"event": "approved", "state": "APPROVED_1", "step": 2, "text": "as supervisor"}
RECORDS = [
    {"number": 195, "at": AT, "kind": "control.judged", "subject": ID, "actor": "ann"},
    {"number": 197, "at": AT, "kind": "control.step", "subject": ID, "actor": "bob"},
]


class FakeClient:
    """A daemon with two records."""

    def audit(self, _subject: str | None, *, limit: int) -> list[dict[str, Any]]:
        details = (JUDGED, STEP)
        return [r | {"detail": d} for r, d in zip(RECORDS, details, strict=True)][-limit:]


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def client(_config: object) -> Iterator[FakeClient]:
        yield FakeClient()

    monkeypatch.setattr(options, "client", client)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(audit.app, ["show", ID, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_narrow_window_shows_who_did_what(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    table = run()

    assert "ann" in table
    assert "verdict=PENDING" in table
    assert "codes=RD_DUAL" in table
    assert "text=as" in table
    assert "sha256" not in table


def test_json_has_every_input():
    assert json.loads(run("-o", "json"))[0]["detail"] == JUDGED


def test_a_command_is_named_by_the_end_of_its_id(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    table = run()

    assert ID not in table
    assert ID[-8:] in table
