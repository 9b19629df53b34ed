"""
Compare what the database holds with what the simulated city knows to have happened.

Works on files alone (`truth/`, `readings.parquet`, `registers.parquet`, `registry/`), never on
what the pipeline believes it did; anyone can run the same comparison with their own program.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import FLAG_EST_CLAMPED, FLAG_EST_COARSE
from mdms.domain.registry import Commodity

_KEY = ["meter", "reading_type", "start_utc"]
_ESTIMATED = ["E", "F"]
_ALIGNED_S = 60
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Brackets:
    """Stretches between two register reads that hold an estimate, and how they add up."""

    checked: int
    inexact: int
    marked: int
    """Coarse or clamped, and saying so: not required to be exact."""


def reconcile(directory: Path) -> dict[str, Any]:
    """Return the figures of `report.json` for a demo's folder; every count of faults is 0."""
    truth = pd.read_parquet(directory / "truth" / "intervals.parquet")
    stored = pd.read_parquet(directory / "readings.parquet")
    registers = pd.read_parquet(directory / "registers.parquet")
    received = stored[stored["version"] == 0]
    current = stored.sort_values([*_KEY, "version"]).drop_duplicates(_KEY, keep="last")
    brackets = check_brackets(current, registers, _meters(directory))
    return {
        **_received(truth, received),
        "doubled": int(stored.duplicated([*_KEY, "version"]).sum()),
        "versions": len(stored),
        "quality": _quality(_expected(truth, directory), current),
        "estimated_brackets": {
            "checked": brackets.checked,
            "inexact": brackets.inexact,
            "marked": brackets.marked,
        },
        "energy_residual_wh": energy_residual_wh(truth, current, registers),
    }


def _received(truth: pd.DataFrame, received: pd.DataFrame) -> dict[str, int]:
    both = truth.merge(received[[*_KEY, "value"]], on=_KEY, how="outer", suffixes=("", "_stored"))
    happened, stored = both["value"].notna(), both["value_stored"].notna()
    sent = both["sent"].eq(True)
    return {
        "happened": len(truth),
        "sent": int(truth["sent"].sum()),
        "stored": len(received),
        "lost": int((sent & ~stored).sum()),
        "wrong": int((happened & stored & (both["value"] != both["value_stored"])).sum()),
        "invented": int((stored & ~happened).sum()),
    }


def _expected(truth: pd.DataFrame, directory: Path) -> pd.DataFrame:
    """Return the intervals that lie wholly where a meter was installed and its radio on."""
    expected = pd.read_parquet(directory / "truth" / "expected.parquet")
    both = truth.merge(expected, on=["meter", "reading_type"])
    length_s = both["reading_type"].map({n: kind.interval_s for n, kind in READING_TYPES.items()})
    end_utc = both["start_utc"] + pd.to_timedelta(length_s, unit="s")
    within = (both["start_utc"] >= both["from_utc"]) & (end_utc <= both["to_utc"])
    return both.loc[within, list(truth.columns)]


def _quality(truth: pd.DataFrame, current: pd.DataFrame) -> dict[str, dict[str, Any]]:
    both = truth.merge(current, on=_KEY, how="left", suffixes=("", "_stored"))
    both["commodity"] = both["reading_type"].map(
        {name: kind.commodity.value for name, kind in READING_TYPES.items()}
    )
    return {
        str(commodity): {
            "intervals": len(rows),
            "statuses": rows["status"].fillna("M").value_counts().to_dict(),
            "methods": rows.loc[rows["method"].fillna("") != "", "method"].value_counts().to_dict(),
        }
        for commodity, rows in both.groupby("commodity")
    }


def _meters(directory: Path) -> dict[str, tuple[int, int]]:
    meters = pd.read_csv(directory / "registry" / "meters.csv")
    modulus = 10 ** meters["register_dials"].astype("int64") * meters["register_resolution"]
    return dict(
        zip(
            meters["badge"],
            zip(modulus.astype(int), meters["multiplier"].astype(int), strict=True),
            strict=True,
        )
    )


