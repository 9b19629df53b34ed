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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

FROM = datetime(2026, 11, 3, tzinfo=UTC)
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard.panels()]

Row = tuple[Any, ...]

MISHAPS = b"""
INSERT INTO dead_letter (received_at, reason, detail, topic, payload)
SELECT '2026-11-04 10:20Z'::timestamptz + n * interval '20 min',
       CASE n % 3 WHEN 0 THEN 'bad_crc' ELSE 'unknown_meter' END, '', 't', ''
FROM generate_series(1, 7) n;
INSERT INTO sequence_hole (collector_id, first_seq, last_seq, from_us, to_us, opened_at, due_at)
SELECT collector_id, 5, 9, 1793800000000000, 1793801000000000, '2026-11-04Z', '2026-11-04Z'
FROM collector;
INSERT INTO end_device_event (collector_id, code, sub, at_utc, severity, cleared, value, register,
                              seq, received_at)
SELECT 1, n % 2, 0, '2026-11-04 10:20Z'::timestamptz + n * interval '20 min', 1, false, 0, 0, n,
       '2026-11-05Z'
FROM generate_series(1, 7) n;
INSERT INTO control (control_id, action, badge, serial, radio_id, key_id, usage_point_id, commodity,
                     cause, order_ref, reason, requested_by, requested_at, not_before, not_after,
                     state, refusals, attempt_count, probe_count, collector_ids, accepted,
                     verified_at)
SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'disconnect' ELSE 'reconnect' END, i.badge,
       '', 1, 1, i.usage_point_id, 'electric', 'test', '', '', 'tests', '2026-11-04 12:00Z',
       '2026-11-04Z', '2026-11-05Z', CASE n WHEN 1 THEN 'UNKNOWN' ELSE 'VERIFIED' END, '[]',
       1, 0, '{}', true,
       CASE n WHEN 1 THEN NULL ELSE '2026-11-04 12:00Z'::timestamptz + n * interval '7 s' END
FROM generate_series(1, 5) n, (SELECT * FROM meter_installation LIMIT 1) i;
INSERT INTO vee_exception (channel_id, local_day, rule, severity, detail, opened_at)
SELECT channel_id, '2026-11-01'::date - channel_id % 2, 'V08', 'FAIL', '', '2026-11-03Z'
FROM channel WHERE channel_id <= 5;
"""
"""What a demo of three calm days does not bring; never committed."""


@dataclass(frozen=True)
class Snapshot:
    """The demo's database at one instant: its city lives on meanwhile."""

    connection: psycopg.Connection

    def tables(self, query: str) -> list[Row]:
        """Ask as the owner of the tables."""
        return self.connection.execute(query.encode()).fetchall()

    def panel(self, sql: Sql, to: datetime) -> tuple[list[str], list[Row]]:
        """Ask as a dashboard does, over FROM to `to`; return names of columns, and rows."""
        query = re.sub(
            r"\$__timeFilter\((.+?)\)(?=\n|$| ORDER)",
            lambda found: f"{found[1]} BETWEEN '{FROM.isoformat()}' AND '{to.isoformat()}'",
            sql.text,
        ).replace("$__timeTo()", f"'{to.isoformat()}'")
        assert "$__" not in query
        self.connection.execute(b"SET LOCAL ROLE mdms_report")
        cursor = self.connection.execute(query.encode())
        rows = cursor.fetchall()
        self.connection.execute(b"RESET ROLE")
        assert cursor.description is not None
        return [column.name for column in cursor.description], rows


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
            self.demo, log=self.log, timeout_s=20,
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    demo, log = directory / "demo", directory / "log"
    child = processes.spawn(
        [sys.executable, "-m", "mdms", "demo", "--meters", "24", "--days", "3", "--seed", "5",
         "--serve", "--out", demo],
        log=log,
        death_signal=signal.SIGTERM,
    )  # fmt: skip
    processes.wait_until(lambda: "daemon" in started(demo), child, log=log, timeout_s=60)
    settings = tomllib.loads((demo / "mdms.toml").read_text())
    url = settings["client"]["url"]
    with prometheus(directory / "prometheus", target=url.removeprefix("http://")) as address:
        processes.wait_until((demo / "report.json").exists, child, log=log, timeout_s=180)
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
def prometheus(folder: Path, *, target: str) -> Iterator[str | None]:
    """Run Prometheus as we configure it, on ports of this test; None where it is not installed."""
    binary = shutil.which("prometheus")
    if binary is None:
        yield None
        return
    shutil.copytree(config_dir() / "prometheus", folder)
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
        processes.wait_until(lambda: is_ready(url), child, log=log, timeout_s=30)
        yield url
    finally:
        processes.stop(child, grace_s=10)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


