"""The demo as a person runs it, and the command line against one that stays up."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from mdms.domain.events import EventCode
from mdms.embedded import processes

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

MDMS = [sys.executable, "-m", "mdms"]
_TRIES = 120
"""Each takes a second, more or less."""


def mdms(
    *arguments: object, config: Path | None = None, caller: str = "requester"
) -> subprocess.CompletedProcess[str]:
    """Run a command line as one of the demo's callers."""
    environment = dict(os.environ)
    if config is not None:
        environment["MDMS_CONFIG"] = str(config)
        tokens = config.with_name("tokens.json")
        if tokens.exists():
            environment["MDMS_CLIENT__TOKEN"] = json.loads(tokens.read_text())[caller]
    return subprocess.run(
        [*MDMS, *map(str, arguments)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo of three days that stays up; its folder."""
    directory = tmp_path_factory.mktemp("served") / "demo"
    log = directory.with_name("log")
    child = processes.spawn(
        [*MDMS, "demo", "--meters", "24", "--days", "3", "--seed", "5", "--serve",
         "--out", directory],
        log=log,
        death_signal=signal.SIGTERM,
    )  # fmt: skip
    report = directory / "report.json"
    with processes.ended_if_interrupted(child, grace_s=60):
        processes.wait_until(report.exists, child, log=log, timeout_s=240)
    yield directory
    pids = json.loads((directory / "processes.json").read_text()).values()
    assert processes.stop(child, grace_s=60) == 130
    assert [pid for pid in pids if _is_alive(pid)] == []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_expected_interval_ended_actual_or_estimated_or_on_a_list(served):
    exceptions = json.loads(
        mdms("vee", "exception", "ls", "-o", "json", config=served / "mdms.toml").stdout
    )
    listed = {(row["meter"], row["day"]) for row in exceptions}
    report = json.loads((served / "report.json").read_text())
    missing = sum(row["statuses"].get("M", 0) for row in report["reads"]["quality"].values())

    truth = pd.read_parquet(served / "truth" / "intervals.parquet")
    expected = pd.read_parquet(served / "truth" / "expected.parquet")
    truth = truth.merge(expected, on=["meter", "reading_type"])
    hour = pd.Timedelta(hours=1)  # no interval is longer: what is cut off stays out of it
    truth = truth[
        (truth["start_utc"] >= truth["from_utc"]) & (truth["start_utc"] + hour <= truth["to_utc"])
    ]
    stored = pd.read_parquet(served / "readings.parquet")
    key = ["meter", "reading_type", "start_utc"]
    absent = truth.merge(stored[key].drop_duplicates(), on=key, how="left", indicator=True)
    absent = absent[absent["_merge"] == "left_only"]
    days = absent["start_utc"].dt.tz_convert("America/Los_Angeles").dt.date.astype(str)

    assert missing - 3 <= len(absent) <= missing
    assert set(zip(absent["meter"], days, strict=True)) <= listed


def test_the_command_line_answers_for_a_meter(served):
    config = served / "mdms.toml"

    meters = json.loads(mdms("meter", "ls", "-o", "json", config=config).stdout)
    electric = next(row["meter"] for row in meters if row["commodity"] == "electric")
    reads = mdms(
        "reading", "get", electric, "--from", "2026-11-04", "--to", "2026-11-04", "-o", "csv",
        config=config,
    )  # fmt: skip
    shown = mdms("meter", "show", electric, config=config)

    assert len(meters) >= 24
    counts = pd.read_csv(StringIO(reads.stdout)).groupby("reading_type").size()
    assert set(counts) in ({96}, {96, 24})  # voltage by the hour, where a meter tells it
    assert electric in shown.stdout


def test_missing_batches_are_listed_and_asked_for_again(served):
    config = served / "mdms.toml"

    asked = json.loads(mdms("gap", "backfill", "-o", "json", config=config).stdout)
    missing = mdms("gap", "ls", "-o", "json", config=config)
    nobody = mdms("gap", "backfill", "--collector", 99, config=config)

    assert asked[0]["requests"] == asked[0]["holes"]
    assert all(row["lost_at"] is None for row in json.loads(missing.stdout))
    assert (nobody.returncode, "no collector 99" in nobody.stderr) == (3, True)


def test_running_vee_again_changes_nothing(served):
    arguments = ("vee", "run", "--from", "2026-11-03", "--to", "2026-11-05", "-o", "json")

    first = json.loads(mdms(*arguments, config=served / "mdms.toml").stdout)
    # The demo goes on to the next working day: until it is there, reads come between two runs.
    later = (json.loads(mdms(*arguments, config=served / "mdms.toml").stdout) for _ in range(40))

    assert first[0]["channel_days"] > 0
    assert any(run[0]["versions"] == 0 for run in later)


def test_the_registry_goes_out_and_comes_back_unchanged(served, tmp_path):
    config = served / "mdms.toml"

    mdms("registry", "export", tmp_path / "registry", config=config, caller="administrator")
    again = mdms(
        "registry", "import", tmp_path / "registry", "-o", "json",
        config=config, caller="administrator",
    )  # fmt: skip

    rows = json.loads(again.stdout)
    assert sum(row["unchanged"] for row in rows) > 24
    assert sum(row["added"] + row["changed"] for row in rows) == 0


def test_reads_are_exported_as_the_demo_exports_them(served, tmp_path):
    done = mdms(
        "reading", "export", "--versions", "--from", "2026-11-02", "--to", "2026-11-06",
        "--out", tmp_path, config=served / "mdms.toml",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    before = pd.read_parquet(served / "readings.parquet")
    now = pd.read_parquet(tmp_path / "readings.parquet")
    assert len(now) >= len(before)
    assert list(now.columns) == list(before.columns)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("meter", "show", "NOBODY"), 3, "no meter 'NOBODY' in the registry"),
        (("reading", "get", "NOBODY", "--from", "2026-11-04", "--to", "2026-11-04"), 3, "called"),
        (("reading", "get", "X", "--from", "soon", "--to", "2026-11-04"), 2, "is not a day"),
        (("vee", "run", "--from", "2030-01-01", "--to", "2030-01-02"), 2, "not over yet"),
        (("billing", "freeze", "--from", "2026-11-03", "--to", "2026-11-05"), 2, "27"),
        (("reading", "get", "X"), 2, "Missing option"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_status(served, arguments, status, sentence):
    caller = "customer_system" if arguments[0] == "billing" else "requester"

    done = mdms(*arguments, config=served / "mdms.toml", caller=caller)

    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_daemon_the_command_line_says_so(tmp_path):
    config = tmp_path / "mdms.toml"
    config.write_text(f'[client]\nurl = "http://127.0.0.1:{processes.free_port()}"\n')

    done = mdms("status", config=config)

    assert done.returncode == 1
    assert "is `mdms serve` running" in done.stderr


def test_a_killed_daemon_or_simulator_is_started_again_and_nothing_is_lost(tmp_path):
    directory = tmp_path / "demo"
    log = tmp_path / "log"
    child = processes.spawn(
        [*MDMS, "demo", "--meters", "24", "--days", "2", "--seed", "9", "--out", directory],
        log=log,
        death_signal=signal.SIGTERM,
    )
    note = directory / "processes.json"
    progress = directory / "log" / "simulator.log"
    with processes.ended_if_interrupted(child, grace_s=60):
        processes.wait_until(
            lambda: note.exists() and "simulator" in json.loads(note.read_text()),
            child, log=log, timeout_s=120,
        )  # fmt: skip
        processes.wait_until(
            lambda: progress.exists() and progress.stat().st_size > 200,
            child, log=log, timeout_s=120,
        )  # fmt: skip

        for name in ("daemon", "simulator"):
            os.kill(json.loads(note.read_text())[name], signal.SIGKILL)

        assert child.wait(timeout=300) == 0, log.read_text()
    reads = json.loads((directory / "report.json").read_text())["reads"]
    assert (reads["lost"], reads["doubled"], reads["stored"]) == (0, 0, reads["sent"])


def test_an_out_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "precious").write_text("keep me")

    done = mdms("demo", "--out", tmp_path)

    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_an_outage_is_told_from_what_was_sent_and_what_is_stored(served):
    report = json.loads((served / "report.json").read_text())
    events = pd.read_parquet(served / "events.parquet")

    (outage,) = report["outages"]

    assert outage["meters"] >= outage["last_gasps"]["sent"] > 0
    for told in (outage["last_gasps"], outage["restorations"]):
        assert told["stored"] == told["sent"]
    assert (events["code"] == EventCode.POWER_FAIL).sum() == outage["last_gasps"]["stored"]
    assert [report["events"][name] for name in ("lost", "invented", "doubled")] == [0, 0, 0]


def test_a_newcomer_cuts_somebody_off_as_two_people_and_gives_the_power_back(served):
    config, approver = served / "mdms.toml", served / "approver.toml"
    badge = json.loads((served / "report.json").read_text())["lawful"][-1]
    switch = ("command", "disconnect", badge, "--cause", "NONPAY")
    # Time passes quickly until the next morning on which it is lawful.
    tries = (mdms(*switch, "--dry-run", config=config) for _ in range(_TRIES))
    lawful = next((each for each in tries if each.returncode == 0), None)
    asked = mdms(*switch, "--yes", config=config)
    assert asked.returncode == 5, asked.stderr
    control_id = asked.stdout.split()[-1]
    off = mdms("command", "approve", control_id, "--config", approver)
    shown = mdms("command", "show", control_id, config=config)
    on = mdms("command", "reconnect", badge, "--cause", "ERROR", config=config)

    assert lawful is not None
    assert "once this is done:\n  RD_DUAL (G6): " in lawful.stdout
    assert f"mdms command approve {control_id[-8:]}" in asked.stderr
    assert off.returncode in {0, 6}, off.stderr  # a tower may be out of reach
    assert "notice_48h_delivered_at" in shown.stdout
    assert on.returncode in {0, 1, 6}, on.stderr


def test_people_command_meters_and_the_rules_refuse_what_they_forbid(served):
    controls = pd.read_parquet(served / "controls.parquet").sort_values("requested_at")
    switches = pd.read_parquet(served / "truth" / "switches.parquet")

    refused = controls[controls["state"] == "POLICY_DENIED"]
    carried_out = controls[controls["state"] == "VERIFIED"]

    assert {code for codes in refused["codes"] for code in codes} >= {"RD_NO_SWITCH", "RADIO_WATER"}
    assert {"radio_off"} <= set(carried_out["action"])
    switching = carried_out[carried_out["action"].isin(["disconnect", "reconnect"])]
    assert switches["command_id"].tolist() == switching["control_id"].tolist()
    assert set(controls["state"]) == {"POLICY_DENIED", "VERIFIED"}
