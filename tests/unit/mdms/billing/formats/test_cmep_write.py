"""CMEP as we write it: the worked line of the notes, and what comes back from it."""

import io
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mdms.billing.formats import cmep_read
from mdms.billing.formats.cmep_write import Writer
from mdms.billing.formats.runs import Run
from mdms.domain.registry import Commodity
from mdms.domain.time import to_epoch_s
from tests.outgoing import Series, outgoing

WRITTEN = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def written(*series: Series) -> list[str]:
    text = b"".join(Writer("CPAU", "BILLING", WRITTEN).write(outgoing(*series))).decode()
    assert not text or text.endswith("\r\n")
    return text.split("\r\n")[:-1]


def runs(lines: list[str]) -> list[Run]:
    file = io.BytesIO("".join(f"{line}\r\n" for line in lines).encode())
    return [each for each in cmep_read.read(file, UTC) if isinstance(each, Run)]


def test_the_worked_line_is_written_with_flexnets_flags():
    (line,) = written(Series(start=MIDNIGHT, value=[210, 195, 188, 240], statuses={3: ("E", 5)}))

    assert line == (
        "MEPMD01,19970819,CPAU,,BILLING,,202612010830,E47622887,OK,E,KWH,1.0,00000015,4,"
        "202612010015,R0,0.210,,R0,0.195,,R0,0.188,,E0,0.240"
    )


def test_a_day_takes_two_records_and_a_gap_begins_another():
    lines = written(Series(start=MIDNIGHT, value=[*range(50), None, 7]))

    assert [(line.split(",")[13], line.split(",")[14]) for line in lines] == [
        ("48", "202612010015"), ("2", "202612011215"), ("1", "202612011300"),
    ]  # fmt: skip
    assert max(map(len, lines)) <= 2048


def test_what_is_held_goes_out_without_its_value():
    (line,) = written(Series(start=MIDNIGHT, value=[210, 9], statuses={1: ("S", 0)}))

    assert line.endswith(",2,202612010015,R0,0.210,,N,")


def test_registers_are_rows_of_their_own_with_the_meters_multiplier():
    lines = written(Series(start=MIDNIGHT, value=[1], multiplier=40, registers={MIDNIGHT: 721_345}))

    assert lines[1].split(",")[10:] == [
        "KWHREG", "40.0", "00000015", "1", "202612010000", "R0", "721.345",
    ]  # fmt: skip


def test_each_commodity_has_its_unit():
    lines = written(
        Series(start=MIDNIGHT, value=[123], commodity=Commodity.WATER, interval_s=3600),
        Series(start=MIDNIGHT, value=[4], commodity=Commodity.GAS, interval_s=3600),
        Series(start=MIDNIGHT, value=[4], channel=1),
        Series(start=MIDNIGHT, value=[2401], channel=4, registers={MIDNIGHT: 0}),
    )

    assert [tuple(line.split(",")[at] for at in (9, 10, 12, -1)) for line in lines] == [
        ("W", "GAL", "00000100", "12.3"), ("G", "CF", "00000100", "4"),
        ("E", "GKWH", "00000015", "0.004"),
    ]  # fmt: skip


def test_a_badge_with_a_comma_is_quoted():
    lines = written(Series(start=MIDNIGHT, value=[1], badge='A,"1"'))

    assert runs(lines)[0].meter.names == ('A,"1"',)


@settings(max_examples=200)
@given(
    value=st.lists(st.none() | st.integers(0, 2**40), min_size=1, max_size=120),
    start=st.integers(0, 3_000),
    commodity=st.sampled_from([Commodity.ELECTRIC, Commodity.WATER, Commodity.GAS]),
)
def test_what_is_written_comes_back(value, start, commodity):
    begin = MIDNIGHT + timedelta(hours=start)
    series = Series(start=begin, value=value, commodity=commodity, interval_s=3600)

    found = runs(written(series))

    back = {at_s: quanta for run in found for at_s, quanta in zip(run.at_s, run.value, strict=True)}
    assert back == {
        to_epoch_s(begin) + 3600 * place: quanta
        for place, quanta in enumerate(value)
        if quanta is not None
    }
    assert all(
        (run.commodity, run.interval_s, run.rounded) == (commodity, 3600, 0) for run in found
    )
