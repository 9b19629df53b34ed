"""A month of a small city: proven against what happened, then asked everything the guides ask."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest

from mdms.cli import main
from mdms.embedded import processes

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
FENCE = re.compile(r"^([ ]*)```(sh|csv)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
MAY_END_WITH = re.compile(r"\s+# or ([\d ]+)$")
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]{2,}\b")
FIRST_DAY = date(2026, 11, 3)
DAYS = 30
CALLERS = {
    "supervisor.toml": "approver",
    "billing.toml": "customer_system",
    "auditor.toml": "auditor",
    "admin.toml": "administrator",
}
"""Whose settings a guide means, and the demo's caller who has that role."""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo whose bill window has closed, and that stays up; GUIDES_DEMO names one that runs."""
    if running := os.environ.get("GUIDES_DEMO"):
        yield Path(running)
        return
    directory = tmp_path_factory.mktemp("month") / "demo"
    log = directory.with_name("log")
    child = processes.spawn(
        [sys.executable, "-m", "mdms", "demo", "--meters", "12", "--days", str(DAYS),
         "--seed", "3", "--serve", "--out", directory],
        log=log,
        death_signal=signal.SIGTERM,
    )  # fmt: skip
    with processes.ended_if_interrupted(child, grace_s=60):
        processes.wait_until((directory / "report.json").exists, child, log=log, timeout_s=600)
    yield directory
    processes.stop(child, grace_s=60)


@dataclass
class Operator:
    """Somebody who follows a page, in a folder of their own."""

    city: Path
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = json.loads((self.city / "tokens.json").read_text())
        self.monkeypatch.setenv("MDMS_CONFIG", str(self.city / "mdms.toml"))
        self.monkeypatch.chdir(self.folder)
        (status,) = self.rows("mdms status -o json")
        now = status["now"]
        today = pd.Timestamp(now).tz_convert("America/Los_Angeles").date()
        of = self.registry("meters")
        electric = max(
            (row for row in of if row["model"].startswith("electric")),
            key=lambda row: (row["has_switch"], row["pilot"]),
        )
        agreement = next(
            row
            for row in self.registry("agreements")
            if row["usage_point_id"] == electric["usage_point_id"]
        )
        cycle = min(row["billing_cycle"] for row in self.registry("usage_points"))
        estimated = an_estimate(self.city)
        at = estimated["start_utc"].tz_convert("America/Los_Angeles")
        leaks = self.rows("mdms leak ls -o json")
        leak = max(leaks, key=lambda each: each["ended_at"] is None)
        self.names = {
            "METER": estimated["meter"],
            "ELECTRIC": electric["badge"],
            "WATER": leak["meter"],
            "LEAK": leak["leak"],
            "CYCLE": cycle,
            "ACCOUNT": agreement["account_id"],
            "DAY": f"{at.date()}",
            "INSTANT": at.isoformat(),
            "FIRST_DAY": f"{FIRST_DAY}",
            "READ_DAY": f"{FIRST_DAY + timedelta(days=DAYS)}",
            "TODAY": f"{today}",
            "LATER_DAY": f"{today + timedelta(days=10)}",
            "NOW": now,
        }

    def registry(self, table: str) -> list[dict[str, str]]:
        with (self.city / "registry" / f"{table}.csv").open(newline="") as opened:
            return list(csv.DictReader(opened))

    def rows(self, line: str) -> list[dict[str, str]]:
        status, out, err = self.type(line)
        assert status == 0, err
        answer = json.loads(out)
        return answer if isinstance(answer, list) else [answer]

    def type(self, line: str) -> tuple[int, str, str]:
        """Type a line of a guide; return its exit status and what it said."""
        words = shlex.split(self.filled(line))
        caller = "requester"
        if "--config" in words:
            at = words.index("--config")
            caller = CALLERS[words[at + 1]]
            del words[at : at + 2]
        self.monkeypatch.setenv("MDMS_CLIENT__TOKEN", self.tokens[caller])
        self.monkeypatch.setattr(sys, "argv", words)
        status = 0
        self.capsys.readouterr()
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self.capsys.readouterr()
        return status, out, err

    def filled(self, text: str) -> str:
        if "MANIFEST" in text:
            self.names["MANIFEST"] = next(self.folder.glob("bills/*manifest*.json")).name
        return PLACEHOLDER.sub(lambda found: self.names.get(found[0], found[0]), text)

    def follow(self, page: Path) -> list[str]:
        """Do what a page says; return what went wrong."""
        wrong, table = [], ""
        for _, kind, body in FENCE.findall(page.read_text()):
            if kind == "csv":
                table = self.filled(dedent(body))
                continue
            for line in dedent(body).splitlines():
                if table and (file := re.search(r"\S+\.csv\b", line)):
                    Path(file[0]).write_text(table)
                    table = ""
                may_end = MAY_END_WITH.search(line)
                allowed = {0, *map(int, may_end[1].split())} if may_end else {0}
                status, _, err = self.type(MAY_END_WITH.sub("", line))
                if status not in allowed:
                    wrong.append(f"{page.name}: {self.filled(line)} ended with {status}: {err}")
        return wrong


