"""The proof finds every kind of fault that it claims to find."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mdms.demo.reconcile import reconcile

KIND = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"
START = pd.Timestamp("2026-11-03T08:00Z")


def at(slot: int) -> pd.Timestamp:
    return START + pd.Timedelta(minutes=15 * slot)


def write(directory: Path, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda f: f) -> None:
    """Eight intervals of 10 Wh; slots 2 and 3 were never heard and are estimated as 12 and 8."""
    key = {"meter": "E1", "reading_type": KIND}
    raw = {"version": 0, "value": 10, "status": "V", "method": "", "flags": 0}
    estimate = {"version": 1, "status": "E", "method": "H1", "flags": 0}
    heard = [i for i in range(8) if i not in (2, 3)]
    truth = pd.DataFrame(
        [key | {"start_utc": at(i), "value": 10, "sent": i in heard} for i in range(8)]
    )
    reads = pd.DataFrame(
        [key | raw | {"start_utc": at(i)} for i in heard]
        + [key | estimate | {"start_utc": at(i), "value": v} for i, v in ((2, 12), (3, 8))]
    )
    registers = pd.DataFrame(
        [key | {"at_utc": at(i), "value": (90 + 10 * i) % 100, "status": "R"} for i in (0, 2, 4, 8)]
    )
    meters = pd.DataFrame(
        [{"badge": "E1", "register_dials": 2, "register_resolution": 1, "multiplier": 1}]
    )
    (directory / "truth").mkdir()
    (directory / "registry").mkdir()
    expected = pd.DataFrame([key | {"from_utc": at(0), "to_utc": at(8)}])
    expected.to_parquet(directory / "truth" / "expected.parquet")
    truth.to_parquet(directory / "truth" / "intervals.parquet")
    change(reads).to_parquet(directory / "readings.parquet")
    registers.to_parquet(directory / "registers.parquet")
    meters.to_csv(directory / "registry" / "meters.csv", index=False)


def test_a_whole_line_shows_no_fault(tmp_path):
    write(tmp_path)

    report = reconcile(tmp_path)

    assert {name: report[name] for name in ("happened", "sent", "stored")} == {
        "happened": 8, "sent": 6, "stored": 6,
    }  # fmt: skip
    assert (report["lost"], report["doubled"], report["wrong"], report["invented"]) == (0, 0, 0, 0)
    assert report["estimated_brackets"] == {"checked": 1, "inexact": 0, "marked": 0}
    assert report["energy_residual_wh"] == 0
    assert report["quality"]["electric"]["statuses"] == {"V": 6, "E": 2}


@pytest.mark.parametrize(
    ("change", "fault", "count"),
    [
        (lambda f: f[f["start_utc"] != at(5)], "lost", 1),
        (lambda f: pd.concat([f, f[f["start_utc"] == at(5)]]), "doubled", 1),
        (lambda f: f.assign(value=f["value"].where(f["start_utc"] != at(5), 11)), "wrong", 1),
        (lambda f: f.assign(value=f["value"].where(f["start_utc"] != at(2), 13)),
         "energy_residual_wh", 1),
        (lambda f: pd.concat([f, f[f["start_utc"] == at(5)].assign(start_utc=at(50))]),
         "invented", 1),
    ],
)  # fmt: skip
def test_each_fault_is_counted(tmp_path, change, fault, count):
    write(tmp_path, change)

    assert reconcile(tmp_path)[fault] == count