# SQL: each panel against figures of our own


def commodities(snapshot: Snapshot) -> dict[int, str]:
    """Return the commodity of each channel."""
    return dict(
        snapshot.tables(
            "SELECT channel_id, commodity FROM channel JOIN meter_installation USING (badge)"
            " JOIN usage_point USING (usage_point_id)"
        )
    )


def last_registers(snapshot: Snapshot) -> list[tuple[int, datetime]]:
    """Return each meter's lowest channel and the newest register of any of its channels."""
    by_badge: dict[str, list[int]] = defaultdict(list)
    for badge, channel_id in snapshot.tables("SELECT badge, channel_id FROM channel"):
        by_badge[badge].append(channel_id)
    newest: dict[int, datetime] = {}
    for channel_id, at in snapshot.tables("SELECT channel_id, at_utc FROM register_read"):
        newest[channel_id] = max(at, newest.get(channel_id, at))
    silenced = {
        badge
        for badge, on_at in snapshot.tables("SELECT badge, on_at FROM radio_silence")
        if on_at is None
    }
    installed = {
        badge: at
        for badge, at, radio, removed in snapshot.tables(
            "SELECT badge, installed_at, radio, removed_at FROM meter_installation"
        )
        if removed is None and radio == "on" and badge not in silenced
    }
    return sorted(
        (min(channels), max([newest[c] for c in channels if c in newest] or [installed[badge]]))
        for badge, channels in by_badge.items()
        if badge in installed
    )


def silent(snapshot: Snapshot, to: datetime) -> list[tuple[int, datetime]]:
    return [
        (channel_id, at)
        for channel_id, at in last_registers(snapshot)
        if at < to - timedelta(days=1)
    ]


def newest_days(snapshot: Snapshot) -> list[Row]:
    """Return (channel, day, expected, actual, estimated, held, missing) as they stand."""
    newest: dict[tuple[int, Any], Row] = {}
    for channel_id, day, _, *counts in snapshot.tables(
        "SELECT channel_id, local_day, version, expected, actual, estimated, held, missing"
        " FROM vee_day ORDER BY version"
    ):
        newest[channel_id, day] = (channel_id, day, *counts)
    return list(newest.values())


def at_midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def in_range(at: datetime, to: datetime) -> bool:
    return FROM <= at <= to


def silent_count(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(len(silent(snapshot, to)),)]


