"""
Each query of each panel, asked of what it was written for.

A small demo runs; Prometheus scrapes its daemon meanwhile, with the configuration that we ship. SQL
is asked as the role of dashboards, and compared with figures worked out here from the tables.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mdms.dashboards.__main__ import DASHBOARDS
from mdms.dashboards.model import Kind, Panel, Prometheus, Sql
from mdms.embedded import processes
from mdms.settings import config_dir
from tests.integration.operations.figures import collection, grid, operators, people
from tests.integration.operations.snapshot import FROM, MISHAPS, Figures, Snapshot

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard.panels()]


@dataclass(frozen=True)
class Served:
    """A demo that stays up, and the Prometheus beside it."""

    dsn: str
    daemon_url: str
    prometheus_url: str | None
    demo: processes.Child
    log: Path

    def ask(self, path: str, **params: object) -> Any:
        """Ask Prometheus."""
        answer = httpx.get(
            f"{self.prometheus_url}/api/v1/{path}",
            params={name: str(value) for name, value in params.items()},
        ).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def until(self, query: str) -> None:
        """Wait until a query of Prometheus has an answer."""
        processes.wait_until(
            lambda: bool(self.ask("query", query=query)["result"]),
            self.demo, log=self.log, timeout_s=60,
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    demo, log = directory / "demo", directory / "log"
    child = processes.spawn(
        [sys.executable, "-m", "mdms", "demo", "--meters", "24", "--days", "5", "--seed", "5",
         "--serve", "--out", demo],
        log=log,
        death_signal=signal.SIGTERM,
    )  # fmt: skip
    with processes.ended_if_interrupted(child, grace_s=60):
        processes.wait_until(lambda: "daemon" in started(demo), child, log=log, timeout_s=120)
        settings = tomllib.loads((demo / "mdms.toml").read_text())
        url = settings["client"]["url"]
        with prometheus(directory / "prometheus", target=url.removeprefix("http://")) as address:
            processes.wait_until((demo / "report.json").exists, child, log=log, timeout_s=360)
            # Dashboards log in as a member of mdms_report, which the daemon is not.
            dsn = make_conninfo(settings["database"]["dsn"], user="postgres")
            yield Served(dsn, url, address, child, log)
    assert processes.stop(child, grace_s=60) == 130


@pytest.fixture
def snapshot(served: Served) -> Iterator[Snapshot]:
    with psycopg.connect(served.dsn, options="-c TimeZone=UTC") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(MISHAPS)
        yield Snapshot(connection)
        connection.rollback()


def started(demo: Path) -> dict[str, int]:
    note = demo / "processes.json"
    pids: dict[str, int] = json.loads(note.read_text()) if note.exists() else {}
    return pids


@contextmanager
def prometheus(
    folder: Path, *, target: str, rules: Callable[[str], str] = str
) -> Iterator[str | None]:
    """
    Run Prometheus as we configure it, on ports of this test; None where it is not installed.

    Args:
        folder: Made here.
        target: Whom it asks.
        rules: Makes of each file of rules the one that is used.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        yield None
        return
    shutil.copytree(config_dir() / "prometheus", folder)
    for file in (folder / "rules").iterdir():
        file.write_text(rules(file.read_text()))
    config = folder / "prometheus.yml"
    config.write_text(
        config.read_text()
        .replace("127.0.0.1:8710", target)
        .replace("_interval: 15s", "_interval: 1s")
    )
    port, log = processes.free_port(), folder / "log"
    child = processes.spawn(
        [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        log=log,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(lambda: is_ready(url), child, log=log, timeout_s=60)
        yield url
    finally:
        processes.stop(child, grace_s=10)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


# SQL: each panel against figures of our own

FIGURES: dict[str, Figures] = {
    "mdms-morning": operators.MORNING,
    "mdms-collection": collection.FIGURES,
    "mdms-vee": operators.VEE,
    "mdms-billing": operators.BILLING,
    "mdms-commands": people.COMMANDS,
    "mdms-leaks": people.LEAKS,
    "mdms-grid": grid.FIGURES,
    "mdms-platform": people.PLATFORM,
}
SQL_PANELS = {
    (dashboard.uid, f"{panel.title} ({panel.kind})"): query
    for dashboard in DASHBOARDS
    for panel in dashboard.panels()
    for query in panel.queries
    if isinstance(query, Sql)
}


def test_every_sql_panel_has_figures_to_compare_with():
    assert SQL_PANELS.keys() == {(uid, name) for uid in FIGURES for name in FIGURES[uid]}


@pytest.mark.parametrize("name", SQL_PANELS, ids=": ".join)
def test_a_sql_panel_shows_what_the_tables_hold(snapshot, name):
    uid, panel = name
    names, figures = FIGURES[uid][panel]
    ((newest,),) = snapshot.tables("SELECT max(received_at) FROM collector_sequence")
    later = newest + timedelta(days=2)  # everybody is silent by then

    columns, rows = snapshot.panel(SQL_PANELS[name], newest)
    _, rows_later = snapshot.panel(SQL_PANELS[name], later)

    assert columns == names
    assert rows == figures(snapshot, newest)
    assert rows_later == figures(snapshot, later)
    assert rows_later not in ([], [(0,)])


def test_a_meter_whose_radio_shall_be_silent_is_not_counted(snapshot):
    later = FROM + timedelta(days=20)
    _, before = snapshot.panel(SQL_PANELS["mdms-collection", "Silent meters (stat)"], later)

    snapshot.connection.execute(
        b"UPDATE meter_installation SET radio = 'off'"
        b" WHERE badge = (SELECT min(badge) FROM meter_installation WHERE radio = 'on')"
    )
    _, after = snapshot.panel(SQL_PANELS["mdms-collection", "Silent meters (stat)"], later)

    assert after == [(before[0][0] - 1,)]


# Prometheus

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed"
)


@needs_prometheus
def test_the_daemons_metrics_pass_promtools_check(served):
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=httpx.get(f"{served.daemon_url}/metrics").text,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    complaints = {line for line in done.stderr.splitlines() if line.startswith("mdms_")}
    assert complaints == {
        # It counts channel-days, the rows of vee_day, and no time.
        'mdms_vee_channel_days_total use base unit "seconds" instead of "days"'
    }


@needs_prometheus
def test_prometheus_evaluates_every_rule_without_an_error(served):
    served.until('up{job="mdms"} == 1')

    groups = served.ask("rules")["groups"]

    assert {group["name"] for group in groups} == {"collection", "service_levels"}
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}


