"""What *Commands and safety*, *Water and gas* and *Platform* must show."""

from collections import Counter, defaultdict
from datetime import datetime
from statistics import median
from typing import Any

import pytest

from tests.integration.operations.snapshot import (
    Figures,
    Row,
    Snapshot,
    at_midnight,
    commodities,
    in_range,
)


def unknown(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT state, requested_at FROM control")
    return [(sum(state == "UNKNOWN" and in_range(at, to) for state, at in rows),)]


def opted_out(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT from_at, ended_at FROM optout")
    return [(sum(at <= to and (ended is None or ended > to) for at, ended in rows),)]


def refusals(snapshot: Snapshot, to: datetime) -> list[Row]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for action, listed, at in snapshot.tables(
        "SELECT action, refusals, requested_at FROM control WHERE state = 'POLICY_DENIED'"
    ):
        for each in listed if in_range(at, to) else ():
            counts[each["code"], each["clause"], action] += 1
    rows = [(*key, count, count) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (-row[3], row[0], row[2]))


def outcomes(snapshot: Snapshot, to: datetime) -> list[Row]:
    groups: dict[tuple[str, str, str], list[float | None]] = defaultdict(list)
    for *key, requested, verified in snapshot.tables(
        "SELECT action, cause, state, requested_at, verified_at FROM control"
    ):
        if in_range(requested, to):
            took = (verified - requested).total_seconds() if verified else None
            groups[key[0], key[1], key[2]].append(took)
    rows = []
    for group, took in sorted(groups.items()):
        known = [each for each in took if each is not None]
        half = pytest.approx(median(known)) if known else None
        rows.append((*group, len(took), half, max(known, default=None)))
    return rows


def leaks(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = (
        "channel_id", "kind", "state", "severity", "rate", "rate_error", "lost", "unit", "began_at",
        "raised_at", "confirmed_at", "ended_at",
    )  # fmt: skip
    commodity = commodities(snapshot)
    return [
        {**dict(zip(names, row, strict=True)), "commodity": commodity[row[0]]}
        for row in snapshot.tables(f"SELECT {', '.join(names)} FROM leak_case")
    ]


def running(snapshot: Snapshot, commodity: str) -> list[dict[str, Any]]:
    return [
        each
        for each in leaks(snapshot)
        if each["ended_at"] is None and each["commodity"] == commodity
    ]


def gas(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(len(running(snapshot, "gas")),)]


def confirmed(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(each["confirmed_at"] is not None for each in running(snapshot, "water")),)]


def possible(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(each["confirmed_at"] is None for each in running(snapshot, "water")),)]


def rate(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(pytest.approx(sum(each["rate"] for each in running(snapshot, "water"))),)]


def lost(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(pytest.approx(sum(each["lost"] for each in running(snapshot, "water"))),)]


def open_leaks(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = [each for each in leaks(snapshot) if each["ended_at"] is None]
    rows.sort(key=lambda each: (-each["severity"], -each["lost"], each["channel_id"]))
    names = (
        "channel_id", "commodity", "kind", "state", "severity", "rate", "rate_error", "lost",
        "unit", "began_at", "confirmed_at",
    )  # fmt: skip
    return [tuple(each[name] for name in names) for each in rows]


def raised(snapshot: Snapshot, to: datetime) -> list[Row]:
    counts = Counter(
        (at_midnight(each["raised_at"]), each["commodity"])
        for each in leaks(snapshot)
        if in_range(each["raised_at"], to)
    )
    return [(*key, count) for key, count in sorted(counts.items())]


def by_severity(snapshot: Snapshot, to: datetime) -> list[Row]:
    groups: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for each in leaks(snapshot):
        if each["ended_at"] is None:
            groups[each["commodity"], -each["severity"], each["unit"]].append(each["lost"])
    return [
        (commodity, -severity, len(amounts), pytest.approx(sum(amounts)), unit)
        for (commodity, severity, unit), amounts in sorted(groups.items())
    ]


def night_flow(snapshot: Snapshot, to: datetime) -> list[Row]:
    return sorted(
        (at_midnight(day), f"{commodity} [{unit}]", flow)
        for day, commodity, unit, flow in snapshot.tables(
            "SELECT local_day, commodity, unit, flow FROM night_flow"
        )
        if in_range(at_midnight(day), to)
    )


def database_size(snapshot: Snapshot, to: datetime) -> list[Row]:
    ((size,),) = snapshot.tables("SELECT pg_database_size(current_database())")
    return [(pytest.approx(size, rel=0.1),)]


COMMANDS: Figures = {
    "Unknown (stat)": (["unknown_commands"], unknown),
    "Opted-out services (stat)": (["opted_out"], opted_out),
    "Refusals by rule (table)": (["code", "clause", "action", "findings", "commands"], refusals),
    "Outcomes (table)": (
        ["action", "cause", "state", "commands", "half_s", "slowest_s"], outcomes
    ),
}  # fmt: skip

LEAKS: Figures = {
    "Gas: safety checks (stat)": (["leaks"], gas),
    "Water: confirmed (stat)": (["leaks"], confirmed),
    "Water: possible (stat)": (["leaks"], possible),
    "Runs away now (stat)": (["gal_per_h"], rate),
    "Lost so far (stat)": (["gal"], lost),
    "Open leaks (table)": (
        ["channel_id", "commodity", "kind", "state", "severity", "rate", "rate_error", "lost",
         "unit", "began_at", "confirmed_at"],
        open_leaks,
    ),
    "Raised, by day (timeseries)": (["time", "metric", "value"], raised),
    "By severity (table)": (["commodity", "severity", "leaks", "lost", "unit"], by_severity),
    "Night minimum (timeseries)": (["time", "metric", "value"], night_flow),
}  # fmt: skip

PLATFORM: Figures = {"Database (stat)": (["database_bytes"], database_size)}
