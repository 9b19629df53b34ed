"""NEM12 and NEM13: days, qualities within a day, readings of basic meters, broken files."""

import io
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from nemreader import NEMFile

from mdms.billing.formats.nem_read import read
from mdms.billing.formats.runs import PassedOver, Refusal, Run, Said
from mdms.domain.time import from_epoch_s, to_epoch_s

MARKET = timezone(timedelta(hours=10))
HEADER = "100,NEM12,202612011200,CPAU,BILL"
METER = "200,4762288700,E1,1,E1,N1,E47622887,kWh,15,20270101"
HALF_HOURS = "200,4762288700,B1,1,B1,N1,,Wh,30,"
QUARTERS = [f"{place / 1000:.3f}" for place in range(96)]
DAY = f"300,20261130,{','.join(QUARTERS)},A,,,20261201080000,"
MIXED = f"300,20261130,{','.join(QUARTERS)},V,,,20261201080000,"
BASIC = (
    "250,1234567890,,01,11,11,METSER66,E,000021.2,20261001103230,A,,,000534.5,20261101100030,"
    "E64,77,,513.3,kWh,,20261102120000,20261102140000"
)


def said(*lines: str, zone: tzinfo = MARKET) -> list[Said]:
    return list(read(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), zone))


def runs(*lines: str) -> list[Run]:
    found = said(*lines)
    assert [each for each in found if isinstance(each, Refusal)] == []
    return [each for each in found if isinstance(each, Run)]


def refusals(*lines: str, zone: tzinfo = MARKET) -> list[tuple[int, str]]:
    found = said(*lines, zone=zone)
    return [(each.line, each.flaw) for each in found if isinstance(each, Refusal)]


def test_a_day_is_96_quarters_of_the_markets_time():
    (run,) = runs(HEADER, METER, DAY, "900")

    assert run.meter.names == ("E47622887", "4762288700")
    assert (run.channel, run.interval_s, run.value) == (0, 900, list(range(96)))
    assert run.at_s[0] == to_epoch_s(datetime(2026, 11, 29, 14, tzinfo=UTC))
    assert run.at_s[-1] - run.at_s[0] == 95 * 900


def test_parts_of_a_day_have_their_own_quality():
    (run,) = runs(HEADER, METER, MIXED, "400,1,90,A,,", "400,91,94,E52,,", "400,95,96,N,,", "900")

    assert run.value == list(range(90))
    assert (run.not_read, run.placeholders) == (4, 2)


@pytest.mark.parametrize(
    ("quality", "counts"), [("S14", (96, 0)), ("F17", (96, 0)), ("N", (0, 96))]
)
def test_what_was_not_read_is_counted_and_left_out(quality, counts):
    (run,) = runs(HEADER, METER, DAY.replace(",A,,,", f",{quality},,,"), "900")

    assert (run.value, (run.not_read, run.placeholders)) == ([], counts)


def test_each_meter_has_its_days_and_its_unit():
    day = f"300,20261130,{','.join(['7'] * 48)},A"

    first, second = runs(HEADER, METER, DAY, HALF_HOURS, day, "500,O,,,", "900")

    assert (first.channel, second.channel) == (0, 1)
    assert (second.interval_s, second.value) == (1800, [7] * 48)
    assert second.meter.names == ("4762288700",)


def test_who_a_meter_was_read_for_is_passed_over():
    assert PassedOver(4, "500") in said(HEADER, METER, DAY, "500,O,S01009,20261130,", "900")


def test_files_that_were_put_together_are_read_one_after_the_other():
    assert len(runs(HEADER, METER, DAY, "900", HEADER, METER, DAY, "900")) == 2


