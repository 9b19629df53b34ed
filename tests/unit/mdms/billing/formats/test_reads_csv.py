"""CSV in: our own export, a spreadsheet's version of it, and what is refused."""

import io

import pytest

from mdms.billing.formats.reads_csv import RUN_LENGTH_MAX, read
from mdms.billing.formats.runs import MeterName, Refusal, Run, Said
from mdms.domain.registry import Commodity

ENERGY = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"
GAS = "0.0.7.4.1.7.58.0.0.0.0.0.0.0.0.0.119.0"
HEADER = "meter,reading_type,start_utc,value,status"


def said(*lines: str, end: str = "\r\n") -> list[Said]:
    return list(read(io.BytesIO("".join(f"{line}{end}" for line in lines).encode())))


def refusals(*lines: str) -> list[tuple[int, str]]:
    return [(each.line, each.flaw) for each in said(*lines) if isinstance(each, Refusal)]


def test_rows_of_one_meter_are_a_run_and_keep_their_lines():
    first, second = said(
        HEADER,
        f"E1,{ENERGY},2026-11-03T08:00:00Z,210,V",
        f"E1,{ENERGY},2026-11-03T00:15:00-08:00,195,R",
        f"G1,{GAS},2026-11-03T08:00:00Z,4,",
    )

    assert isinstance(first, Run)
    assert (first.meter, first.interval_s, first.lines) == (MeterName(("E1",)), 900, [2, 3])
    assert (first.value, first.at_s[1] - first.at_s[0]) == ([210, 195], 900)
    assert isinstance(second, Run)
    assert (second.commodity, second.interval_s, second.value) == (Commodity.GAS, 3600, [4])


def test_a_register_may_be_a_further_one_of_its_meter():
    header = "meter,reading_type,at_utc,dial,value"
    at = "2026-11-03T08:00:00Z"

    runs = said(
        header, f"E1,{ENERGY},{at},peak,7", f"E1,{ENERGY},{at},peak,8", f"E1,{ENERGY},{at},,9"
    )

    assert [(run.dial, run.interval_s, run.value) for run in runs if isinstance(run, Run)] == [
        ("peak", None, [7, 8]),
        ("", None, [9]),
    ]
    assert refusals(header, f"E1,{ENERGY},{at},On Peak,7") == [(2, "unknown_channel")]
    assert refusals(header.replace("at_utc", "start_utc")) == [(1, "bad_record")]


def test_columns_may_stand_in_any_order_and_those_for_people_are_read_over():
    (run,) = said(
        "\ufeffamount,value,status,at_utc,reading_type,meter,unit",
        f"721.345,721345,V,2026-11-03T08:00:00Z,{ENERGY},'=E1,Wh",
    )

    assert isinstance(run, Run)
    assert (run.meter.names, run.interval_s, run.value) == (("=E1",), None, [721_345])


def test_a_status_says_whether_a_meter_measured_it():
    (run,) = said(
        HEADER,
        *(f"E1,{ENERGY},2026-11-03T08:00:00Z,1,{status}" for status in "RVAEFZXDSMN"),
    )

    assert isinstance(run, Run)
    assert (len(run.value), run.not_read, run.placeholders) == (3, 5, 3)


def test_a_long_series_comes_in_several_runs():
    rows = [f"E1,{ENERGY},2026-11-03T08:00:00Z,{n},V" for n in range(RUN_LENGTH_MAX + 1)]

    assert [len(run.value) for run in said(HEADER, *rows) if isinstance(run, Run)] == [
        RUN_LENGTH_MAX, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "flaw"),
    [
        (f"E1,{ENERGY},2026-11-03T08:00:00Z,210", "bad_count"),
        (f"E1,{ENERGY},2026-11-03T08:00:00,210,V", "bad_time"),
        (f"E1,{ENERGY},yesterday,210,V", "bad_time"),
        (f"E1,{ENERGY},,210,V", "bad_time"),
        (f"E1,{ENERGY},2026-11-03T08:00:00Z,many,V", "bad_value"),
        (f"E1,{ENERGY},2026-11-03T08:00:00Z,210,?", "bad_quality"),
        ("E1,0.0.0,2026-11-03T08:00:00Z,210,V", "unknown_channel"),
        (f'E1,"{ENERGY}', "bad_record"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_are_read(row, flaw):
    good = f"E1,{ENERGY},2026-11-03T08:00:00Z,210,V"

    found = said(HEADER, good, row, good)

    assert refusals(HEADER, good, row, good) == [(3, flaw)]
    assert sum(len(each.value) for each in found if isinstance(each, Run)) == 2


@pytest.mark.parametrize(
    "header",
    [
        "meter,value,start_utc",
        "meter,reading_type,value",
        "meter,reading_type,value,start_utc,at_utc",
        "meter,reading_type,value,start_utc,value",
        "meter,reading_type,value,start_utc,colour",
        "MEPMD01,x",
    ],
)
def test_a_header_that_nobody_knows_is_refused_at_once(header):
    assert refusals(header, "1,2,3,4,5") == [(1, "bad_record")]


def test_an_empty_file_and_one_that_was_cut_off_are_refused():
    assert refusals() == [(0, "bad_record")]
    found = said(HEADER) + said(f"{HEADER}\r\nE1,{ENERGY},2026-11-03T08:00:00Z,2", end="")
    assert [each.flaw for each in found if isinstance(each, Refusal)] == ["truncated"]
