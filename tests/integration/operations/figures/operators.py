"""What *Morning board*, *VEE quality* and *Billing readiness* must show."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from tests.integration.operations.snapshot import (
    Figures,
    Row,
    Snapshot,
    at_midnight,
    commodities,
    hourly,
    in_range,
    silent,
)

HOUR_S = 3600


def levels(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = (
        "local_day", "commodity", "mark", "channel_count", "expected", "uplink", "received",
        "estimated", "held", "missing",
    )  # fmt: skip
    rows = snapshot.tables(f"SELECT {', '.join(names)} FROM service_level")
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_rates(snapshot: Snapshot, to: datetime) -> list[Row]:
    return sorted(
        (at_midnight(each["local_day"]), f"{each['commodity']}, {each['mark']}",
         each["received"] / each["expected"])
        for each in levels(snapshot)
        if in_range(at_midnight(each["local_day"]), to)
    )  # fmt: skip


def newest_levels(snapshot: Snapshot, to: datetime) -> list[Row]:
    newest = {
        (each["mark"], each["commodity"]): each
        for each in sorted(levels(snapshot), key=lambda each: each["local_day"])
    }
    return [
        (mark, commodity, each["local_day"], each["channel_count"], each["expected"],
         each["uplink"] / each["expected"], each["received"] / each["expected"],
         each["estimated"] / each["expected"], each["held"], each["missing"])
        for (mark, commodity), each in sorted(newest.items())
    ]  # fmt: skip


def not_actual(snapshot: Snapshot, to: datetime) -> list[Row]:
    sums: Counter[tuple[datetime, str]] = Counter()
    for each in levels(snapshot):
        for name in ("estimated", "held", "missing"):
            if each["mark"] == "raw":
                sums[at_midnight(each["local_day"]), name] += each[name]
    return [(*key, count) for key, count in sorted(sums.items()) if in_range(key[0], to)]


def nights(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables(
        "SELECT run_id, started_at, finished_at, first_day, last_day, channel_days, versions"
        " FROM vee_run"
    )
    return [row[1:] for row in sorted(rows, reverse=True) if in_range(row[1], to)]


def silent_count(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(len(silent(snapshot, to)),)]


def silent_places(snapshot: Snapshot, to: datetime) -> list[Row]:
    places = {
        channel_id: tuple(rest)
        for channel_id, *rest in snapshot.tables(
            "SELECT channel_id, feeder_id, transformer_id, commodity"
            " FROM channel JOIN meter_installation USING (badge)"
            " JOIN usage_point USING (usage_point_id) JOIN premise USING (premise_id)"
            " LEFT JOIN transformer USING (transformer_id)"
        )
    }
    counts = Counter(places[channel_id] for channel_id, _ in silent(snapshot, to))
    rows = [(*place, count) for place, count in counts.items()]

    def order(row: Row) -> Any:
        return -row[3], *((name is None, name or "") for name in row[:3])

    return sorted(rows, key=order)[:50]


def unknown(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT requested_at FROM control WHERE state = 'UNKNOWN'")
    return [(sum(in_range(at, to) for (at,) in rows),)]


def exceptions(snapshot: Snapshot) -> list[dict[str, Any]]:
    names = (
        "channel_id", "local_day", "rule", "severity", "opened_at", "closed_at", "assigned_to",
        "answer",
    )  # fmt: skip
    rows = snapshot.tables(f"SELECT {', '.join(names)} FROM vee_exception")
    return [dict(zip(names, row, strict=True)) for row in rows]


def waiting(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [each for each in exceptions(snapshot) if each["closed_at"] is None]


def by_age(snapshot: Snapshot, to: datetime) -> list[Row]:
    commodity = commodities(snapshot)
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for each in waiting(snapshot):
        days = (to - each["opened_at"]) / timedelta(days=1)
        column = sum(days >= limit for limit in (1, 3, 7))
        rows[commodity[each["channel_id"]]][column] += 1
    return [(name, *counts) for name, counts in sorted(rows.items())]


def open_by_rule(snapshot: Snapshot, to: datetime) -> list[Row]:
    commodity = commodities(snapshot)
    days: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for each in waiting(snapshot):
        key = each["rule"], each["severity"], commodity[each["channel_id"]]
        days[key].append(each["local_day"])
    rows = [(*key, len(listed), min(listed)) for key, listed in days.items()]
    return sorted(rows, key=lambda row: (-row[3], row[:3]))


def open_count(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(len(waiting(snapshot)),)]


def unassigned(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(not each["assigned_to"] for each in waiting(snapshot)),)]


def in_the_way(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(sum(in_range(at_midnight(each["local_day"]), to) for each in waiting(snapshot)),)]


def oldest(snapshot: Snapshot, to: datetime) -> list[Row]:
    commodity = commodities(snapshot)
    rows = [
        (each["local_day"], each["rule"], commodity[each["channel_id"]], each["channel_id"],
         bool(each["assigned_to"]), each["opened_at"])
        for each in waiting(snapshot)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row[0], row[1], row[3]))[:50]


def answers(snapshot: Snapshot, to: datetime) -> list[Row]:
    hours: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in exceptions(snapshot):
        if each["closed_at"] is not None and in_range(each["closed_at"], to):
            took = (each["closed_at"] - each["opened_at"]).total_seconds() / HOUR_S
            hours[each["rule"], each["answer"]].append(took)
    rows = [(*key, len(took), median(took)) for key, took in hours.items()]
    return sorted(rows, key=lambda row: (-row[2], row[:2]))


def struck(snapshot: Snapshot, to: datetime) -> Counter[tuple[Any, str, str]]:
    """Count channel-days by day, rule and commodity: what the mornings counted, and ours."""
    newest = {
        (channel_id, day): flags
        for channel_id, day, flags in snapshot.tables(
            "SELECT channel_id, local_day, flags FROM vee_day ORDER BY version"
        )
    }
    commodity = commodities(snapshot)
    ((last,),) = snapshot.tables("SELECT max(local_day) FROM service_level")
    counts = Counter(
        (day, f"V{number:02}", commodity[channel_id])
        for (channel_id, day), flags in newest.items()
        for number in range(1, 59)
        if flags >> number & 1 and day <= last
    )
    for day, name, rule, count in snapshot.tables(
        "SELECT local_day, commodity, rule, channel_day_count FROM rule_day WHERE rule > 'V58'"
    ):
        counts[day, rule, name] += count
    return Counter(
        {
            (at_midnight(day), rule, name): count
            for (day, rule, name), count in counts.items()
            if in_range(at_midnight(day), to)
        }
    )


def rules_by_day(snapshot: Snapshot, to: datetime) -> list[Row]:
    counts: Counter[tuple[Any, str]] = Counter()
    for (day, rule, _), count in struck(snapshot, to).items():
        counts[day, rule] += count
    return [(*key, count) for key, count in sorted(counts.items())]


def rules_by_service(snapshot: Snapshot, to: datetime) -> list[Row]:
    counts: Counter[tuple[str, str]] = Counter()
    for (_, rule, commodity), count in struck(snapshot, to).items():
        counts[rule, commodity] += count
    rows = [(*key, count) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (-row[2], row[:2]))


def conflicts(snapshot: Snapshot, to: datetime) -> list[Row]:
    return hourly(snapshot.tables("SELECT recorded_at, kind FROM read_conflict"), to)


def field_orders(snapshot: Snapshot, to: datetime) -> list[Row]:
    groups: dict[tuple[str, bool, str], list[datetime]] = defaultdict(list)
    for *key, at, closed in snapshot.tables(
        "SELECT reason, is_safety, commodity, opened_at, closed_at"
        " FROM field_order JOIN usage_point USING (usage_point_id)"
    ):
        if closed is None:
            groups[tuple(key)].append(at)
    rows = [(*key, len(listed), min(listed)) for key, listed in groups.items()]
    return sorted(rows, key=lambda row: (not row[1], row[4], row[0]))


def new_leaks(snapshot: Snapshot, to: datetime) -> list[Row]:
    commodity = commodities(snapshot)
    rows = [
        (channel_id, commodity[channel_id], *rest, raised)
        for channel_id, *rest, raised, ended in snapshot.tables(
            "SELECT channel_id, kind, state, severity, rate, unit, raised_at, ended_at"
            " FROM leak_case"
        )
        if ended is None and in_range(raised, to)
    ]
    return sorted(rows, key=lambda row: (-row[4], -row[7].timestamp(), row[0]))


def windows(snapshot: Snapshot) -> dict[Any, Any]:
    """Return what was frozen by window and unit; a window without determinants has unit None."""
    found: dict[Any, Any] = {}
    for start, end, frozen in snapshot.tables(
        "SELECT window_start, window_end, frozen_at FROM billing_window"
    ):
        rows = snapshot.tables(
            "SELECT unit, usage_units, estimated_count FROM billing_determinant"
            f" WHERE window_start = '{start}' AND window_end = '{end}'"
        )
        ((blocked,),) = snapshot.tables(
            "SELECT count(*) FROM billing_block"
            f" WHERE window_start = '{start}' AND window_end = '{end}'"
        )
        for unit in {row[0] for row in rows} or {None}:
            mine = [row for row in rows if row[0] == unit]
            usage = sum(row[1] for row in mine) if mine else None
            found[start, end, frozen, unit] = (
                len(mine), usage, sum(row[2] > 0 for row in mine), blocked,
            )  # fmt: skip
    return dict(sorted(found.items(), key=lambda item: (-item[0][1].toordinal(), item[0][3] or "")))


def bill_windows(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [
        (*key, count, estimated, blocked)
        for key, (count, _, estimated, blocked) in windows(snapshot).items()
    ]


def billed(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(*key, *values) for key, values in windows(snapshot).items()]


def newest_window(snapshot: Snapshot, column: int) -> list[Row]:
    known = windows(snapshot)
    last = max(key[1] for key in known)
    return [(sum(values[column] for key, values in known.items() if key[1] == last),)]


def newest_determinants(snapshot: Snapshot, to: datetime) -> list[Row]:
    return newest_window(snapshot, 0)


def newest_estimated(snapshot: Snapshot, to: datetime) -> list[Row]:
    return newest_window(snapshot, 2)


def blocked_by(snapshot: Snapshot, to: datetime) -> list[Row]:
    counts = Counter(snapshot.tables("SELECT window_start, window_end, reason FROM billing_block"))
    rows = [(*key, count) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (-row[1].toordinal(), -row[3], row[2]))


def cycles_closing(snapshot: Snapshot, to: datetime) -> list[Row]:
    """Count the services of the one cycle that MISHAPS gives a schedule, by its windows."""
    places: dict[int, str] = dict(
        snapshot.tables(
            "SELECT channel_id, usage_point_id FROM channel"
            " JOIN meter_installation USING (badge) WHERE removed_at IS NULL"
        )
    )
    days = sorted(day for _, day in snapshot.tables("SELECT * FROM billing_read_day"))
    billed = snapshot.tables("SELECT window_end, usage_point_id FROM billed_service")
    blocked = snapshot.tables("SELECT window_end, channel_id FROM billing_block")
    rows = []
    for start, end in pairwise(days):
        held = [
            each
            for each in waiting(snapshot)
            if start <= each["local_day"] < end and each["severity"] in {"HOLD", "FAIL"}
        ]
        if abs(end - to.date()) <= timedelta(days=7):
            rows.append(
                (1, start, end, len(set(places.values())),
                 len({place for day, place in billed if day == end}),
                 len({places[channel] for day, channel in blocked if day == end}), len(held))
            )  # fmt: skip
    return rows


RUN = ["started_at", "finished_at", "first_day", "last_day", "channel_days", "versions"]
SERIES = ["time", "metric", "value"]

MORNING: Figures = {
    "Silent meters (stat)": (["silent_meters"], silent_count),
    "Unknown commands (stat)": (["unknown_commands"], unknown),
    "Read rate by 06:00 and after 72 h (timeseries)": (SERIES, read_rates),
    "Newest days by service (table)": (
        ["mark", "commodity", "local_day", "channel_count", "expected", "uplink_ratio",
         "received_ratio", "estimated_ratio", "held", "missing"],
        newest_levels,
    ),
    "Nights of VEE (table)": (RUN, nights),
    "Cycles closing (table)": (
        ["billing_cycle", "window_start", "window_end", "service_count", "frozen_count",
         "blocked_count", "exception_count"],
        cycles_closing,
    ),
    "Bill windows (table)": (
        ["window_start", "window_end", "frozen_at", "unit", "determinants", "with_estimates",
         "blocked_in_window"],
        bill_windows,
    ),
    "Open exceptions by age (table)": (
        ["commodity", "below_1_day", "to_3_days", "to_7_days", "older"], by_age
    ),
    "New leaks (table)": (
        ["channel_id", "commodity", "kind", "state", "severity", "rate", "unit", "raised_at"],
        new_leaks,
    ),
    "Open field orders (table)": (
        ["reason", "is_safety", "commodity", "orders", "oldest"], field_orders
    ),
    "Silent meters by place (table)": (
        ["feeder_id", "transformer_id", "commodity", "silent_meters"], silent_places
    ),
}  # fmt: skip

VEE: Figures = {
    "Open exceptions (stat)": (["open_exceptions"], open_count),
    "Nobody looks into (stat)": (["unassigned"], unassigned),
    "Not actual, by day (timeseries)": (SERIES, not_actual),
    "Rules that struck (timeseries)": (SERIES, rules_by_day),
    "Rules by service (table)": (["rule", "commodity", "channel_days"], rules_by_service),
    "Waiting for a person, by rule (table)": (
        ["rule", "severity", "commodity", "open_exceptions", "oldest_day"],
        open_by_rule,
    ),
    "Answers to exceptions (table)": (["rule", "answer", "exceptions", "half_h"], answers),
    "Conflicts (timeseries)": (SERIES, conflicts),
    "Nights of VEE (table)": (RUN, nights),
}

BILLING: Figures = {
    "Newest window (stat)": (["determinants"], newest_determinants),
    "With estimates (stat)": (["with_estimates"], newest_estimated),
    "Exceptions in the way (stat)": (["open_exceptions"], in_the_way),
    "Windows (table)": (
        ["window_start", "window_end", "frozen_at", "unit", "determinants", "usage_units",
         "with_estimates", "blocked_in_window"],
        billed,
    ),
    "Blocked by what (table)": (
        ["window_start", "window_end", "reason", "channel_count"], blocked_by
    ),
    "Oldest open exceptions (table)": (
        ["local_day", "rule", "commodity", "channel_id", "is_assigned", "opened_at"], oldest
    ),
}  # fmt: skip
