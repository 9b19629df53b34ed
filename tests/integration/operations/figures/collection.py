"""What *Collection and radio* must show, worked out from the tables."""

from datetime import datetime

from tests.integration.operations.snapshot import (
    Figures,
    Row,
    Snapshot,
    at_midnight,
    hourly,
    in_range,
    silent,
)


def silent_count(snapshot: Snapshot, to: datetime) -> list[Row]:
    return [(len(silent(snapshot, to)),)]


def read_rate(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = []
    for day, commodity, expected, uplink, received in snapshot.tables(
        "SELECT local_day, commodity, expected, uplink, received FROM service_level"
        " WHERE mark = 'settled'"
    ):
        if in_range(at_midnight(day), to):
            rows.append((at_midnight(day), f"{commodity}, as sent", uplink / expected))
            rows.append((at_midnight(day), f"{commodity}, with backfill", received / expected))
    return sorted(rows)


def silent_table(snapshot: Snapshot, to: datetime) -> list[Row]:
    places = {
        channel_id: tuple(rest)
        for channel_id, *rest in snapshot.tables(
            "SELECT channel_id, commodity, service_class, feeder_id, transformer_id"
            " FROM channel JOIN meter_installation USING (badge)"
            " JOIN usage_point USING (usage_point_id) JOIN premise USING (premise_id)"
            " LEFT JOIN transformer USING (transformer_id)"
        )
    }
    rows = sorted(silent(snapshot, to), key=lambda row: (row[1], row[0]))
    return [(channel_id, *places[channel_id], at) for channel_id, at in rows[:100]]


def collectors(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables(
        "SELECT name, batch_at, received_at FROM collector JOIN collector_sequence"
        " USING (collector_id)"
    )
    assert len(rows) == snapshot.tables("SELECT count(*) FROM collector")[0][0]
    newest = max(batch_at for _, batch_at, _ in rows)
    shown = [
        (name, at, (received - at).total_seconds(), (newest - at).total_seconds())
        for name, at, received in rows
    ]
    return sorted(shown, key=lambda row: (-row[3], row[0]))


def holes(snapshot: Snapshot, to: datetime) -> list[Row]:
    return snapshot.tables(
        "SELECT name, first_seq, last_seq, to_timestamp(from_us / 1e6), to_timestamp(to_us / 1e6),"
        " asked_count, lost_at FROM sequence_hole JOIN collector USING (collector_id)"
        " ORDER BY from_us DESC, name"
    )


def dead_letters(snapshot: Snapshot, to: datetime) -> list[Row]:
    return hourly(snapshot.tables("SELECT received_at, reason FROM dead_letter"), to)


def events(snapshot: Snapshot, to: datetime) -> list[Row]:
    return hourly(snapshot.tables("SELECT at_utc, code FROM end_device_event"), to)


def own_words(snapshot: Snapshot, to: datetime) -> list[Row]:
    said = {
        row[0]: row[1:]
        for row in snapshot.tables(
            "SELECT collector_id, online, reason, changed_at, clock_offset_ms, buffered,"
            " temperature_c FROM collector_state"
        )
    }
    rows = [
        (name, *said.get(collector_id, (None,) * 6))
        for collector_id, name in snapshot.tables("SELECT collector_id, name FROM collector")
    ]
    return sorted(rows, key=lambda row: (row[1] is not None, row[1], row[0]))


def open_holes(snapshot: Snapshot, to: datetime) -> list[Row]:
    rows = snapshot.tables("SELECT lost_at FROM sequence_hole")
    return [(sum(lost is None for (lost,) in rows),)]


FIGURES: Figures = {
    "Silent meters (stat)": (["silent_meters"], silent_count),
    "Batches missing (stat)": (["holes"], open_holes),
    "Read rate by day (timeseries)": (["time", "metric", "value"], read_rate),
    "Silent meters (table)": (
        ["channel_id", "commodity", "service_class", "feeder_id", "transformer_id",
         "last_register_utc"],
        silent_table,
    ),
    "Collectors (table)": (["name", "batch_at", "lag_s", "behind_s"], collectors),
    "What collectors say of themselves (table)": (
        ["name", "online", "reason", "changed_at", "clock_offset_ms", "buffered", "temperature_c"],
        own_words,
    ),
    "Batches that are missing (table)": (
        ["name", "first_seq", "last_seq", "from_utc", "to_utc", "asked_count", "lost_at"], holes
    ),
    "Dead letters kept, by hour (timeseries)": (["time", "metric", "value"], dead_letters),
    "Events of meters (timeseries)": (["time", "metric", "value"], events),
}  # fmt: skip