def test_a_month_is_billed_and_proven_and_the_guides_lead_through_it(
    month, tmp_path, monkeypatch, capsys
):
    assert_proven(month)
    operator = Operator(month, tmp_path, monkeypatch, capsys)

    wrong = [problem for page in GUIDES for problem in operator.follow(page)]

    assert wrong == []
    answer_the_questions(operator)


def an_estimate(month: Path) -> dict[str, Any]:
    """Return a value that is an estimate for good: with its meter and when it begins."""
    versions = pd.read_parquet(month / "readings.parquet").sort_values("version")
    key = ["meter", "reading_type", "start_utc"]
    current = versions.drop_duplicates(key, keep="last").sort_values(key)
    settled = current["start_utc"] < current["start_utc"].max() - pd.Timedelta(days=5)
    found = current[settled & current["status"].isin(["E", "F"])].iloc[0]
    return {str(name): value for name, value in found.items()}


def assert_proven(month: Path) -> None:
    report = json.loads((month / "report.json").read_text())
    reads = report["reads"]
    assert reads["sent"] > 15_000
    assert reads["stored"] == reads["sent"]
    assert [reads[name] for name in ("lost", "wrong", "invented", "doubled")] == [0, 0, 0, 0]
    assert reads["estimated_brackets"]["inexact"] == 0
    assert reads["energy_residual_wh"] == 0
    assert report["billing"]["frozen"] > 0
    bills = pd.read_csv(next((month / "billing").glob("billing_reads_v1_*.csv")))
    assert len(bills) == report["billing"]["frozen"]


def answer_the_questions(operator: Operator) -> None:
    """See that the page of questions leads to answers, not only to commands that end well."""
    # Why was this meter estimated yesterday?
    estimated = operator.rows("mdms reading get METER --from DAY --to DAY --estimated -o json")
    at = pd.Timestamp(operator.names["INSTANT"])
    assert at in [pd.Timestamp(each["start_utc"]) for each in estimated]
    assert {each["status"] for each in estimated} <= {"E", "F", "D"}
    said = operator.type("mdms vee explain METER --at INSTANT")[1]
    assert "estimate" in said
    assert "for" in said
    assert "missing interval" in said
    # Which homes leak? The one that does; and who called is told apart from then on.
    truth = pd.read_parquet(operator.city / "truth" / "leaks.parquet")
    assert operator.names["WATER"] in set(truth["meter"])
    (asked,) = operator.rows("mdms leak ls --meter WATER -o json")
    assert asked["state"] == "ACK_NORMAL"
    # Is the east feeder out? No feeder was; one transformer, and those that it feeds.
    outages = operator.rows("mdms outage ls --from FIRST_DAY --to TODAY -o json")
    assert {each["device"] for each in outages} == {"transformer"}
    assert all(each["until"] for each in outages), "the power is back"
    # What is blocking cycle 14? Meter by meter, with a reason; the others are frozen.
    windows = operator.rows("mdms billing status -o json")
    left_out = {row["meter"] for row in windows if row["meter"]}
    blocking = operator.rows("mdms billing blocking CYCLE -o json")
    assert {row["meter"] for row in blocking if not row["local_day"]} == left_out
    assert all(row["reason"] and row["detail"] for row in blocking)
    assert windows[0]["outcome"] == "frozen"


def test_every_line_that_looks_like_a_command_is_one():
    """Those in running text, which no test can follow, name commands that exist."""
    table = (ROOT / "docs" / "reference" / "cli.md").read_text()
    known = [name.split() for name in re.findall(r"(?m)^\| `mdms ([a-z -]+?)` \|", table)]
    pages = [*GUIDES, *(ROOT / "docs" / "admin").glob("*.md"), ROOT / "README.md"]

    for page in pages:
        for said in re.findall(r"(?:^|`|bin/)mdms ([a-z][a-z -]*)", page.read_text(), re.MULTILINE):
            words = said.partition(" -")[0].split()
            assert any(words[: len(name)] == name[: len(words)] for name in known), (
                f"{page.name}: mdms {said}"
            )


def test_the_quick_starts_city_is_one_that_can_be_made():
    """Its options exist; the city itself is the fixture's, a little smaller."""
    text = (ROOT / "docs" / "guide" / "quick-start.md").read_text()
    (options,) = re.findall(r'make demo DEMO="(.*)"', text)

    done = subprocess.run(
        [sys.executable, "-m", "mdms", "demo", "--help"],
        capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip

    assert [
        each for each in options.split() if each.startswith("--") and each not in done.stdout
    ] == []
