"""`mdms outage`, `transformer` and `theft`: what they ask the daemon for, and what people read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mdms.cli import options, outage, theft, transformer

DAYS = ("--from", "2026-11-03", "--to", "2026-11-30")
OUTAGE = {
    "device": "transformer", "name": "TX00001", "transformers": ["TX00001"],
    "from": "2026-11-10T09:00:00+00:00", "until": None, "minutes": 90.0, "customers": 8,
    "reported": 5, "unheard": ["E7"],
}  # fmt: skip
INDICES = {"customers": 30000, "saidi_min": 0.126, "saifi": 0.0014, "caidi_min": 90.0}


class FakeClient:
    """Answers as a daemon would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.indices: dict[str, Any] | None = INDICES

    def outages(self, from_: str, to: str) -> dict[str, Any]:
        self.asked.append((from_, to))
        return {"outages": [OUTAGE], "indices": self.indices}

    def transformer_load(self, *days: str, transformer: str | None) -> list[dict[str, Any]]:
        self.asked.append((*days, transformer))
        return [{"transformer": "TX00001", "peak_percent": 126.3}]

    def transformer_voltage(self, *days: str, transformer: str | None) -> list[dict[str, Any]]:
        self.asked.append((*days, transformer))
        return [{"transformer": "TX00001", "lowest_v": 113.9}]

    def theft(self, *days: str) -> list[dict[str, Any]]:
        self.asked.append(days)
        return [{"meter": "E1", "points": 5, "case": True}]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()

    @contextmanager
    def client(_config: object) -> Iterator[FakeClient]:
        yield fake

    monkeypatch.setattr(options, "client", client)
    return fake


def run(app: typer.Typer, *arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_outages_are_listed_with_their_indices(daemon):
    shown = run(outage.app, "ls", *DAYS)

    assert "TX00001" in shown
    assert "0.126" in shown
    assert daemon.asked == [("2026-11-03", "2026-11-30")]


def test_programs_get_the_outages_alone(daemon):
    assert json.loads(run(outage.app, "ls", *DAYS, "-o", "json")) == [OUTAGE]
    assert daemon.asked


def test_a_city_without_meters_has_no_indices(daemon):
    daemon.indices = None

    assert "saidi" not in run(outage.app, "ls", *DAYS)


def test_transformers_are_asked_for_by_name(daemon):
    assert "126.3" in run(transformer.app, "load", *DAYS, "--transformer", "TX00001")
    assert "113.9" in run(transformer.app, "voltage", *DAYS)
    assert [each[-1] for each in daemon.asked] == ["TX00001", None]


def test_signs_of_tampering_are_listed(daemon):
    assert "E1" in run(theft.app, "ls", *DAYS)
    assert daemon.asked == [("2026-11-03", "2026-11-30")]
