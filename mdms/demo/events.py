"""
Compare the events in the database with what really happened to the simulated meters.

Works on files alone, like `mdms.demo.reconcile`: `truth/events.parquet` was written by the city,
`events.parquet` was exported from the database, `registry/` says who hangs on which transformer.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from mdms.domain.events import EventCode

_SAME = pd.Timedelta(seconds=5)
"""A meter's events with one code that lie no further apart are one (headend notes 2.6)."""
_WHAT = ["meter", "code"]


def reconcile_events(directory: Path) -> dict[str, Any]:
    """Return the figures of `report.json` on events and outages for a demo's folder."""
    truth = pd.read_parquet(directory / "truth" / "events.parquet")
    stored = pd.read_parquet(directory / "events.parquet")
    reported = stored[stored["meter"].notna() & (stored["code"] <= EventCode.REPLAY_SEEN)]
    truth = truth.assign(stored=_is_among(truth, "stamp_utc", reported, "at_utc"))
    happened = _is_among(reported, "at_utc", truth, "stamp_utc")
    return {
        "events": {
            "happened": len(truth),
            "sent": int(truth["sent"].sum()),
            "stored": len(reported),
            "lost": int((truth["sent"] & ~truth["stored"]).sum()),
            "invented": int((~happened).sum()),
            "doubled": _doubled(reported),
        },
        "outages": _outages(truth, _transformers(directory / "registry")),
    }


def _is_among(
    events: pd.DataFrame, at: str, others: pd.DataFrame, others_at: str
) -> "pd.Series[bool]":
    """Return for each event whether the others hold the same one."""
    if events.empty or others.empty:  # pandas cannot match keys of which there are none
        return pd.Series(data=False, index=events.index, dtype=bool)
    left = events[[*_WHAT, at]].assign(row=range(len(events))).sort_values(at)
    right = others[[*_WHAT, others_at]].sort_values(others_at).assign(found=True)
    both = pd.merge_asof(
        left, right, left_on=at, right_on=others_at, by=_WHAT, tolerance=_SAME, direction="nearest"
    )
    found = both.sort_values("row")["found"].eq(True)
    return found.set_axis(events.index)


def _doubled(stored: pd.DataFrame) -> int:
    """Count events that follow the same one of the same meter too closely to be another."""
    ordered = stored.sort_values("at_utc")
    since = ordered.groupby([*_WHAT, "cleared"])["at_utc"].diff()
    return int((since <= _SAME).sum())


def _outages(truth: pd.DataFrame, transformers: "pd.Series[str]") -> list[dict[str, Any]]:
    """Return one row for each time that a transformer lost its power."""
    fails = truth[truth["code"] == EventCode.POWER_FAIL]
    restores = truth[truth["code"] == EventCode.RESTORE]
    outages = []
    fails = fails.assign(transformer=fails["meter"].map(transformers))
    for at, name in fails[["at_utc", "transformer"]].drop_duplicates().itertuples(index=False):
        gasps = fails[(fails["at_utc"] == at) & (fails["transformer"] == name)]
        # A restoration tells how many seconds it was dark.
        since = restores["at_utc"] - pd.to_timedelta(restores["value"], unit="s")
        back = restores[(since == at) & restores["meter"].isin(gasps["meter"])]
        outages.append(
            {
                "transformer": name,
                "from": at.isoformat(),
                "to": back["at_utc"].max().isoformat() if len(back) else None,
                "meters": len(gasps),
                "last_gasps": _heard(gasps),
                "restorations": _heard(back),
            }
        )
    return outages


def _heard(events: pd.DataFrame) -> dict[str, int]:
    return {
        "sent": int(events["sent"].sum()),
        "stored": int(events["stored"].sum()),
    }


def _transformers(registry: Path) -> "pd.Series[str]":
    """Return each meter's transformer, by badge."""
    meters = pd.read_csv(registry / "meters.csv")
    points = pd.read_csv(registry / "usage_points.csv")
    premises = pd.read_csv(registry / "premises.csv")
    places = meters.merge(points, on="usage_point_id").merge(premises, on="premise_id")
    names: pd.Series[str] = places.set_index("badge")["transformer_id"]
    return names