def check_brackets(
    current: pd.DataFrame, registers: pd.DataFrame, meters: dict[str, tuple[int, int]]
) -> Brackets:
    """
    Check that every estimate keeps the total between its two register reads.

    Args:
        current: Highest versions: meter, reading_type, start_utc, value, status, flags.
        registers: meter, reading_type, at_utc, value, status.
        meters: Register modulus and multiplier by badge.
    """
    checked = inexact = marked = 0
    estimated = current.loc[current["status"].isin(_ESTIMATED), ["meter", "reading_type"]]
    concerned = set(estimated.itertuples(index=False, name=None))
    by_channel = dict(iter(registers.groupby(["meter", "reading_type"])))
    for key, reads in current.groupby(["meter", "reading_type"]):
        if key not in concerned or key not in by_channel:
            continue
        kind = READING_TYPES[str(key[1])]
        modulus, multiplier = meters[str(key[0])]
        for residual, free in _residuals(
            reads, by_channel[key], kind.interval_s, modulus, multiplier
        ):
            checked += 1
            marked += free
            inexact += residual != 0 and not free
    return Brackets(checked, inexact, marked)


def energy_residual_wh(truth: pd.DataFrame, current: pd.DataFrame, registers: pd.DataFrame) -> int:
    """
    Return by how much stored and real electric energy differ, summed over channels [Wh].

    Estimates are wrong interval by interval but right in sum, so each channel is compared as a
    whole: from its first to its last register read, as far as nothing is missing there.
    """
    electric = [
        name for name, kind in READING_TYPES.items() if kind.commodity is Commodity.ELECTRIC
    ]
    channel = ["meter", "reading_type"]
    both = truth.merge(current, on=_KEY, how="left", suffixes=("", "_stored"))
    both = both[both["reading_type"].isin(electric)]
    heard = registers.groupby(channel)["at_utc"].agg(["min", "max"]).reset_index()
    both = both.merge(heard, on=channel)
    slack = pd.Timedelta(seconds=_ALIGNED_S)
    both = both[
        (both["start_utc"] >= both["min"] - slack) & (both["start_utc"] < both["max"] - slack)
    ]
    totals = both.groupby(channel)[["value", "value_stored"]].sum(min_count=1)
    whole = both["value_stored"].notna().groupby([both[name] for name in channel]).all()
    difference = (totals["value_stored"] - totals["value"]).abs()
    return int(difference[whole].sum())


def _residuals(
    reads: pd.DataFrame, registers: pd.DataFrame, interval_s: int, modulus: int, multiplier: int
) -> Iterator[tuple[int, bool]]:
    """Yield, for each complete bracket with an estimate, its residual and whether it is marked."""
    start_s = _epoch_s(reads["start_utc"])
    order = np.argsort(start_s)
    start_s = start_s[order]
    value = reads["value"].to_numpy(np.int64)[order]
    estimated = reads["status"].isin(_ESTIMATED).to_numpy()[order]
    flags = reads["flags"].to_numpy(np.int64)[order]
    marked = (flags & (FLAG_EST_CLAMPED | FLAG_EST_COARSE)) != 0

    at_s = _epoch_s(registers["at_utc"])
    boundary_s = (at_s + interval_s // 2) // interval_s * interval_s
    usable = (np.abs(at_s - boundary_s) <= _ALIGNED_S) & (registers["status"] != "S").to_numpy()
    boundary_s, first = np.unique(boundary_s[usable], return_index=True)
    register = registers["value"].to_numpy(np.int64)[usable][first]

    edges = np.searchsorted(start_s, boundary_s)
    for i in range(len(boundary_s) - 1):
        rows = slice(edges[i], edges[i + 1])
        expected = (boundary_s[i + 1] - boundary_s[i]) // interval_s
        if estimated[rows].any() and edges[i + 1] - edges[i] == expected:
            usage = (register[i + 1] - register[i]) % modulus * multiplier
            yield int(value[rows].sum() - usage), bool(marked[rows].any())


def _epoch_s(column: "pd.Series[Any]") -> Int64:
    return np.asarray(column.astype("datetime64[s, UTC]").astype("int64"), np.int64)