def test_a_basic_meters_readings_are_registers():
    (run,) = runs("100,NEM13,202611021200,MDP1,Retailer1", BASIC, "550,N,,A,", "900")

    assert (run.interval_s, run.channel, run.value, run.not_read) == (None, 0, [21_200], 1)
    assert run.at_s == [to_epoch_s(datetime(2026, 10, 1, 10, 32, 30, tzinfo=MARKET))]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((HEADER, METER, DAY), [(0, "truncated")]),
        ((), [(0, "truncated")]),
        ((METER, DAY, "900"), [(1, "bad_record"), (2, "bad_record"), (3, "bad_record"),
                               (0, "truncated")]),
        ((HEADER, METER, DAY, "900", DAY), [(5, "bad_record")]),
        ((HEADER, METER, HEADER, "900"), [(3, "bad_record")]),
        ((HEADER, DAY, "900"), [(2, "unknown_meter")]),
        ((HEADER, METER, DAY.replace("0.095,", ""), "900"), [(3, "bad_quality")]),
        ((HEADER, METER, DAY[:40], "900"), [(3, "bad_count")]),
        ((HEADER, METER, MIXED, "400,1,95,A,,", "900"), [(3, "bad_count")]),
        ((HEADER, METER, MIXED, "400,2,96,A,,", "900"), [(4, "bad_count")]),
        ((HEADER, METER, MIXED, "400,1,97,A,,", "900"), [(4, "bad_count")]),
        ((HEADER, METER, DAY, "400,1,96,A,,", "900"), [(4, "bad_record")]),
        ((HEADER, METER, DAY.replace(",0.001,", ",x,"), "900"), [(3, "bad_value")]),
        ((HEADER, METER, DAY.replace("20261130", "20261131"), "900"), [(3, "bad_time")]),
        ((HEADER, METER, DAY.replace(",A,,,", ",Q,,,"), "900"), [(3, "bad_quality")]),
        ((HEADER, METER.replace("kWh", "kW"), DAY, "900"), [(2, "bad_unit"), (3, "unknown_meter")]),
        ((HEADER, METER.replace("kWh", "kVArh"), "900"), [(2, "bad_unit")]),
        ((HEADER, METER.replace(",E1,N1,", ",Q1,N1,"), "900"), [(2, "bad_unit")]),
        ((HEADER, METER, DAY, METER.replace(",E1,N1,", ",E2,N1,"), DAY, "900"),
         [(4, "unknown_channel"), (5, "unknown_meter")]),
        ((HEADER, METER.replace(",15,", ",7,"), "900"), [(2, "bad_interval")]),
        ((HEADER, METER.replace(",E1,N1,", ",K1,N1,"), "900"), [(2, "unknown_channel")]),
        ((HEADER, "700,x", "900"), [(2, "bad_record")]),
        (("100,NEM11,x", "900"), [(1, "bad_record"), (2, "bad_record"), (0, "truncated")]),
        (("100,NEM13,x", METER, "900"), [(2, "bad_record")]),
    ],
)  # fmt: skip
def test_what_is_broken_is_refused_with_its_line(lines, expected):
    assert refusals(*lines) == expected


def test_a_zone_whose_clocks_change_has_days_that_do_not_fit():
    pacific = ZoneInfo("America/Los_Angeles")
    spring = DAY.replace("20261130", "20270314")

    assert refusals(HEADER, METER, DAY, spring, "900", zone=pacific) == [(4, "bad_time")]


def test_another_reader_finds_the_same_totals():
    text = "".join(
        f"{line}\n" for line in (HEADER, METER, DAY, MIXED.replace("20261130", "20261201"),
                                 "400,1,40,A,,", "400,41,96,S14,,", "900")
    )  # fmt: skip

    theirs = NEMFile("foreign").parse_nem_file(text.splitlines()).readings["4762288700"]["E1"]
    ours = [run for run in read(io.BytesIO(text.encode()), MARKET) if isinstance(run, Run)]

    actual = sum(each.read_value for each in theirs if str(each.quality_method)[0] == "A")
    assert sum(sum(run.value) for run in ours) == round(actual * 1000)
    assert sum(len(run.value) + run.not_read for run in ours) == len(theirs) == 192


def test_another_reader_finds_the_same_registers():
    text = f"100,NEM13,202611021200,MDP1,Retailer1\n{BASIC.replace('E64', 'A')}\n900\n"

    (theirs,) = NEMFile("foreign").parse_nem_file(text.splitlines()).readings["1234567890"]["11"]
    (ours,) = read(io.BytesIO(text.encode()), MARKET)

    assert isinstance(ours, Run)
    assert ours.value == [
        round(1000 * (shown or 0)) for shown in (theirs.val_start, theirs.val_end)
    ]
    assert [from_epoch_s(at_s).astimezone(MARKET).replace(tzinfo=None) for at_s in ours.at_s] == [
        theirs.t_start, theirs.t_end,
    ]  # fmt: skip
