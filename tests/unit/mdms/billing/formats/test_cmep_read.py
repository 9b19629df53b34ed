"""CMEP as Sensus sends it: what is a value, when it was, and what is refused."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from mdms.billing.formats.cmep_read import read
from mdms.billing.formats.runs import MeterName, PassedOver, Refusal, Run, Said
from mdms.domain.registry import Commodity
from mdms.domain.time import from_epoch_s, to_epoch_s

PACIFIC = ZoneInfo("America/Los_Angeles")
WORKED = (
    "MEPMD01,19970819,CPAU,,BILLING,,202612010830,E47622887,OK,E,KWH,1.0,00000015,4,"
    "202612010015,,0.210,,,0.195,,,0.188,,E,0.240"
)


def said(*lines: str, zone: tzinfo = UTC, end: str = "\r\n") -> list[Said]:
    return list(read(io.BytesIO("".join(line + end for line in lines).encode()), zone))


def record(
    *triplets: str,
    meter: str = "E1",
    commodity: str = "E",
    units: str = "KWH",
    constant: str = "1",
    interval: str = "00000015",
    purpose: str = "OK",
    count: int | None = None,
) -> str:
    header = (
        "MEPMD01", "20080501", "SENSUS", "", "", "", "202611050830", meter, purpose, commodity,
        units, constant, interval, str(len(triplets) if count is None else count),
    )  # fmt: skip
    return ",".join((*header, *triplets))


def run_of(found: Sequence[Said]) -> Run:
    (run,) = found
    assert isinstance(run, Run)
    return run


def starts(run: Run) -> list[str]:
    return [f"{from_epoch_s(at_s):%d %H:%M}" for at_s in run.at_s]


def test_the_worked_line_is_three_reads_and_an_estimate():
    run = run_of(said(WORKED))

    assert (run.meter, run.commodity, run.channel) == (
        MeterName(("E47622887",)), Commodity.ELECTRIC, 0,
    )  # fmt: skip
    assert (run.interval_s, run.multiplier) == (900, 1)
    assert run.at_s[0] == to_epoch_s(datetime(2026, 12, 1, tzinfo=UTC))
    assert starts(run) == ["01 00:00", "01 00:15", "01 00:30"]
    assert run.value == [210, 195, 188]
    assert (run.not_read, run.placeholders) == (1, 0)


def test_a_placeholder_is_no_value_whatever_stands_beside_it():
    run = run_of(said(record("202611050015,N32,0", ",R0,0.2", ",N32,417.5", ",N,", ",R0,0.3")))

    assert (run.value, run.placeholders) == ([200, 300], 3)
    assert starts(run) == ["05 00:15", "05 01:00"]


def test_registers_stand_at_their_instant_and_keep_the_constant():
    run = run_of(said(record("202611050800,R0,721.345", units="KWHREG", constant="40")))

    assert (run.interval_s, run.multiplier, run.value) == (None, 40, [721_345])
    assert starts(run) == ["05 08:00"]


@pytest.mark.parametrize(
    ("commodity", "units", "text", "channel", "quanta"),
    [
        ("E", "GKWH", "1.5", 1, 1500),
        ("E", "KVARH", "0.7", 3, 700),
        ("E", "WH", "210", 0, 210),
        ("W", "GAL", "12.3", 0, 123),
        ("G", "CCF", "0.04", 0, 4),
        ("G", "CF", "4", 0, 4),
        ("E", "KWH", "+2.1E-1", 0, 210),
    ],
)
def test_units_say_the_quantity_and_its_quanta(commodity, units, text, channel, quanta):
    run = run_of(said(record(f"202611050015,R0,{text}", commodity=commodity, units=units)))

    assert (run.channel, run.value, run.rounded) == (channel, [quanta], 0)


def test_what_is_finer_than_a_quantum_is_rounded_half_even_and_counted():
    run = run_of(said(record("202611050015,R0,0.2105", ",R0,0.2115", ",R0,0.211")))

    assert (run.value, run.rounded) == ([210, 212, 211], 2)


def test_flexnets_fields_name_the_badge_and_the_radio():
    fields = record("202611050015,R0,1", meter="").split(",")
    fields[4], fields[5] = "47622887", "E1"

    assert run_of(said(",".join(fields))).meter == MeterName(("E1",), 47_622_887)


def test_an_hour_that_comes_twice_is_told_apart_by_order():
    hours = ["202611010000", "202611010100", "202611010100", "202611010200"]

    run = run_of(said(record(*(f"{end},R0,1" for end in hours), interval="00000100"), zone=PACIFIC))

    assert starts(run) == ["01 06:00", "01 07:00", "01 08:00", "01 09:00"]


def test_quarters_that_come_twice_go_back_in_the_record():
    first = ["0045", "0100", "0115", "0130", "0145"]
    second = ["0100", "0115", "0130", "0145", "0200"]

    run = run_of(said(record(*(f"20261101{end},R0,1" for end in first + second)), zone=PACIFIC))

    ends = [at_s + 900 for at_s in run.at_s]
    assert [b - a for a, b in pairwise(ends)] == [900] * 9
    assert from_epoch_s(ends[-1]) == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_records_of_one_value_are_told_apart_by_what_came_before_in_the_file():
    lines = [record("202611010130,R0,1", meter=meter) for meter in ("A", "B", "A", "B")]

    runs = said(*lines, record("202611010130,R0,1", meter="A"), zone=PACIFIC)

    first, second = "01 08:15", "01 09:15"
    assert [starts(run)[0] for run in runs[:4] if isinstance(run, Run)] == [
        first, first, second, second,
    ]  # fmt: skip
    assert isinstance(runs[4], Refusal)
    assert runs[4].flaw == "bad_time"


def test_a_record_goes_on_after_times_that_the_one_before_left_out():
    first = record("202610312300,R0,1", ",R0,1", ",R0,1", interval="00000100")
    second = record("202611010100,R0,1", ",R0,1", interval="00000100")

    runs = said(first, second, zone=PACIFIC)

    assert [starts(run) for run in runs if isinstance(run, Run)] == [
        ["01 05:00", "01 06:00", "01 07:00"],
        ["01 08:00", "01 09:00"],
    ]


def test_a_record_sent_twice_says_the_same_twice():
    hours = ["202611010000", "202611010100", "202611010100", "202611010200"]
    line = record(*(f"{end},R0,1" for end in hours), interval="00000100")

    first, again = said(line, line, zone=PACIFIC)

    assert isinstance(first, Run)
    assert isinstance(again, Run)
    assert first.at_s == again.at_s


def test_a_time_that_clocks_skipped_is_refused_and_the_next_follows():
    (refused, good) = said(record("202703140230,R0,1"), record("202703140315,R0,1"), zone=PACIFIC)

    assert isinstance(refused, Refusal)
    assert (refused.line, refused.flaw) == (1, "bad_time")
    assert isinstance(good, Run)
    assert starts(good) == ["14 10:00"]


def test_midnight_may_be_written_as_the_end_of_its_day():
    assert starts(run_of(said(record("202611042400,R0,1")))) == ["04 23:45"]


@pytest.mark.parametrize("kind", ["MLA01", "MEPEC01", "MEPMD02"])
def test_records_without_reads_are_passed_over(kind):
    assert said(f"{kind},20080501,whatever") == [PassedOver(1, kind)]


def test_patterns_and_rejects_are_no_reads():
    assert said(record("202611050015,R0,1", purpose="REJECT")) == [PassedOver(1, "MEPMD01 REJECT")]


def test_a_check_code_after_the_last_comma_is_no_field():
    assert run_of(said(record("202611050015,R0,1") + ",H1A2B")).value == [1000]


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        (record("202611050015,R0,1", count=2), "bad_count"),
        (record("202611050015,R0,1", count=0), "bad_count"),
        (record("202611050015,R0,1") + ",,", "bad_count"),
        (record(*["202611050015,R0,1"] * 49), "bad_count"),
        ("MEPMD01,19970819,CPAU", "bad_count"),
        ("HELLO,1,2", "bad_record"),
        ('MEPMD01,"', "bad_record"),
        (record("202611050015,R0,1", purpose="MAYBE"), "bad_record"),
        (record("202611050015,Q0,1"), "bad_quality"),
        (record("202611050015,R-1,1"), "bad_quality"),
        (record("202611050015,R0,"), "bad_value"),
        (record("202611050015,R0,nan"), "bad_value"),
        (record("202611050015,R0,1_0"), "bad_value"),
        (record("202611050015,R0,-1"), "bad_value"),
        (record("202611050015,R0,1E400"), "bad_value"),
        (record(",R0,1"), "bad_time"),
        (record("202613050015,R0,1"), "bad_time"),
        (record("20261105,R0,1"), "bad_time"),
        (record("202611050015,R0,1", units="FURLONG"), "bad_unit"),
        (record("202611050015,R0,1", commodity="W", units="CF"), "bad_unit"),
        (record("202611050015,R0,1", commodity="S"), "bad_unit"),
        (record("202611050015,R0,1", interval="01000000"), "bad_interval"),
        (record("202611050015,R0,1", interval="00000000"), "bad_interval"),
        (record("202611050015,R0,1", constant="0"), "bad_multiplier"),
        (record("202611050015,R0,1", constant="1.5"), "bad_multiplier"),
        ("M" * 3000, "bad_record"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line_and_the_rest_is_read(line, flaw):
    found = said(WORKED, line, WORKED)

    assert [type(each) for each in found] == [Run, Refusal, Run]
    assert isinstance(found[1], Refusal)
    assert (found[1].line, found[1].flaw) == (2, flaw)


def test_a_file_that_ends_within_a_line_was_cut_off():
    found = said(WORKED, WORKED, end="\n")[0], said(WORKED[:-2], end="")[0]

    assert isinstance(found[0], Run)
    assert isinstance(found[1], Refusal)
    assert found[1].flaw == "truncated"


def test_bytes_that_are_no_text_are_refused():
    found = list(read(io.BytesIO(b"\xff\xfe\r\nMEPMD01\0\r\n" + WORKED.encode() + b"\n"), UTC))

    assert [type(each) for each in found] == [Refusal, Refusal, Run]
