"""The rules of Prometheus, judged by Prometheus' own tool; each alert has its page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from mdms.settings import config_dir
from mdms.telemetry import metrics

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"
CONFIG = config_dir() / "prometheus"
FILES = sorted((CONFIG / "rules").glob("*.yml"))
CASES = {file: Path(__file__).with_name(f"{file.stem}_rules.yml") for file in FILES}
RULES = "".join(file.read_text() for file in FILES)
ALERTS = re.findall(r"- alert: (\w+)", RULES)
RUNBOOKS = re.findall(r"runbook: (\S+)", RULES)

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed"
)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@needs_promtool
def test_the_configuration_and_the_rules_it_names_are_valid():
    done = promtool("check", "config", CONFIG / "prometheus.yml")

    assert done.returncode == 0, done.stderr
    assert sum(map(int, re.findall(r"(\d+) rules found", done.stdout))) == len(ALERTS)


@needs_promtool
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_alert_speaks_when_it_must_and_not_before(file):
    done = promtool("test", "rules", CASES[file])

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_speak_and_to_be_silent():
    cases = "".join(file.read_text() for file in CASES.values())

    for alert in ALERTS:
        assert re.search(rf"alertname: {alert}\n.*\n\s+exp_alerts:", cases), alert
        assert re.search(rf"{{alertname: {alert}, eval_time: \w+}}", cases), alert


def test_every_alert_has_a_page_that_the_index_names():
    index = (OPERATIONS / "README.md").read_text()

    assert len(RUNBOOKS) == len(ALERTS)
    for alert, runbook in zip(ALERTS, RUNBOOKS, strict=True):
        page = OPERATIONS.parents[1] / runbook
        assert page.read_text().startswith(f"# {alert}\n"), runbook
        assert f"]({page.name})" in index


def test_every_metric_in_the_rules_exists():
    assert metrics.INGEST_LAG is not None, "importing the module makes every metric"
    families = list(REGISTRY.collect())
    ours = {sample.name for family in families for sample in family.samples}
    # A counter with labels has no sample before it first counts.
    ours |= {f"{family.name}{suffix}" for family in families for suffix in ("", "_total")}

    used = set(re.findall(r"mdms_\w+", RULES))

    assert used <= ours
