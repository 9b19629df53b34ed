"""Reads leave the system as documented: exact columns, V where validation passed them."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from mdms.domain.errors import NotFoundError
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, Method, RegisterReads, Source, Status
from mdms.domain.registry import Channel, Commodity, Meter, Radio, Registry, UsagePoint
from mdms.domain.time import Period, to_epoch_s, to_epoch_us
from mdms.ports.vee import VeeDay
from mdms.services import readings
from mdms.services.reading_tables import INTERVAL_SCHEMA, REGISTER_SCHEMA
from mdms.services.readings import ReadingService
from tests.memory import MemoryDatabase

PACIFIC = ZoneInfo("America/Los_Angeles")
MIDNIGHT = datetime(2026, 11, 1, 7, tzinfo=UTC)  # a local day of 25 hours begins
RECEIVED = datetime(2026, 11, 2, 9, tzinfo=UTC)
JUDGED = datetime(2026, 11, 2, 13, tzinfo=UTC)
TWO_DAYS = Period.of_days(date(2026, 11, 1), date(2026, 11, 2), PACIFIC)
HOURLY = reading_type(Commodity.ELECTRIC, 0, 3600)
WATER = reading_type(Commodity.WATER, 0, 3600)
ZULU, ALPHA = 1, 2
"""Channels of meters whose badges sort the other way round than their numbers."""


def database() -> MemoryDatabase:
    """Return two meters with 26 hourly reads each: the long day and one hour of the next."""
    made = MemoryDatabase()
    kinds = {"Z1": HOURLY, "A1": WATER}
    made.registry.registry = Registry(
        usage_points=tuple(
            UsagePoint(
                f"U-{badge}", "P", kind.commodity, "class", 1,
                net_metering=False, temporary=False, irregular_usage=False,
            )
            for badge, kind in kinds.items()
        ),
        meters=tuple(
            Meter(
                badge=badge, serial="", radio_id=1, usage_point_id=f"U-{badge}", model="",
                installed_at=datetime(2020, 1, 1, tzinfo=UTC), removed_at=None, has_switch=False,
                pilot=False, radio=Radio.ON, register_dials=8, register_resolution=1,
                multiplier=1, key_id=0,
            )
            for badge in kinds
        ),
        channels=tuple(
            Channel(badge, 0, kind.name, 3600, kind.unit) for badge, kind in kinds.items()
        ),
    )  # fmt: skip
    starts_s = to_epoch_s(MIDNIGHT) + 3600 * np.arange(26)
    made.readings.interval_reads = IntervalReads.raw(
        np.repeat([ZULU, ALPHA], 26),
        np.tile(starts_s, 2),
        np.arange(52),
        recorded_us=to_epoch_us(RECEIVED),
        source=Source.UPLINK,
    )
    made.readings.register_reads = RegisterReads.raw(
        np.array([ZULU, ALPHA, ALPHA]),
        to_epoch_s(MIDNIGHT) + np.array([0, 86_400, 0]),
        np.array([10, 30, 20]),
        recorded_us=to_epoch_us(RECEIVED),
        source=Source.UPLINK,
    )
    return made


def judged(channel_id: int, day: date = date(2026, 11, 1), at: datetime = JUDGED) -> VeeDay:
    return VeeDay(
        channel_id=channel_id, local_day=day, version=0, recorded_at=at, ruleset_hash="r",
        expected=25, actual=25, estimated=0, missing=0, held=0, flags=0,
    )  # fmt: skip


def add_version(made: MemoryDatabase, row: int, at: datetime, **columns: int) -> None:
    """Append a new version of a stored row."""
    reads = made.readings.interval_reads
    old = reads.take(slice(row, row + 1))
    new = replace(
        old,
        version=old.version + 1,
        recorded_us=np.array([to_epoch_us(at)]),
        **{name: getattr(old, name) * 0 + value for name, value in columns.items()},
    )
    made.readings.interval_reads = IntervalReads.concat(reads, new)


def service(made: MemoryDatabase) -> ReadingService:
    return ReadingService(made, PACIFIC)


async def test_a_frame_has_the_documented_columns_sorted_by_meter_and_start():
    frame = await service(database()).frame(None, TWO_DAYS)

    assert list(frame.columns) == INTERVAL_SCHEMA.names
    assert frame["meter"].tolist() == ["A1"] * 26 + ["Z1"] * 26
    assert frame["value"].tolist() == [*range(26, 52), *range(26)]
    assert frame["start_utc"].iloc[0] == MIDNIGHT
    assert str(frame["start_utc"].dtype) == "datetime64[us, UTC]"


async def test_a_frame_of_one_meter_has_only_its_rows():
    frame = await service(database()).frame("Z1", TWO_DAYS)

    assert frame["value"].tolist() == list(range(26))


async def test_an_unknown_meter_is_not_found():
    with pytest.raises(NotFoundError, match="'E9'"):
        await service(database()).frame("E9", TWO_DAYS)


async def test_a_frame_of_a_time_without_reads_is_empty_with_the_same_columns():
    later = Period(MIDNIGHT + timedelta(days=9), MIDNIGHT + timedelta(days=10))

    frame = await service(database()).frame("Z1", later)

    assert list(frame.columns) == INTERVAL_SCHEMA.names
    assert len(frame) == 0


async def test_reads_of_a_day_that_validation_left_unchanged_show_as_validated():
    made = database()
    made.vee.outcomes = [judged(ZULU)]

    frame = await service(made).frame("Z1", TWO_DAYS)

    assert frame["status"].tolist() == ["V"] * 25 + ["R"], "25 hours, and one of the next day"


async def test_a_read_that_came_after_its_day_was_judged_is_still_raw():
    made = database()
    made.vee.outcomes = [judged(ZULU, at=RECEIVED - timedelta(microseconds=1))]

    frame = await service(made).frame("Z1", TWO_DAYS)

    assert set(frame["status"]) == {"R"}


async def test_a_read_recorded_at_the_moment_its_day_was_judged_was_seen():
    made = database()
    made.vee.outcomes = [judged(ZULU, at=RECEIVED)]

    frame = await service(made).frame("Z1", TWO_DAYS)

    assert frame["status"].tolist().count("V") == 25


async def test_what_was_known_earlier_is_shown_as_it_was():
    made = database()
    made.vee.outcomes = [judged(ZULU)]
    add_version(made, 3, JUDGED, value=99, status=Status.ESTIMATED.code, method=Method.H1)

    then = await service(made).frame("Z1", TWO_DAYS, as_of=JUDGED - timedelta(seconds=1))
    now = await service(made).frame("Z1", TWO_DAYS, as_of=JUDGED)

    assert then.iloc[3][["value", "status", "method"]].tolist() == [3, "R", ""]
    assert now.iloc[3][["value", "status", "method"]].tolist() == [99, "E", "H1"]
    assert len(then) == len(now) == 26


async def test_every_version_is_shown_on_demand_and_the_received_one_as_validated():
    made = database()
    made.vee.outcomes = [judged(ZULU)]
    add_version(made, 3, JUDGED, value=99, status=Status.ESTIMATED.code, method=Method.L1)

    frame = await service(made).frame("Z1", TWO_DAYS, versions=True)

    both = frame[frame["start_utc"] == MIDNIGHT + timedelta(hours=3)]
    assert both["version"].tolist() == [0, 1]
    assert both["status"].tolist() == ["V", "E"]
    assert both["method"].tolist() == ["", "L1"]


async def test_the_parquet_of_intervals_holds_every_version_in_the_documented_schema(tmp_path):
    made = database()
    add_version(made, 3, JUDGED, value=99, status=Status.ESTIMATED.code, method=Method.H1)

    await service(made).write_intervals(TWO_DAYS, tmp_path / "readings.parquet")

    table = pq.read_table(tmp_path / "readings.parquet")
    assert table.schema.equals(INTERVAL_SCHEMA)
    assert table.num_rows == 53
    assert table.column("recorded_at")[0].as_py() == RECEIVED


async def test_the_parquet_of_registers_includes_the_read_at_the_end(tmp_path):
    day = Period(MIDNIGHT, MIDNIGHT + timedelta(days=1))

    await service(database()).write_registers(day, tmp_path / "registers.parquet")

    table = pq.read_table(tmp_path / "registers.parquet")
    assert table.schema.equals(REGISTER_SCHEMA)
    assert table.column("meter").to_pylist() == ["A1", "A1", "Z1"]
    assert table.column("value").to_pylist() == [20, 30, 10]
    assert set(table.column("status").to_pylist()) == {"R"}


async def test_channels_are_written_a_block_at_a_time_and_in_one_order(tmp_path, monkeypatch):
    await service(database()).write_intervals(TWO_DAYS, tmp_path / "whole.parquet")
    monkeypatch.setattr(readings, "CHANNELS_PER_BLOCK", 1)
    await service(database()).write_intervals(TWO_DAYS, tmp_path / "parts.parquet")

    assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == 2
    assert pq.read_table(tmp_path / "parts.parquet").equals(
        pq.read_table(tmp_path / "whole.parquet")
    )


async def test_an_empty_database_gives_empty_files_with_their_schema(tmp_path):
    empty = service(MemoryDatabase())

    await empty.write_intervals(TWO_DAYS, tmp_path / "readings.parquet")
    await empty.write_registers(TWO_DAYS, tmp_path / "registers.parquet")

    assert pq.read_table(tmp_path / "readings.parquet").schema.equals(INTERVAL_SCHEMA)
    assert pq.read_table(tmp_path / "registers.parquet").num_rows == 0


async def test_the_csv_shows_current_reads_with_local_time_and_billing_units(tmp_path):
    made = database()
    add_version(made, 2, JUDGED, value=1_234, status=Status.ESTIMATED.code, method=Method.H2)

    await service(made).write_csv(TWO_DAYS, tmp_path / "readings.csv")

    with (tmp_path / "readings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 52
    assert rows[0] == {
        "meter": "A1",
        "reading_type": WATER.name,
        "start_local": "2026-11-01T00:00:00-07:00",
        "start_utc": "2026-11-01T07:00:00Z",
        "value": "26",
        "unit": "0.1gal",
        "amount": "0.003476",
        "amount_unit": "ccf",
        "status": "R",
        "method": "",
    }
    assert rows[28]["start_local"] == "2026-11-01T01:00:00-08:00", "the hour that comes twice"
    assert [rows[28][name] for name in ("value", "unit", "amount", "amount_unit")] == [
        "1234", "Wh", "1.234", "kWh",
    ]  # fmt: skip
    assert (rows[28]["status"], rows[28]["method"]) == ("E", "H2")
