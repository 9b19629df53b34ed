"""Green Button of any maker: what a feed says, in whatever order, and what is refused."""

import io

import pytest
from greenbutton_objects.parse import parse_feed

from mdms.billing.formats.espi_read import read
from mdms.billing.formats.runs import Refusal, Run, Said
from mdms.domain.registry import Commodity

ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
ESPI = 'xmlns="http://naesb.org/espi"'
POINT = "https://utility.example/espi/1_1/resource/RetailCustomer/9/UsagePoint/47"
METER = f"{POINT}/MeterReading/1"
TYPE = "https://utility.example/espi/1_1/resource/ReadingType/5"


def entry(own: str, up: str, body: str, *related: str, title: str = "") -> str:
    links = "".join(f'<link rel="related" href="{each}"/>' for each in related)
    return (
        f'<entry><id>urn:x</id><link rel="self" href="{own}"/><link rel="up" href="{up}"/>{links}'
        f"<title>{title}</title><content>{body}</content></entry>"
    )


def reading_type(**codes: int) -> str:
    known = {
        "accumulationBehaviour": 4, "commodity": 1, "flowDirection": 1, "intervalLength": 900,
        "kind": 12, "powerOfTenMultiplier": 0, "uom": 72,
    } | codes  # fmt: skip
    inner = "".join(f"<{name}>{code}</{name}>" for name, code in known.items())
    return entry(TYPE, TYPE.rsplit("/", 1)[0], f"<ReadingType {ESPI}>{inner}</ReadingType>")


def reading(
    start: object, value: object, *, duration: int = 900, quality: int | None = None
) -> str:
    said = (
        "" if quality is None else f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>"
    )
    return (
        f"<IntervalReading>{said}<timePeriod><duration>{duration}</duration><start>{start}</start>"
        f"</timePeriod><value>{value}</value></IntervalReading>"
    )


def block(*readings: str, meter: str = METER, number: int = 1) -> str:
    body = f"<IntervalBlock {ESPI}>{''.join(readings)}</IntervalBlock>"
    return entry(f"{meter}/IntervalBlock/{number}", f"{meter}/IntervalBlock", body)


USAGE_POINT = entry(
    POINT, POINT.rsplit("/", 1)[0],
    f"<UsagePoint {ESPI}><ServiceCategory><kind>0</kind></ServiceCategory></UsagePoint>",
    f"{POINT}/MeterReading", title="1 Mill Lane",
)  # fmt: skip
METER_READING = entry(
    METER, METER.rsplit("/", 1)[0], f"<MeterReading {ESPI}/>", f"{METER}/IntervalBlock", TYPE,
    title="Electricity consumption",
)  # fmt: skip


