"""Reads leave as other people's formats: each value where its meter was when it measured it."""

import asyncio
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.billing.formats import cmep_read, espi_read
from mdms.billing.formats.runs import Run
from mdms.domain.errors import NotFoundError
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Channel, Commodity, Meter, Radio, Registry, UsagePoint
from mdms.domain.time import Period, to_epoch_s
from mdms.services import outgoing_reads
from mdms.services.outgoing_reads import Wanted
from mdms.services.reading_files import FileForm, ReadingFileService
from tests.fakes import FakeClock
from tests.memory import MemoryDatabase

PACIFIC = ZoneInfo("America/Los_Angeles")
DAYS = Period.of_days(date(2026, 11, 1), date(2026, 11, 2), PACIFIC)  # 25 and 24 hours
MOVED = DAYS.start_utc + timedelta(hours=10)
HOURLY = reading_type(Commodity.ELECTRIC, 0, 3600)
HOURS = 49


def database() -> MemoryDatabase:
    """Return two hourly meters; A1 moves from U1 to U2 after ten hours, Z1 stays at U3."""
    made = MemoryDatabase()
    first = Meter(
        badge="A1", serial="", radio_id=1, usage_point_id="U1", model="",
        installed_at=datetime(2020, 1, 1, tzinfo=UTC), removed_at=MOVED, has_switch=False,
        pilot=False, radio=Radio.ON, register_dials=8, register_resolution=1,
        multiplier=1, key_id=0,
    )  # fmt: skip
    made.registry.registry = Registry(
        usage_points=tuple(
            UsagePoint(
                name, "P", Commodity.ELECTRIC, "class", 1,
                net_metering=False, temporary=False, irregular_usage=False,
            )
            for name in ("U1", "U2", "U3")
        ),
        meters=(
            first,
            replace(first, usage_point_id="U2", installed_at=MOVED, removed_at=None),
            replace(first, badge="Z1", radio_id=2, usage_point_id="U3", removed_at=None),
        ),
        channels=tuple(Channel(badge, 0, HOURLY.name, 3600, "Wh") for badge in ("A1", "Z1")),
    )  # fmt: skip
    starts_s = to_epoch_s(DAYS.start_utc) + 3600 * np.arange(HOURS)
    made.readings.interval_reads = IntervalReads.raw(
        np.repeat([1, 2], HOURS), np.tile(starts_s, 2), np.arange(2 * HOURS),
        recorded_us=0, source=Source.UPLINK,
    )  # fmt: skip
    made.readings.register_reads = RegisterReads.raw(
        np.array([1, 2]), np.repeat(to_epoch_s(DAYS.start_utc), 2), np.array([500, 600]),
        recorded_us=0, source=Source.UPLINK,
    )  # fmt: skip
    return made


async def written(form: FileForm, path: Path, meter: str | None = None) -> bytes:
    service = ReadingFileService(
        database(), FakeClock(datetime(2026, 12, 1, tzinfo=UTC)), PACIFIC, "cpau"
    )
    await service.write(form, Wanted(DAYS, meter), path)
    return await asyncio.to_thread(path.read_bytes)


async def test_a_file_has_every_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr(outgoing_reads, "CHANNELS_PER_BLOCK", 1)

    content = await written(FileForm.CMEP, tmp_path / "readings.cmep")

    runs = [each for each in cmep_read.read(io.BytesIO(content), UTC) if isinstance(each, Run)]
    totals = {(run.meter.names[0], run.interval_s): 0 for run in runs}
    for run in runs:
        totals[run.meter.names[0], run.interval_s] += sum(run.value)
    assert totals == {
        ("A1", 3600): sum(range(49)), ("A1", None): 500,
        ("Z1", 3600): sum(range(49, 98)), ("Z1", None): 600,
    }  # fmt: skip
    assert content.startswith(b"MEPMD01,19970819,CPAU,,BILLING,,202612010000,A1,OK,E,KWH,1.0,")


@pytest.mark.parametrize(
    ("name", "values"),
    [("U1", range(10)), ("U2", range(10, 49)), ("A1", range(49)), ("Z1", range(49, 98))],
)
async def test_a_usage_points_feed_has_only_what_was_measured_there(tmp_path, name, values):
    content = await written(FileForm.ESPI, tmp_path / "feed.xml", meter=name)

    runs = [each for each in espi_read.read(io.BytesIO(content)) if isinstance(each, Run)]
    raw = content.count(b"<quality>14</quality>")
    assert [value for run in runs for value in run.value] == list(values)
    assert raw == len(values), "nothing was validated yet"


async def test_energy_goes_into_nem12_only_when_validated(tmp_path):
    content = await written(FileForm.NEM12, tmp_path / "readings.nem12")

    assert content.startswith(b"100,NEM12,202611301600,CPAU,BILLING\r\n200,0000000001,E1")
    assert content.endswith(b"900\r\n")
    assert b",V,,," not in content
    assert content.count(b",N,,,") == 7, "raw values are null to others"


async def test_a_meter_that_nobody_knows_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="X9"):
        await written(FileForm.ESPI, tmp_path / "feed.xml", meter="X9")