@needs_prometheus
def test_every_prometheus_panel_shows_what_was_scraped(served):
    served.until("mdms_vee_last_run_timestamp_seconds > 0")

    for panel in PANELS:
        for query in panel.queries:
            if isinstance(query, Prometheus):
                assert_shown(served, panel, query)


def assert_shown(served: Served, panel: Panel, query: Prometheus) -> None:
    """Assert that a query has an answer, now and over the minutes before, named as it shall be."""
    what = f"{panel.title}: {query.expr}"
    now = float(served.ask("query", query="time()")["result"][0])
    shown = served.ask("query", query=query.expr)["result"]
    if panel.kind is Kind.TIME_SERIES:
        shown += served.ask("query_range", query=query.expr, start=now - 120, end=now, step=5)[
            "result"
        ]
    assert shown, what
    for label in re.findall(r"{{(\w+)}}", query.legend):
        assert all(label in each["metric"] for each in shown), what


@needs_prometheus
@pytest.mark.parametrize(
    "query",
    [
        "mdms_ingest_broker_connected",
        "mdms_ingest_pending_messages",
        "mdms_vee_exceptions_open",
        "mdms_vee_runs_total",
        'mdms_ingest_rejected_total{reason="bad_crc"}',
    ],
)
def test_prometheus_holds_what_the_daemon_says(served, query):
    def same() -> bool:
        daemon = httpx.get(f"{served.daemon_url}/metrics").text
        (said,) = re.findall(rf"^{re.escape(query)} (\S+)$", daemon, flags=re.MULTILINE)
        return bool(served.ask("query", query=f"{query} == {said}")["result"])

    processes.wait_until(same, served.demo, log=served.log, timeout_s=60)


@needs_prometheus
def test_prometheus_counts_the_intervals_that_the_tables_hold(served, snapshot):
    ((stored,),) = snapshot.tables("SELECT count(*) FROM interval_read WHERE version = 0")

    served.until(f"sum(mdms_ingest_intervals_total) >= {stored}")
