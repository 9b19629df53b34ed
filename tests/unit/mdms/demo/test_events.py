"""The proof finds every kind of fault of events, and tells an outage from files alone."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mdms.demo.events import reconcile_events
from mdms.domain.events import EventCode
from mdms.services.events import EVENT_SCHEMA
from simulators.ledger import EVENTS

DARK, LIGHT = pd.Timestamp("2026-11-05T22:05Z"), pd.Timestamp("2026-11-05T22:52Z")
TAMPER = {"meter": "E3", "code": EventCode.TAMPER, "at_utc": LIGHT, "value": 0}


def truth(ahead_s: int = 0) -> pd.DataFrame:
    """E1 and E2 hang on TX1, E3 on TX2; E2's last gasp was not heard, and E3 is opened."""
    fails = {"code": EventCode.POWER_FAIL, "at_utc": DARK, "value": 0}
    back = {"code": EventCode.RESTORE, "at_utc": LIGHT, "value": 47 * 60, "sent": True}
    frame = pd.DataFrame(
        [
            {"meter": "E1", "sent": True} | fails,
            {"meter": "E2", "sent": False} | fails,
            {"meter": "E1"} | back,
            {"meter": "E2"} | back,
            {"sent": True} | TAMPER,
        ]
    )
    return frame.assign(sub=0, stamp_utc=frame["at_utc"] + pd.Timedelta(seconds=ahead_s))


def write(
    directory: Path,
    happened: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda f: f,
) -> None:
    """Store what was sent as the meters' clocks stamped it, and a collector's own event."""
    heard = happened[happened["sent"]]
    stored = heard.assign(at_utc=heard["stamp_utc"], cleared=False).drop(
        columns=["stamp_utc", "sent"]
    )
    own = {"meter": None, "at_utc": DARK, "code": EventCode.COLLECTOR_RESET, "cleared": False}
    (directory / "truth").mkdir()
    (directory / "registry").mkdir()
    happened.to_parquet(directory / "truth" / "events.parquet")
    pd.concat([change(stored), pd.DataFrame([own])]).to_parquet(directory / "events.parquet")
    badges, on = ["E1", "E2", "E3"], ["TX1", "TX1", "TX2"]
    registry = directory / "registry"
    pd.DataFrame({"badge": badges, "usage_point_id": badges}).to_csv(registry / "meters.csv")
    pd.DataFrame({"usage_point_id": badges, "premise_id": badges}).to_csv(
        registry / "usage_points.csv"
    )
    pd.DataFrame({"premise_id": badges, "transformer_id": on}).to_csv(registry / "premises.csv")


@pytest.mark.parametrize("ahead_s", [0, 240, -3600])
def test_an_outage_is_told_with_who_was_heard_of_those_without_power(tmp_path, ahead_s):
    write(tmp_path, truth(ahead_s))

    report = reconcile_events(tmp_path)

    assert report["events"] == {
        "happened": 5, "sent": 4, "stored": 4, "lost": 0, "invented": 0, "doubled": 0,
    }  # fmt: skip
    assert report["outages"] == [
        {
            "transformer": "TX1",
            "from": DARK.isoformat(),
            "to": LIGHT.isoformat(),
            "meters": 2,
            "last_gasps": {"sent": 1, "stored": 1},
            "restorations": {"sent": 2, "stored": 2},
        }
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: f[f["code"] != EventCode.POWER_FAIL], "lost"),
        (lambda f: pd.concat([f, pd.DataFrame([TAMPER | {"cleared": False}])]), "doubled"),
        (lambda f: pd.concat([f, f[:1].assign(meter="E9")]), "invented"),
    ],
)
def test_each_fault_of_events_is_counted(tmp_path, change, fault):
    write(tmp_path, truth(), change)

    report = reconcile_events(tmp_path)["events"]

    assert {name: report[name] for name in ("lost", "doubled", "invented")} == {
        "lost": 0, "doubled": 0, "invented": 0,
    } | {fault: 1}  # fmt: skip


def test_a_last_gasp_that_was_sent_and_is_not_stored_shows_in_its_outage(tmp_path):
    write(tmp_path, truth(), lambda f: f[f["code"] != EventCode.POWER_FAIL])

    (outage,) = reconcile_events(tmp_path)["outages"]

    assert outage["last_gasps"] == {"sent": 1, "stored": 0}


def test_where_nothing_happened_there_is_nothing_to_report(tmp_path):
    write(tmp_path, truth())
    pq.write_table(EVENTS.empty_table(), tmp_path / "truth" / "events.parquet")
    pq.write_table(EVENT_SCHEMA.empty_table(), tmp_path / "events.parquet")

    report = reconcile_events(tmp_path)

    assert set(report["events"].values()) == {0}
    assert report["outages"] == []
