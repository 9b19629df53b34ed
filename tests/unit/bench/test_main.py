"""What `python -m tests.bench` leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import (
    api,
    billing,
    billing_scale,
    command,
    files,
    ingest_backlog,
    ingest_memory,
    ingest_scale,
    ingest_store,
    ingest_timescale,
    panels,
    vee,
    vee_city,
    vee_gaps,
)

ROOT = Path(__file__).parents[3]
COLUMNS = {"name", "value", "unit", "against", "ratio", "goal", "rounds", "spread"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_run_writes_a_list_of_rows(tmp_path: Path) -> None:
    out = tmp_path / "new" / "bench.json"

    ended = run("--only", "billing", "--rounds", "1", "--out", str(out))

    assert ended.returncode == 0, ended.stderr
    rows = json.loads(out.read_text())
    assert all(set(row) == COLUMNS for row in rows)
    assert {row["name"] for row in rows} == set(billing.UNITS)
    assert all(row["value"] > 0 and row["rounds"] == 1 for row in rows)
    compared = [row for row in rows if row["against"]]
    assert compared
    assert {row["against"] for row in compared} <= {row["name"] for row in rows}
    assert all(row["name"] in ended.stdout for row in rows)


@pytest.mark.slow
def test_an_unknown_area_is_refused():
    ended = run("--only", "billing,weather")

    assert ended.returncode == 2
    assert "no such area: weather" in ended.stderr


def test_every_row_is_in_the_reference():
    page = (ROOT / "docs" / "reference" / "bench.md").read_text()
    named = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}

    measured = {
        *ingest_memory.UNITS,
        *ingest_store.UNITS,
        *ingest_backlog.UNITS,
        *ingest_scale.UNITS,
        *ingest_timescale.UNITS,
        *vee.UNITS,
        *vee_city.UNITS,
        *vee_gaps.UNITS,
        *billing.UNITS,
        *billing_scale.UNITS,
        *files.UNITS,
        *command.UNITS,
        *panels.UNITS,
        *api.UNITS,
    }

    assert named == measured