def open_count(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT closed_at FROM vee_exception")
    return [(sum(closed is None for (closed,) in rows),)]


def read_rate(snapshot: Snapshot, to: datetime) -> list[Row]:
    sums: dict[tuple[datetime, str], list[int]] = defaultdict(lambda: [0, 0])
    commodity = commodities(snapshot)
    for channel_id, day, expected, actual, *_ in newest_days(snapshot):
        pair = sums[at_midnight(day), commodity[channel_id]]
        pair[0] += expected
        pair[1] += actual
    return [
        (*key, pytest.approx(actual / expected, abs=1e-12))
        for key, (expected, actual) in sorted(sums.items())
        if in_range(key[0], to)
    ]


def not_actual(snapshot: Snapshot, to: datetime) -> list[Row]:
    sums: Counter[tuple[datetime, str]] = Counter()
    for _, day, _, _, *counts in newest_days(snapshot):
        for name, count in zip(("estimated", "held", "missing"), counts, strict=True):
            sums[at_midnight(day), name] += count
    return [(*key, count) for key, count in sorted(sums.items()) if in_range(key[0], to)]


def silent_table(snapshot: Snapshot, to: datetime) -> list[Row]:
    places = {
        channel_id: tuple(rest)
        for channel_id, *rest in snapshot.tables(
            "SELECT channel_id, commodity, service_class, feeder_id, transformer_id"
            " FROM channel JOIN meter_installation USING (badge)"
            " JOIN usage_point USING (usage_point_id) JOIN premise USING (premise_id)"
            " LEFT JOIN transformer USING (transformer_id)"
        )
    }
    rows = sorted(silent(snapshot, to), key=lambda row: (row[1], row[0]))
    return [(channel_id, *places[channel_id], at) for channel_id, at in rows[:100]]


def collectors(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables(
        "SELECT name, batch_at, received_at FROM collector JOIN collector_sequence"
        " USING (collector_id)"
    )
    assert len(rows) == snapshot.tables("SELECT count(*) FROM collector")[0][0]
    newest = max(batch_at for _, batch_at, _ in rows)
    shown = [
        (name, at, (received - at).total_seconds(), (newest - at).total_seconds())
        for name, at, received in rows
    ]
    return sorted(shown, key=lambda row: (-row[3], row[0]))


def holes(snapshot: Snapshot, to: datetime) -> list[Row]:
    return snapshot.tables(
        "SELECT name, first_seq, last_seq, to_timestamp(from_us / 1e6), to_timestamp(to_us / 1e6),"
        " asked_count, lost_at FROM sequence_hole JOIN collector USING (collector_id)"
        " ORDER BY from_us DESC, name"
    )


def hourly(rows: list[Row], to: datetime) -> list[Row]:
    """Count (instant, name) by hour and name."""
    counts = Counter(
        (at.replace(minute=0, second=0, microsecond=0), str(name)) for at, name in rows
    )
    return [(*key, count) for key, count in sorted(counts.items()) if in_range(key[0], to)]


def dead_letters(snapshot: Snapshot, to: datetime) -> list[Row]:
    return hourly(snapshot.tables("SELECT received_at, reason FROM dead_letter"), to)


def events(snapshot: Snapshot, to: datetime) -> list[Row]:
    return hourly(snapshot.tables("SELECT at_utc, code FROM end_device_event"), to)


def open_by_rule(snapshot: Snapshot, to: datetime) -> list[Row]:
    commodity = commodities(snapshot)
    days: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for channel_id, rule, severity, day in snapshot.tables(
        "SELECT channel_id, rule, severity, local_day FROM vee_exception WHERE closed_at IS NULL"
    ):
        days[rule, severity, commodity[channel_id]].append(day)
    rows = [(*key, len(listed), min(listed)) for key, listed in days.items()]
    return sorted(rows, key=lambda row: (-row[3], row[:3]))


def commands(snapshot: Snapshot, to: datetime) -> list[Row]:
    groups: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for action, state, requested, verified in snapshot.tables(
        "SELECT action, state, requested_at, verified_at FROM control"
    ):
        if in_range(requested, to):
            took = (verified - requested).total_seconds() if verified else None
            groups[action, state].append(took)
    return [
        (*key, len(took), max((each for each in took if each is not None), default=None))
        for key, took in sorted(groups.items())
    ]


EXPECTED: dict[str, tuple[list[str], Callable[[Snapshot, datetime], list[Row]]]] = {
    "Silent meters (stat)": (["silent_meters"], silent_count),
    "Waiting for a person (stat)": (["open_exceptions"], open_count),
    "Read rate by day (timeseries)": (["time", "metric", "value"], read_rate),
    "Intervals that were not actual, by day (timeseries)": (
        ["time", "metric", "value"], not_actual
    ),
    "Silent meters (table)": (
        ["channel_id", "commodity", "service_class", "feeder_id", "transformer_id",
         "last_register_utc"],
        silent_table,
    ),
    "Collectors (table)": (["name", "batch_at", "lag_s", "behind_s"], collectors),
    "Batches that are missing (table)": (
        ["name", "first_seq", "last_seq", "from_utc", "to_utc", "asked_count", "lost_at"], holes
    ),
    "Dead letters kept, by hour (timeseries)": (["time", "metric", "value"], dead_letters),
    "Waiting for a person, by rule (table)": (
        ["rule", "severity", "commodity", "open_exceptions", "oldest_day"], open_by_rule
    ),
    "Commands by outcome (table)": (["action", "state", "commands", "slowest_s"], commands),
    "Events of meters (timeseries)": (["time", "metric", "value"], events),
}  # fmt: skip
SQL_PANELS = {
    f"{panel.title} ({panel.kind})": query
    for panel in PANELS
    for query in panel.queries
    if isinstance(query, Sql)
}


def test_every_sql_panel_has_figures_to_compare_with():
    assert SQL_PANELS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", SQL_PANELS)
def test_a_sql_panel_shows_what_the_tables_hold(snapshot, name):
    names, figures = EXPECTED[name]
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
    _, before = snapshot.panel(SQL_PANELS["Silent meters (stat)"], later)

    snapshot.connection.execute(
        b"UPDATE meter_installation SET radio = 'off'"
        b" WHERE badge = (SELECT min(badge) FROM meter_installation WHERE radio = 'on')"
    )
    _, after = snapshot.panel(SQL_PANELS["Silent meters (stat)"], later)

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

    (group,) = served.ask("rules")["groups"]

    assert group["name"] == "collection"
    assert {rule["health"] for rule in group["rules"]} == {"ok"}


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

    processes.wait_until(same, served.demo, log=served.log, timeout_s=20)


@needs_prometheus
def test_prometheus_counts_the_intervals_that_the_tables_hold(served, snapshot):
    ((stored,),) = snapshot.tables("SELECT count(*) FROM interval_read WHERE version = 0")

    served.until(f"sum(mdms_ingest_intervals_total) >= {stored}")