def feed(*entries: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f"{head}<feed {ATOM}><id>urn:f</id>{''.join(entries)}</feed>"


def said(text: str) -> list[Said]:
    return list(read(io.BytesIO(text.encode())))


def whole(*blocks: str, **codes: int) -> list[Said]:
    return said(feed(USAGE_POINT, METER_READING, reading_type(**codes), *blocks))


def run_of(found: list[Said]) -> Run:
    (run,) = found
    assert isinstance(run, Run)
    return run


def test_a_feed_names_its_meter_in_titles_and_addresses():
    run = run_of(whole(block(reading(1796112000, 210), reading(1796112900, 214, quality=17))))

    assert run.meter.names == ("Electricity consumption", "1 Mill Lane", "47", "1")
    assert (run.commodity, run.channel, run.interval_s) == (Commodity.ELECTRIC, 0, 900)
    assert (run.at_s, run.value) == ([1796112000, 1796112900], [210, 214])


def test_entries_may_stand_in_any_order():
    first = block(reading(1796112000, 210))

    run = run_of(said(feed(first, reading_type(), METER_READING, USAGE_POINT)))

    assert run.value == [210]


def test_several_blocks_in_one_entry_belong_to_its_meter():
    both = block(reading(0, 1)).replace("</IntervalBlock>", "</IntervalBlock>", 1)
    body = f"<IntervalBlock {ESPI}>{reading(900, 2)}</IntervalBlock></content>"

    run = run_of(whole(both.replace("</content>", body)))

    assert run.value == [1, 2]


@pytest.mark.parametrize(
    ("codes", "text", "commodity", "channel", "quanta"),
    [
        ({"powerOfTenMultiplier": 3}, "2", Commodity.ELECTRIC, 0, 2000),
        ({"powerOfTenMultiplier": -3}, "1500", Commodity.ELECTRIC, 0, 2),
        ({"flowDirection": 19}, "7", Commodity.ELECTRIC, 1, 7),
        ({"commodity": 0}, "7", Commodity.ELECTRIC, 0, 7),
        ({"commodity": 7, "uom": 119, "kind": 58}, "4", Commodity.GAS, 0, 4),
        ({"commodity": 7, "uom": 119, "kind": 58, "powerOfTenMultiplier": 2}, "4",
         Commodity.GAS, 0, 400),
        ({"commodity": 9, "uom": 128, "kind": 58, "powerOfTenMultiplier": -1}, "123",
         Commodity.WATER, 0, 123),
        ({"commodity": 9, "uom": 128, "kind": 58, "powerOfTenMultiplier": 2}, "1",
         Commodity.WATER, 0, 1000),
    ],
)  # fmt: skip
def test_codes_say_the_quantity_and_its_quanta(codes, text, commodity, channel, quanta):
    run = run_of(whole(block(reading(0, text)), **codes))

    assert (run.commodity, run.channel, run.value) == (commodity, channel, [quanta])


def test_values_that_nobody_measured_are_counted_and_left_out():
    qualities = [0, 14, 18, 19, 7, 8, 9, 11, 12, 13, 15, 16, 10]

    run = run_of(
        whole(block(*(reading(900 * n, 1, quality=each) for n, each in enumerate(qualities))))
    )

    assert (len(run.value), run.not_read, run.placeholders) == (4, 8, 1)


def test_a_types_own_quality_holds_where_a_reading_says_none():
    run = run_of(whole(block(reading(0, 1), reading(900, 2, quality=17)), defaultQuality=8))

    assert (run.value, run.not_read) == ([2], 1)


def test_registers_stand_at_the_end_of_their_time():
    run = run_of(
        whole(block(reading(900, 721, duration=0), reading(900, 800, duration=900)),
              accumulationBehaviour=1)
    )  # fmt: skip

    assert (run.interval_s, run.at_s, run.value) == (None, [900, 1800], [721, 800])


@pytest.mark.parametrize(
    ("codes", "flaw"),
    [
        ({"uom": 169, "commodity": 7, "kind": 12}, "bad_unit"),
        ({"uom": 38, "kind": 8}, "bad_unit"),
        ({"kind": 8}, "unknown_channel"),
        ({"flowDirection": 4}, "unknown_channel"),
        ({"accumulationBehaviour": 9}, "bad_unit"),
        ({"powerOfTenMultiplier": 99}, "bad_unit"),
    ],
)
def test_what_we_do_not_count_is_refused_block_by_block(codes, flaw):
    found = whole(block(reading(0, 1), reading(900, 1)), block(reading(0, 1), number=2), **codes)

    assert [each.flaw for each in found if isinstance(each, Refusal)] == [flaw, flaw]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("broken", "flaw"),
    [
        (reading(0, "x"), "bad_value"),
        (reading(0, ""), "bad_value"),
        (reading(0, -1), "bad_value"),
        (reading("soon", 1), "bad_time"),
        (reading(0, 1, quality=99), "bad_quality"),
        ("<IntervalReading><value>1</value></IntervalReading>", "bad_value"),
    ],
)
def test_a_broken_reading_is_refused_and_the_others_are_read(broken, flaw):
    found = whole(block(reading(0, 1), broken, reading(900, 2)))

    assert [each.flaw for each in found if isinstance(each, Refusal)] == [flaw]
    assert [each.value for each in found if isinstance(each, Run)] == [[1, 2]]


def test_a_block_without_a_meter_or_a_type_is_refused():
    lost = said(feed(USAGE_POINT, reading_type(), block(reading(0, 1))))
    untyped = said(feed(USAGE_POINT, METER_READING, block(reading(0, 1))))

    assert [each.flaw for each in lost + untyped if isinstance(each, Refusal)] == ["bad_record"] * 2


def test_a_feed_that_was_cut_off_is_damage():
    text = feed(USAGE_POINT, METER_READING, reading_type(), block(reading(0, 1)))

    (refusal,) = said(text[:-30])

    assert isinstance(refusal, Refusal)
    assert refusal.flaw == "truncated"


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE feed SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_is_refused_before_anything_is_expanded(head):
    (refusal,) = said(feed(USAGE_POINT, head=head))

    assert isinstance(refusal, Refusal)
    assert "document type" in refusal.detail


@pytest.mark.parametrize("text", ["", "<html/>", "no xml", "<feed/>" * 2])
def test_what_is_no_feed_is_refused(text):
    (refusal,) = said(text)

    assert isinstance(refusal, Refusal)


def test_another_reader_finds_the_same_totals(tmp_path):
    readings = [reading(1796112000 + 900 * n, 100 + n) for n in range(96)]
    text = feed(
        USAGE_POINT.replace("</ServiceCategory>", "</ServiceCategory><status>1</status>"),
        METER_READING, reading_type(powerOfTenMultiplier=1), block(*readings),
    )  # fmt: skip
    path = tmp_path / "foreign.xml"
    path.write_text(text)

    (point,) = parse_feed(path)
    (theirs,) = point.meterReadings
    values = [each.value for each in theirs.intervalReadings]

    assert run_of(said(text)).value == values
    assert sum(values) == sum(range(1000, 1960, 10))
