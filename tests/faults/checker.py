"""
Compare what happened with what is stored: files only, and nothing of the programs under test.

`check` reads a demo's folder: `truth/` was written by the simulated city, the other files were
exported from the database.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mdms.domain.readings import FLAG_EST_CLAMPED, FLAG_EST_COARSE
from simulators.fleet import SETTLE_S

_ON_BOUNDARY_S = 60
_MARKED = FLAG_EST_CLAMPED | FLAG_EST_COARSE
"""Estimates that say of themselves that they do not add up."""
_POSITIONS_OF = {"disconnect": {"open"}, "reconnect": {"closed"}, "arm": {"armed", "closed"}}
"""Where an action may leave a switch; somebody presses the button of an armed one."""
_PRESSED = ("armed", "closed")
_ENDED = {
    "POLICY_DENIED", "VERIFIED", "FAILED", "EXPIRED", "CANCELLED", "UNKNOWN", "RECONCILED",
}  # fmt: skip
_WAITS_MAX = {True: pd.Timedelta(hours=3), False: pd.Timedelta(hours=12)}
"""
The longest that a command waits for anything, by whether its meter has mains: three transmit
periods, after which a radio that was switched off counts as silent.
"""
_KEYS = {
    "intervals": ["meter", "reading_type", "start_utc"],
    "registers": ["meter", "reading_type", "at_utc"],
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong: nothing, or the run failed."""

    sent: int
    stored: int
    missing: int
    """Acknowledged and not stored."""
    wrong: int
    """Stored with another value than happened."""
    invented: int
    """Stored and never happened."""
    doubled: int
    inexact: int
    """Stretches between two registers whose intervals do not add up."""
    mismoved: int
    """Movements of switches that nobody commanded, or commands verified without one."""
    unfinished: int
    """Commands without an outcome."""

    @property
    def faults(self) -> dict[str, int]:
        """What is not 0 and should be."""
        names = ("missing", "wrong", "invented", "doubled", "inexact", "mismoved", "unfinished")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def check(directory: Path) -> Verdict:
    """Judge a finished run by its files."""
    counts = dict.fromkeys(("sent", "stored", "missing", "wrong", "invented", "doubled"), 0)
    versions = pd.read_parquet(directory / "readings.parquet")
    registers = pd.read_parquet(directory / "registers.parquet")
    meters = pd.read_csv(directory / "registry" / "meters.csv", parse_dates=["installed_at"])
    installed_at = meters.groupby("badge")["installed_at"].min()
    for kind, stored, copies in (
        ("intervals", versions[versions["version"] == 0], [*_KEYS["intervals"], "version"]),
        ("registers", registers[registers["status"] != "S"], _KEYS["registers"]),
    ):
        truth = pd.read_parquet(directory / "truth" / f"{kind}.parquet")
        both = truth.merge(
            stored[[*_KEYS[kind], "value"]],
            on=_KEYS[kind], how="outer", suffixes=("", "_stored"), indicator=True,
        )  # fmt: skip
        # A slow clock may stamp the first reads before the meter was there: they are nobody's.
        at_home = both[_KEYS[kind][-1]] >= both["meter"].map(installed_at)
        sent = both["sent"].eq(True) & at_home
        counts["sent"] += int(truth["sent"].sum())
        counts["stored"] += len(stored)
        counts["missing"] += int((sent & (both["_merge"] == "left_only")).sum())
        counts["invented"] += int((both["_merge"] == "right_only").sum())
        differs = both["value"] != both["value_stored"]
        counts["wrong"] += int((differs & (both["_merge"] == "both")).sum())
        every = versions if kind == "intervals" else registers
        counts["doubled"] += int(every.duplicated(copies).sum())
    return Verdict(
        **counts,
        inexact=_inexact(directory, versions, registers),
        mismoved=mismoved(directory),
        unfinished=unfinished(directory),
    )


def mismoved(directory: Path) -> int:
    """
    Count what is untrue about switches, command by command.

    A switch moves for a command that was sent, the way it says and once, or because somebody
    pressed the button of an armed one, whatever the meter was told last; a verified command moved
    it, or found it standing as commanded.
    """
    moves = pd.read_parquet(directory / "truth" / "switches.parquet")
    controls = pd.read_parquet(directory / "controls.parquet")
    told = moves.merge(
        controls[controls["sent_at"].notna()],
        left_on=["meter", "command_id"], right_on=["meter", "control_id"], how="left",
    )  # fmt: skip
    before = told.groupby("meter")["position"].shift()
    uncommanded = sum(
        position not in _POSITIONS_OF.get(action, ()) and (was, position) != _PRESSED
        for action, was, position in zip(told["action"], before, told["position"], strict=True)
    )
    repeated = int(moves.duplicated(["command_id", "position"]).sum())
    verified = controls[(controls["state"] == "VERIFIED") & controls["action"].isin(_POSITIONS_OF)]
    untrue = sum(
        not _is_true(moves[moves["meter"] == control.meter], control)
        for control in verified.itertuples()
    )
    return uncommanded + repeated + untrue


