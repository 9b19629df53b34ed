"""Files of reads on a real database: all of a file or nothing, and never twice."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.tracing import open_frames
from mdms.domain.readings import IntervalReads, Source, Status
from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.reading_import import HowToRead, ReadingImportService
from mdms.services.reading_trace import TraceService
from mdms.services.vee_run import VeeService
from mdms.settings import config_dir
from tests.fakes import FakeClock
from tests.integration.storage.registries import SMALL_TOWN
from vee.rules import RuleSet

pytestmark = pytest.mark.db

PACIFIC = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 11, 10, 13, tzinfo=UTC)
DAY = date(2026, 11, 3)
PERIOD = Period.of_days(DAY, DAY, PACIFIC)


def record(*triplets: str, units: str = "KWH", constant: str = "1", meter: str = "E100") -> str:
    fields = [
        "MEPMD01", "20080501", "CPAU", "", "BILLING", "", "202611040830", meter, "OK", "E",
        units, constant, "00000015", str(len(triplets)), *triplets,
    ]  # fmt: skip
    return ",".join(fields) + "\r\n"


GOOD = record("202611030815,R0,0.210", ",R0,0.195", ",N32,0", ",E0,0.240") + record(
    "202611030815,R0,1000.5", units="KWHREG", constant="40"
)
BAD = record("202611030915,R0,0.1", meter="X9") + record("203001010000,R0,0.1")


@pytest.fixture
async def town(store: UnitOfWorkFactory) -> UnitOfWorkFactory:
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        await work.vee.advance(date(2026, 11, 9))
    return store


@pytest.fixture
def files(town: UnitOfWorkFactory) -> ReadingImportService:
    return ReadingImportService(town, FakeClock(NOW), PACIFIC)


def written(folder: Path, text: str) -> Path:
    path = folder / "reads"
    path.write_text(text, newline="")
    return path


async def stored(store: UnitOfWorkFactory) -> tuple[list[int], list[int]]:
    async with store() as work:
        intervals = await work.readings.intervals(PERIOD)
        registers = await work.readings.registers(PERIOD)
    assert set(intervals.source.tolist()) <= {Source.FILE}
    return intervals.value.tolist(), registers.value.tolist()


async def test_a_file_is_stored_once_however_often_it_comes(files, town, tmp_path):
    path = written(tmp_path, GOOD)

    first = await files.take(path, "a.cmep", HowToRead(), "vera")
    again = await files.take(path, "a.cmep", HowToRead(), "vera")
    other = await files.take(written(tmp_path, GOOD + GOOD), "b.cmep", HowToRead(), "vera")

    assert await stored(town) == ([210, 195], [1_000_500])
    traced = await TraceService(town, FakeClock(NOW), PACIFIC, open_frames).trace(
        "E100", datetime(2026, 11, 3, 8, 5, tzinfo=UTC)
    )
    assert [each["file"] for each in traced["versions"]] == [
        f"a.cmep ({first['reading_import_id']})"
    ]
    assert (first["state"], first["format"], first["new_count"]) == ("stored", "cmep", 3)
    assert (first["no_value_count"], first["not_read_count"]) == (1, 1)
    assert first["totals"] == {"Wh": 405}
    assert again["already"]
    assert again["reading_import_id"] == first["reading_import_id"]
    assert (other["already"], other["new_count"], other["disputed_count"]) == (False, 0, 0)


async def test_a_bad_row_keeps_the_whole_file_out_and_every_one_is_reported(files, town, tmp_path):
    result = await files.take(written(tmp_path, GOOD + BAD), "a.cmep", HowToRead(), "vera")

    rows = await files.refused(result["reading_import_id"], after=0, count_max=9)
    assert await stored(town) == ([], [])
    assert (result["state"], result["refused_count"], result["new_count"]) == ("refused", 2, 0)
    assert [(row["line"], row["flaw"]) for row in rows] == [
        (3, "unknown_meter"),
        (4, "time_future"),
    ]


async def test_the_other_rows_are_taken_when_somebody_says_so(files, town, tmp_path):
    how = HowToRead(skip_refused=True)

    result = await files.take(written(tmp_path, BAD + GOOD), "a.cmep", how, "vera")
    again = await files.take(written(tmp_path, BAD + GOOD), "a.cmep", how, "vera")

    assert (result["state"], result["new_count"]) == ("partial", 3)
    assert (again["already"], again["new_count"]) == (False, 0), "a refused row may be cured"
    assert await stored(town) == ([210, 195], [1_000_500])


async def test_a_file_that_was_cut_off_is_never_taken_in_part(files, town, tmp_path):
    path = written(tmp_path, GOOD[:-3])

    result = await files.take(path, "a.cmep", HowToRead(skip_refused=True), "vera")

    assert result["state"] == "refused"
    assert await stored(town) == ([], [])


async def test_another_value_for_a_known_read_is_kept_as_a_conflict(files, town, tmp_path):
    await files.take(written(tmp_path, GOOD), "a.cmep", HowToRead(), "vera")

    result = await files.take(
        written(tmp_path, record("202611030815,R0,0.9", "202611030815,R0,0.8")),
        "b.cmep", HowToRead(), "vera",
    )  # fmt: skip

    assert (await stored(town))[0] == [210, 195]
    assert (result["new_count"], result["disputed_count"]) == (0, 2)
    async with town() as work:
        assert (await work.vee.touched()) != []


DIALS = "meter,reading_type,at_utc,dial,value\r\n" + "".join(
    f"E100,0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0,2026-11-03T08:00:00Z,{dial},{value}\r\n"
    for dial, value in (("peak", 120), ("off_peak", 450), ("demand", 7_200), ("", 570))
)


async def test_readings_of_further_registers_are_kept_once_and_their_days_judged_again(
    files, town, tmp_path
):
    first = await files.take(written(tmp_path, DIALS), "d.csv", HowToRead(), "vera")
    other = await files.take(
        written(tmp_path, DIALS.replace("peak,120", "peak,121")), "e.csv", HowToRead(), "vera"
    )

    async with town() as work:
        [channel_id] = {each for each, _ in await work.vee.touched()}
        read = await work.dials.of([channel_id], PERIOD)
    assert [(each.dial, each.value) for each in read] == [
        ("demand", 7_200), ("off_peak", 450), ("peak", 120),
    ]  # fmt: skip
    assert (await stored(town))[1] == [570]
    assert (first["register_count"], first["new_count"], first["disputed_count"]) == (4, 4, 0)
    assert (other["new_count"], other["disputed_count"]) == (0, 1)


async def test_a_silent_radios_intervals_are_refused(files, tmp_path):
    row = "W200,0.0.7.4.1.9.58.0.0.0.0.0.0.0.0.-1.128.0,2026-11-03T08:00:00Z,12\r\n"
    path = written(tmp_path, "meter,reading_type,start_utc,value\r\n" + row)

    result = await files.take(path, "w.csv", HowToRead(), "vera")

    rows = await files.refused(result["reading_import_id"], after=0, count_max=9)
    assert [(row["line"], row["flaw"]) for row in rows] == [(2, "opted_out")]


async def test_a_late_file_takes_the_place_of_an_estimate(town, tmp_path):
    rules = RuleSet.load(config_dir() / "vee" / "residential.toml")
    vee = VeeService(town, FakeClock(NOW), rules, PACIFIC)
    files = ReadingImportService(town, FakeClock(NOW), PACIFIC)
    quarters = [PERIOD.start_utc + timedelta(minutes=15 * n) for n in range(1, 97)]
    heard = [f"{end:%Y%m%d%H%M},R0,0.1" for end in quarters]
    missing, heard[17] = heard[17], f"{quarters[17]:%Y%m%d%H%M},N32,0"
    text = record(*heard[:48]) + record(*heard[48:])
    text += record("202611030800,R0,100", "202611040800,R0,100.24", units="KWHREG", constant="40")
    await files.take(written(tmp_path, text), "day.cmep", HowToRead(), "vera")
    await vee.run(DAY, DAY)
    before = await current(town)

    await files.take(written(tmp_path, record(missing)), "late.cmep", HowToRead(), "vera")
    await vee.nightly()

    after = await current(town)
    assert (before.value.sum(), after.value.sum()) == (9600, 9600)
    assert (chr(before.status[17]), chr(after.status[17])) == (Status.ESTIMATED, Status.VALIDATED)


async def current(store: UnitOfWorkFactory) -> IntervalReads:
    async with store() as work:
        return (await work.readings.intervals(PERIOD)).current()
