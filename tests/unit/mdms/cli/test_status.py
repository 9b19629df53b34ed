"""`mdms status`, once and again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from mdms.cli import options, status
from mdms.domain.errors import UnavailableError
from tests.boards import BOARD

COLLECTOR = {"collector_id": 4, "batch_seq": 199, "batch_at": "2026-11-05T18:00:00+00:00"}

TAKER = {
    "process": "process 7 on one", "client_id": "mdms-ingest",
    "since": "2026-11-05T18:00:00+00:00", "present": True,
}  # fmt: skip


class Daemon:
    """Counts a dead letter more each time it is asked."""

    def __init__(self, collectors: list[dict[str, Any]]) -> None:
        self._collectors, self._asked = collectors, 0

    def status(self) -> dict[str, Any]:
        self._asked += 1
        return {
            "now": "2026-11-05T18:00:11+00:00",
            "dead_letters": self._asked,
            "taken_by": [TAKER],
            "collectors": self._collectors,
        }

    def board(self, *, by_hour: bool) -> dict[str, Any]:
        assert not by_hour, "a watched board does not count a city's hours again and again"
        self._asked += 1
        if self._asked == 2:
            raise UnavailableError("away")
        return BOARD


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(*arguments: str, collectors: tuple[dict[str, Any], ...] = (COLLECTOR,)) -> Result:
        daemon = Daemon(list(collectors))

        @contextmanager
        def client(_config: object) -> Iterator[Daemon]:
            yield daemon

        monkeypatch.setattr(options, "client", client)
        app = Typer()
        app.command()(status.status)
        return CliRunner().invoke(app, list(arguments))

    return invoke


@pytest.fixture
def interrupted_at_the_second_pause(monkeypatch):
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)


def test_figures_and_collectors_are_shown(run):
    shown = run().stdout

    for part in ("dead letters", "2026-11-05 18:00:11Z", "collector id", "199"):
        assert part in shown


def test_it_is_shown_who_takes_reads(run):
    assert "process 7 on one" in run().stdout


def test_a_line_on_which_nobody_has_reported_says_so(run):
    assert "none has reported yet" in run(collectors=()).stdout


def test_programs_get_all_of_it_as_json_and_the_figures_as_csv(run):
    assert json.loads(run("-o", "json").stdout)["collectors"] == [COLLECTOR]
    assert run("-o", "csv").stdout.splitlines() == [
        "what,value",
        "now,2026-11-05T18:00:11+00:00",
        "dead letters,1",
    ]


@pytest.mark.usefixtures("interrupted_at_the_second_pause")
def test_watching_prints_it_again_and_ends_in_peace(run):
    watched = run("--watch")

    assert watched.exit_code == 0
    assert watched.stdout.count("dead letters") == 2


@pytest.mark.usefixtures("interrupted_at_the_second_pause")
def test_watching_on_a_terminal_redraws_the_board_and_bears_a_daemon_that_is_away(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal

    watched = run("--watch")

    assert watched.exit_code == 0
    assert "Read rate" in watched.stdout
    assert "the daemon does not answer" in watched.stdout
    assert "\x1b[?1049l" in watched.stdout, "the screen of before is back"


def test_the_board_is_printed_once_and_programs_get_it_as_json_and_its_figures_as_csv(run):
    printed = run("--board").stdout

    assert "Gaps by collector" in printed
    assert "\x1b" not in printed
    assert json.loads(run("--board", "-o", "json").stdout) == BOARD
    assert "Silent meters,3,True" in run("--board", "-o", "csv").stdout.splitlines()
