"""What *Grid* must show."""

from datetime import datetime
from typing import Any

import pytest

from tests.integration.operations.snapshot import Figures, Row, Snapshot, at_midnight, in_range


def outages(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = "device", "name", "transformers", "began_at", "ended_at", "customers", "reported"
    rows = snapshot.tables(f"SELECT {', '.join(names)} FROM outage")
    return [dict(zip(names, row, strict=True)) for row in rows]


def lasting(snapshot: Snapshot, to: datetime) -> list[dict[str, Any]]:
    return [
        each
        for each in outages(snapshot)
        if each["began_at"] <= to and (each["ended_at"] is None or each["ended_at"] > to)
    ]


def customers(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(each["customers"] for each in lasting(snapshot, to)),)]


def feeders(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(each["device"] == "feeder" for each in lasting(snapshot, to)),)]


def index(snapshot: Snapshot, to: datetime, name: str) -> list[Row]:
    rows = snapshot.tables(f"SELECT local_day, {name} FROM reliability_day")
    return [(pytest.approx(sum(value for day, value in rows if in_range(at_midnight(day), to))),)]


def saidi(snapshot: Snapshot, to: datetime) -> list[Row]:
    return index(snapshot, to, "saidi_min")


def saifi(snapshot: Snapshot, to: datetime) -> list[Row]:
    return index(snapshot, to, "saifi")


def maifi(snapshot: Snapshot, to: datetime) -> list[Row]:
    return index(snapshot, to, "maifi")


def places(snapshot: Snapshot, to: datetime) -> list[Row]:
    where = {
        row[0]: row
        for row in snapshot.tables(
            "SELECT transformer_id, feeder_id, latitude, longitude FROM transformer"
        )
    }
    rows = [
        (*where[name], each["device"], each["began_at"], each["ended_at"], each["customers"])
        for each in outages(snapshot)
        for name in each["transformers"]
        if in_range(each["began_at"], to)
    ]
    return sorted(rows, key=lambda row: (-row[5].timestamp(), row[0]))


def listed(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = [
        (
            each["device"],
            "one service" if each["device"] == "service" else each["name"],
            each["began_at"],
            each["ended_at"],
            each["customers"],
            each["reported"],
            len(each["transformers"]),
        )
        for each in outages(snapshot)
        if in_range(each["began_at"], to)
    ]
    return sorted(rows, key=lambda row: (row[3] is not None, -row[2].timestamp(), row[0], row[1]))


def by_day(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT local_day, saidi_min FROM reliability_day")
    return sorted(
        (at_midnight(day), "SAIDI", value) for day, value in rows if in_range(at_midnight(day), to)
    )


def days(snapshot: Snapshot, to: datetime) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the days of each transformer and feeder."""
    names = (
        "local_day", "transformer_id", "feeder_id", "kva", "peak_percent", "p95_percent",
        "hours_over_100", "lowest_v", "highest_v", "beyond_a_percent",
    )  # fmt: skip
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in snapshot.tables(
        f"SELECT {', '.join(names)} FROM transformer_day JOIN transformer USING (transformer_id)"
    ):
        day = dict(zip(names, row, strict=True))
        if in_range(at_midnight(day["local_day"]), to):
            found.setdefault((day["transformer_id"], day["feeder_id"]), []).append(day)
    return found


def load(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = []
    for key, all_of in days(snapshot, to).items():
        known = [day for day in all_of if day["peak_percent"] is not None]
        if known:
            peak = max(day["peak_percent"] for day in known)
            p95 = max(day["p95_percent"] for day in known)
            over = sum(day["hours_over_100"] for day in known)
            rows.append((*key, float(known[0]["kva"]), peak, p95, pytest.approx(over)))
    return sorted(rows, key=lambda row: (-row[3], row[0]))[:100]


def voltage(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = []
    for key, all_of in days(snapshot, to).items():
        known = [day for day in all_of if day["lowest_v"] is not None]
        if known:
            low = min(day["lowest_v"] for day in known)
            high = max(day["highest_v"] for day in known)
            rows.append((*key, low, high, max(day["beyond_a_percent"] for day in known)))
    return sorted(rows, key=lambda row: (-row[4], row[0]))[:100]


def peaks(snapshot: Snapshot, to: datetime) -> list[Row]:
    highest: dict[tuple[datetime, str], float] = {}
    for (_, feeder), all_of in days(snapshot, to).items():
        for day in all_of:
            if day["peak_percent"] is not None:
                key = at_midnight(day["local_day"]), feeder
                highest[key] = max(day["peak_percent"], highest.get(key, 0))
    return [(*key, value) for key, value in sorted(highest.items())]


FIGURES: Figures = {
    "Customers without power (stat)": (["customers"], customers),
    "Feeders out (stat)": (["feeders"], feeders),
    "SAIDI (stat)": (["minutes"], saidi),
    "SAIFI (stat)": (["interruptions"], saifi),
    "MAIFI (stat)": (["interruptions"], maifi),
    "Outage map (geomap)": (
        ["transformer_id", "feeder_id", "latitude", "longitude", "device", "began_at", "ended_at",
         "customers"],
        places,
    ),
    "Outages (table)": (
        ["device", "name", "began_at", "ended_at", "customers", "reported", "transformer_count"],
        listed,
    ),
    "Reliability by day (timeseries)": (["time", "metric", "value"], by_day),
    "Load (table)": (
        ["transformer_id", "feeder_id", "kva", "peak_percent", "p95_percent", "hours_over_100"],
        load,
    ),
    "Voltage (table)": (
        ["transformer_id", "feeder_id", "lowest_v", "highest_v", "beyond_a_percent"], voltage
    ),
    "Peaks by day (timeseries)": (["time", "metric", "value"], peaks),
}  # fmt: skip