def _is_true(moves: pd.DataFrame, control: Any) -> bool:
    """Tell whether a command moved its switch, or its meter found it standing as commanded."""
    if (moves["command_id"] == control.control_id).any():
        return True
    before = moves.loc[moves["at_utc"] <= control.answered_at, "position"]
    return (before.iloc[-1] if len(before) else "closed") in _POSITIONS_OF[control.action]


def unfinished(directory: Path) -> int:
    """
    Count commands without an outcome that should have one.

    A run may end while a command waits, but not past the time for which that was to wait, nor
    while it waits for longer than anything takes.
    """
    controls = json.loads((directory / "report.json").read_text())["controls"]
    waits = [each for each in controls if each["state"] not in _ENDED]
    over_at = _over_at(directory)
    return sum(not _may_wait(each, over_at) for each in waits)


def _may_wait(control: dict[str, Any], over_at: pd.Timestamp) -> bool:
    if control["due_at"] is None:
        return False
    rest = pd.Timestamp(control["due_at"]) - over_at
    return pd.Timedelta(0) < rest <= _WAITS_MAX[control["meter"].startswith("E")]


def _over_at(directory: Path) -> pd.Timestamp:
    """Return when time stopped: a storm is followed by hours in which all that is late comes."""
    lines = (directory / "journal.jsonl").read_text().splitlines()
    arguments, *steps = map(json.loads, lines)
    last_s = max(step["at"] for step in steps if "at" in step)
    settled_s = SETTLE_S if arguments["arguments"]["faults"] == "storm" else 0
    return pd.Timestamp(last_s + settled_s, unit="s", tz="UTC")


def _inexact(directory: Path, versions: pd.DataFrame, registers: pd.DataFrame) -> int:
    """Count complete stretches between two registers that do not add up to their difference."""
    meters = pd.read_csv(directory / "registry" / "meters.csv").set_index("badge").to_dict("index")
    newest = versions.sort_values("version").drop_duplicates(_KEYS["intervals"], keep="last")
    read = dict(iter(registers[registers["status"] != "S"].groupby(["meter", "reading_type"])))
    steps_s = _steps_s(pd.read_parquet(directory / "truth" / "intervals.parquet"))
    inexact = 0
    for (badge, kind), channel in newest.groupby(["meter", "reading_type"]):
        if (badge, kind) not in read:
            continue
        meter, step_s = meters[str(badge)], steps_s[str(kind)]
        modulus = 10 ** int(meter["register_dials"]) * int(meter["register_resolution"])
        start_s = _seconds(channel["start_utc"])
        order = np.argsort(start_s)
        start_s, value = start_s[order], channel["value"].to_numpy(np.int64)[order]
        marked = (channel["flags"].to_numpy(np.int64)[order] & _MARKED) != 0
        at_s = _seconds(read[badge, kind]["at_utc"])
        register = read[badge, kind]["value"].to_numpy(np.int64)
        edge_s = (at_s + step_s // 2) // step_s * step_s
        near = np.abs(at_s - edge_s) <= _ON_BOUNDARY_S
        edge_s, first = np.unique(edge_s[near], return_index=True)
        register = register[near][first]
        rows = np.searchsorted(start_s, edge_s)
        total = np.concatenate([[0], np.cumsum(value)])[rows]
        whole = np.diff(rows) == np.diff(edge_s) // step_s
        free = np.diff(np.concatenate([[0], np.cumsum(marked)])[rows]) > 0
        usage = np.diff(register) % modulus * int(meter["multiplier"])
        inexact += int((whole & ~free & (np.diff(total) != usage)).sum())
    return inexact


def _steps_s(truth: pd.DataFrame) -> dict[str, int]:
    """Return how long an interval of each reading type is."""
    return {
        str(kind): int(np.diff(np.unique(_seconds(rows["start_utc"]))).min())
        for kind, rows in truth.groupby("reading_type")
    }


def _seconds(column: pd.Series) -> np.ndarray:
    return column.astype("datetime64[s, UTC]").astype("int64").to_numpy()
