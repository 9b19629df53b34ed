"""NEM12 as we write it: read back by ourselves and by another reader, clock changes and all."""

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from nemreader import NEMFile

from mdms.billing.formats import nem_read
from mdms.billing.formats.nem_write import Writer, standard_offset
from mdms.billing.formats.runs import Run
from mdms.domain.readings import FLAG_EST_UNSCALED
from mdms.domain.registry import Commodity
from mdms.domain.time import Period, to_epoch_s
from tests.outgoing import Series, outgoing

PACIFIC = ZoneInfo("America/Los_Angeles")
WRITTEN = datetime(2026, 12, 1, 8, tzinfo=UTC)
STANDARD = standard_offset(datetime(2026, 7, 1, tzinfo=PACIFIC))
LONG_DAY = Period.of_days(date(2026, 10, 31), date(2026, 11, 2), PACIFIC)


def written(*series: Series) -> bytes:
    writer = Writer("CPAU", "BILLING", WRITTEN, STANDARD)
    return b"".join([writer.begin(), *writer.write(outgoing(*series)), writer.end()])


def parts(content: bytes) -> list[str]:
    return [line for line in content.decode().split("\r\n") if line.startswith("400")]


def runs(content: bytes) -> list[Run]:
    found = list(nem_read.read(io.BytesIO(content), STANDARD))
    assert all(isinstance(each, Run) for each in found)
    return [each for each in found if isinstance(each, Run)]


def test_standard_time_is_the_same_in_summer_and_winter():
    assert standard_offset(datetime(2026, 1, 1, tzinfo=PACIFIC)) == STANDARD
    assert STANDARD.utcoffset(None) == timedelta(hours=-8)


def test_a_day_of_one_quality_is_one_record():
    midnight = datetime(2026, 11, 30, tzinfo=PACIFIC)

    lines = written(Series(start=midnight, value=[210] * 96)).decode().split("\r\n")

    assert lines[0] == "100,NEM12,202612010000,CPAU,BILLING"
    assert lines[1] == "200,0047622887,E1,1,E1,N1,E47622887,kWh,15,"
    assert lines[2] == f"300,20261130,{','.join(['0.210'] * 96)},A,,,20261201000000,"
    assert lines[3:] == ["900", ""]


def test_qualities_of_a_day_cover_it_without_a_gap():
    midnight = datetime(2026, 11, 30, tzinfo=PACIFIC)
    statuses = {4: ("E", 5), 5: ("F", 6), 6: ("S", 0), 7: ("X", 0), 8: ("R", 0)}

    content = written(
        Series(start=midnight, value=[1] * 90, statuses=statuses, flags=FLAG_EST_UNSCALED)
    )

    assert parts(content) == [
        "400,1,4,A,,", "400,5,5,S17,,", "400,6,6,F15,,", "400,7,7,N,,", "400,8,8,S18,,",
        "400,9,9,N,,", "400,10,90,A,,", "400,91,96,N,,",
    ]  # fmt: skip


def test_an_estimate_that_was_scaled_to_its_register_says_so():
    midnight = datetime(2026, 11, 30, tzinfo=PACIFIC)
    statuses = {0: ("E", 5), 1: ("F", 11), 2: ("Z", 2), 3: ("E", 0)}

    content = written(Series(start=midnight, value=[1] * 96, statuses=statuses))

    assert parts(content)[:4] == [
        "400,1,1,S24,,",
        "400,2,2,F24,,",
        "400,3,3,S19,,",
        "400,4,4,S18,,",
    ]


def test_other_commodities_and_voltages_stay_out():
    midnight = datetime(2026, 11, 30, tzinfo=PACIFIC)

    content = written(
        Series(start=midnight, value=[1], commodity=Commodity.WATER, interval_s=3600),
        Series(start=midnight, value=[2400], channel=4),
    )

    assert content.count(b"\n") == 2


def test_the_long_day_keeps_all_its_reads_and_another_reader_adds_up_the_same():
    count = (LONG_DAY.end_s - LONG_DAY.start_s) // 900
    value = [place % 300 for place in range(count)]
    content = written(Series(start=LONG_DAY.start_utc, value=list(value)))

    lines = content.decode().splitlines()
    theirs = NEMFile("ours").parse_nem_file(lines).readings["0047622887"]["E1"]

    ours = {at_s for run in runs(content) for at_s in run.at_s}
    assert ours == set(range(LONG_DAY.start_s, LONG_DAY.end_s, 900))
    assert round(sum(each.read_value for each in theirs) * 1000) == sum(value)


@settings(max_examples=200)
@given(
    value=st.lists(st.none() | st.integers(0, 2**32), min_size=1, max_size=150),
    hour=st.integers(0, 5_000),
    channel=st.sampled_from([0, 1, 3]),
)
def test_what_is_written_comes_back(value, hour, channel):
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)

    found = runs(written(Series(start=start, value=value, channel=channel, interval_s=1800)))

    back = {at_s: quanta for run in found for at_s, quanta in zip(run.at_s, run.value, strict=True)}
    assert back == {
        to_epoch_s(start) + 1800 * place: quanta
        for place, quanta in enumerate(value)
        if quanta is not None
    }
