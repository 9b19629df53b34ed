"""
Compare the leaks in the database with those that really ran.

Works on files alone, like `mdms.demo.reconcile`: `truth/leaks.parquet` was written by the city,
`leaks.json` was asked from the daemon.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

_DUE = pd.Timedelta(hours=73)
"""A leak that ran for so long was looked at by a night after 49 hours of it."""
_GUARD = pd.Timedelta(days=7)
_NEVER = pd.Timestamp("2200-01-01T00:00Z")


def reconcile_leaks(directory: Path) -> dict[str, Any]:
    """
    Return the figures of `report.json` on leaks for a demo's folder, by kind.

    `due` ran for three days (a burst: at all) at a meter that had been in place for a week, for
    nothing is raised before; `suspected` and `confirmed` are those that were. Delays are medians,
    from the true onset or from the end of that week. `false_suspected` and `false_confirmed` are
    cases of water at meters where nothing leaked then.
    """
    truth = pd.read_parquet(directory / "truth" / "leaks.parquet")
    meters = pd.read_csv(directory / "registry" / "meters.csv", index_col="badge")
    installed = truth["meter"].map(pd.to_datetime(meters["installed_at"], utc=True))
    truth["from_utc"] = truth["from_utc"].where(
        truth["from_utc"] >= installed + _GUARD, installed + _GUARD
    )
    cases = _cases(directory / "leaks.json")
    both = truth.reset_index(names="leak").merge(cases, on="meter")
    both = both[(both["began_at"] < both["to_utc"]) & (both["ended_at"] > both["from_utc"])]
    first = both.groupby("leak")[["raised_at", "confirmed_at"]].min()
    told = truth.join(first)
    false = cases[~cases["case"].isin(both["case"])]
    return {
        "kinds": {str(kind): _figures(rows) for kind, rows in told.groupby("kind")},
        "false_suspected": int(false["confirmed_at"].isna().sum()),
        "false_confirmed": int(false["confirmed_at"].notna().sum()),
    }


def _figures(leaks: pd.DataFrame) -> dict[str, Any]:
    due = leaks[_ran_long(leaks)]
    figures: dict[str, Any] = {"happened": len(leaks), "due": len(due)}
    for name, column in (("suspected", "raised_at"), ("confirmed", "confirmed_at")):
        delay_h = (due[column] - due["from_utc"]).dropna().dt.total_seconds() / 3600
        figures[name] = len(delay_h)
        median_h = round(max(float(delay_h.median()), 0.0), 1) if len(delay_h) else None
        figures[f"{name}_delay_h"] = median_h
    return figures


def _ran_long(leaks: pd.DataFrame) -> "pd.Series[bool]":
    ran = leaks["to_utc"] - leaks["from_utc"]
    return (ran >= _DUE) | ((leaks["kind"] == "burst") & (ran > pd.Timedelta(0)))


def _cases(path: Path) -> pd.DataFrame:
    """Return cases of water; one that goes on ends never."""
    listed = [case for case in json.loads(path.read_text()) if case["unit"] == "gal"]
    columns = ["leak", "meter", "began_at", "raised_at", "confirmed_at", "ended_at"]
    cases = pd.DataFrame(listed, columns=columns).rename(columns={"leak": "case"})
    for name in columns[2:]:
        cases[name] = pd.to_datetime(cases[name], utc=True)
    cases["ended_at"] = cases["ended_at"].fillna(_NEVER)
    return cases
