"""A day in a few large numbers, each plain or a warning: the same on every board."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.domain.collectors import Condition

Board = Mapping[str, Any]
"""What `GET /v1/board` answers."""

GOAL_RAW: Final = 0.995
"""Of a day's intervals, received by 06:00 (vee.md 9.1)."""
GOAL_SETTLED: Final = 0.999
"""After 72 hours."""
GOAL_ESTIMATED: Final = 0.001
"""Estimated at most, after 72 hours."""
VEE_BY: Final = time(6)
"""Local time by which a day has been judged."""
_BACKLOG: Final = timedelta(minutes=30)
"""An older newest batch means that nothing comes any more."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One large number."""

    name: str
    value: str
    is_warning: bool


def figures(board: Board) -> list[Figure]:
    """Return the day's figures, those of last night first."""
    raw, settled = _ratios(board, "raw"), _ratios(board, "settled")
    late = _ratios(board, "settled", "estimated_ratio")
    waiting = sum(row["waiting"] for row in board["exceptions"])
    silent = sum(row["silent"] for row in board["silent"])
    unknown = sum(row["commands"] for row in board["unknown"])
    new, leaks = (sum(row[name] for row in board["leaks_open"]) for name in ("new", "open"))
    dark = sum(row["customers"] for row in board["outages"] if row["ended_at"] is None)
    due = sum(row["state"] == "due" for row in board["cycles"])
    gas = any(row["commodity"] == "gas" for row in board["leaks_open"])
    return [
        Figure("Read by 06:00", percent(min(raw, default=None)), min(raw, default=0) < GOAL_RAW),
        Figure(
            "Read after 72 h",
            percent(min(settled, default=None)),
            min(settled, default=1) < GOAL_SETTLED,
        ),
        Figure(
            "Estimated, 72 h",
            percent(max(late, default=None)),
            max(late, default=0) > GOAL_ESTIMATED,
        ),
        _validated(board),
        Figure("Waiting for people", f"{waiting:,}", waiting > 0),
        Figure("Silent meters", f"{silent:,}", silent > 0),
        _backlog(board),
        Figure("Open leaks", f"{leaks:,} ({new:,} new)" if new else f"{leaks:,}", gas or new > 0),
        Figure("Without power", f"{dark:,}", dark > 0),
        Figure("Commands unknown", f"{unknown:,}", unknown > 0),
        Figure("Cycles due", f"{due:,}", due > 0),
    ]


def of_day(board: Board, mark: str) -> list[Mapping[str, Any]]:
    """Return the levels of the board's own day at a mark."""
    return [
        level
        for level in board["levels"]
        if level["mark"] == mark and level["local_day"] == board["day"]
    ]


def newest(board: Board, mark: str) -> list[Mapping[str, Any]]:
    """Return the newest level of each service at a mark, by service."""
    found = {
        level["commodity"]: level
        for level in sorted(board["levels"], key=lambda level: str(level["local_day"]))
        if level["mark"] == mark
    }
    return [found[name] for name in sorted(found)]


def finished(board: Board) -> datetime | None:
    """Return when the night that judged the day was done, in the utility's zone."""
    done = next((night["finished_at"] for night in board["nights"]), None)
    return None if done is None else moment(board, done)


def is_late(board: Board) -> bool:
    """Return whether VEE was done after 06:00 of the next day, or is not done by then."""
    zone = ZoneInfo(board["zone"])
    morning = date.fromisoformat(board["day"]) + timedelta(days=1)
    due = datetime.combine(morning, VEE_BY, zone).astimezone(UTC)
    return (finished(board) or moment(board, board["now"])).astimezone(UTC) > due


def moment(board: Board, at: str) -> datetime:
    """Return an instant in the utility's zone."""
    return datetime.fromisoformat(at).astimezone(ZoneInfo(board["zone"]))


def percent(ratio: float | None) -> str:
    """Return a share as people read it."""
    return "unknown" if ratio is None else f"{100 * ratio:.2f} %"


def age(board: Board, at: str | None) -> str:
    """Return how long ago something was by the board's clock, in one unit."""
    if at is None:
        return "never"
    seconds = (datetime.fromisoformat(board["now"]) - datetime.fromisoformat(at)).total_seconds()
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def collector_state(row: Mapping[str, Any]) -> str:
    """Return how a collector is, and why it is away."""
    match row["condition"]:
        case Condition.OFFLINE:
            return f"away: {row['reason']}"
        case Condition.UNHEARD:
            return "never said"
        case known:
            return str(known)


def _ratios(board: Board, mark: str, name: str = "received_ratio") -> list[float]:
    levels = of_day(board, mark) if mark == "raw" else newest(board, mark)
    return [level[name] for level in levels if level[name] is not None]


def _validated(board: Board) -> Figure:
    done = finished(board)
    return Figure("VEE done, by 06:00", f"{done:%H:%M}" if done else "not yet", is_late(board))


def _backlog(board: Board) -> Figure:
    (backlog,) = board["backlog"]
    newest_at = backlog["newest_batch_at"]
    is_still = newest_at is None or (
        datetime.fromisoformat(board["now"]) - datetime.fromisoformat(newest_at) > _BACKLOG
    )
    missing = backlog["batches_missing"]
    return Figure("Batches missing", f"{missing:,}", missing > 0 or is_still)
