"""Green Button as we write it: the published schema, the rules of certification, other readers."""

import io
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from greenbutton_objects.parse import parse_feed
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mdms.billing.formats import espi_read
from mdms.billing.formats.espi_write import Feed
from mdms.billing.formats.runs import Run
from mdms.domain.errors import UsageError
from mdms.domain.registry import Commodity
from mdms.domain.time import Period, to_epoch_s
from tests.outgoing import Series, outgoing

ROOT = Path(__file__).parents[5]
SCHEMAS = Path(os.environ.get("MDMS_SCHEMAS", ROOT.parent / "shared" / "schemas"))
"""espiDerived.xsd and atom.xsd of the Green Button Alliance, which are no part of this project."""
PACIFIC = ZoneInfo("America/Los_Angeles")
WRITTEN = datetime(2026, 12, 1, 8, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, 8, tzinfo=UTC)
NS = {"a": "http://www.w3.org/2005/Atom", "e": "http://naesb.org/espi"}


def written(*series: Series, zone: ZoneInfo = PACIFIC) -> bytes:
    feed = Feed(zone, WRITTEN)
    return b"".join([feed.begin(), *feed.write(outgoing(*series)), feed.end()])


HOUSE = (
    Series(start=MIDNIGHT, value=list(range(100, 196)), statuses={3: ("E", 6), 4: ("S", 0)}),
    Series(start=MIDNIGHT, value=[None, 5, None, 7], channel=1),
    Series(start=MIDNIGHT, value=[123] * 24, badge="W1", usage_point_id="U2 & <3>",
           commodity=Commodity.WATER, interval_s=3600),
    Series(start=MIDNIGHT, value=[4] * 24, badge="G1", usage_point_id="U3",
           commodity=Commodity.GAS, interval_s=3600),
    Series(start=MIDNIGHT, value=[2400], channel=4),
)  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Any:
    return etree.fromstring(written(*HOUSE))


def entries(root: Any, resource: str) -> list[Any]:
    found = root.xpath(f"a:entry[a:content/e:{resource}]", namespaces=NS)
    return list(found)


def link(entry: Any, rel: str) -> list[str]:
    return [str(href) for href in entry.xpath(f"a:link[@rel='{rel}']/@href", namespaces=NS)]


class Schemas(etree.Resolver):  # type: ignore[misc]  # lxml ships no types
    """Gives the one schema that the published ones would fetch from the network."""

    XML = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
        ' targetNamespace="http://www.w3.org/XML/1998/namespace">'
        '<xs:attribute name="base" type="xs:anyURI"/><xs:attribute name="lang" type="xs:language"/>'
        "</xs:schema>"
    )

    def resolve(self, url: str, _public: object, context: object) -> object:
        return self.resolve_string(self.XML, context) if url.endswith("/xml.xsd") else None


@pytest.fixture(scope="module")
def schema() -> Any:
    if not SCHEMAS.is_dir():
        pytest.skip(f"the published schemas are not in {SCHEMAS}")
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Schemas())
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="{name}"/>'
        for namespace, name in ((NS["a"], "atom.xsd"), (NS["e"], "espiDerived.xsd"))
    )
    both = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(both, parser, base_url=f"{SCHEMAS}/both.xsd"))


def test_feeds_are_valid_against_the_published_schema(schema, house):
    schema.assertValid(house)

    broken = etree.fromstring(written(*HOUSE).replace(b"<uom>72</uom>", b"<uom>-72</uom>"))
    assert not schema.validate(broken), "the schema looks into the entries"


def test_every_entry_has_what_certification_asks_of_atom(house):
    every = house.findall("a:entry", NS)
    selves = [href for entry in every for href in link(entry, "self")]

    assert len(selves) == len(every) == len(set(selves))
    for entry in every:
        own = UUID(entry.findtext("a:id", namespaces=NS).removeprefix("urn:uuid:"))
        (self_,), (up,) = link(entry, "self"), link(entry, "up")
        assert own.version == 5
        assert self_ == f"{up}/{own}", "the collection has no identifier of its own"
        assert entry.findtext("a:title", namespaces=NS)
        assert entry.find("a:published", NS) is not None
        assert entry.find("a:updated", NS) is not None


def test_resources_hang_together_as_function_blocks_1_and_4_want(house):
    types = {link(entry, "self")[0] for entry in entries(house, "ReadingType")}
    times = {link(entry, "self")[0] for entry in entries(house, "LocalTimeParameters")}
    blocks = Counter(link(entry, "up")[0] for entry in entries(house, "IntervalBlock"))
    points = entries(house, "UsagePoint")
    readings = entries(house, "MeterReading")

    assert (len(points), len(readings), len(types), len(times)) == (3, 4, 4, 1)
    for point in points:
        assert times & set(link(point, "related"))
        assert point.find(".//e:ServiceCategory/e:kind", NS) is not None
    own = {f"{link(point, 'self')[0]}/MeterReading" for point in points}
    for reading in readings:
        related = link(reading, "related")
        assert len(types & set(related)) == 1
        assert sum(blocks[href] for href in related) >= 1
        assert set(link(reading, "up")) <= own


def test_readings_of_a_meter_are_unique_in_order_and_within_their_block(house):
    for block in house.iterfind(".//e:IntervalBlock", NS):
        (begin,), (length,) = (
            [int(block.findtext(f"e:interval/e:{name}", namespaces=NS))]
            for name in ("start", "duration")
        )
        starts = [
            int(text) for text in block.xpath("e:IntervalReading/e:timePeriod/e:start/text()",
                                              namespaces=NS)
        ]  # fmt: skip
        assert starts == sorted(set(starts))
        assert begin <= starts[0]
        assert starts[-1] < begin + length


@pytest.mark.parametrize(
    ("commodity", "service", "codes"),
    [
        (1, 0, {"accumulationBehaviour": 4, "kind": 12, "uom": 72, "flowDirection": 1}),
        (7, 1, {"accumulationBehaviour": 4, "kind": 58, "uom": 119, "flowDirection": 1}),
        (9, 2, {"accumulationBehaviour": 4, "kind": 58, "uom": 128, "flowDirection": 1}),
    ],
)
def test_types_are_those_of_function_blocks_5_10_and_11(house, commodity, service, codes):
    (kind,) = house.xpath(
        f"//e:ReadingType[e:commodity={commodity} and e:flowDirection=1]", namespaces=NS
    )
    (own,) = link(kind.getparent().getparent(), "self")
    (reading,) = [each for each in entries(house, "MeterReading") if own in link(each, "related")]
    point = link(reading, "up")[0].removesuffix("/MeterReading")
    (holder,) = [each for each in entries(house, "UsagePoint") if link(each, "self") == [point]]

    assert {name: int(kind.findtext(f"e:{name}", namespaces=NS)) for name in codes} == codes
    assert holder.findtext(".//e:ServiceCategory/e:kind", namespaces=NS) == str(service)


def test_only_what_is_not_plainly_valid_carries_a_quality(house):
    qualities = house.xpath("//e:ReadingQuality/e:quality/text()", namespaces=NS)
    defaults = house.xpath("//e:ReadingType/e:defaultQuality/text()", namespaces=NS)

    assert (qualities, set(defaults)) == (["8", "10"], {"17"})


def test_ids_are_the_same_in_every_feed():
    first, second = (
        etree.fromstring(written(*HOUSE)).xpath("//a:id/text()", namespaces=NS) for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 11, 1), 25), (date(2027, 3, 14), 23), (date(2027, 3, 15), 24)]
)
def test_a_block_is_as_long_as_its_local_day(day, hours):
    period = Period.of_days(day, day, PACIFIC)

    root = etree.fromstring(written(Series(start=period.start_utc, value=[1] * 4 * hours)))

    (block,) = root.iterfind(".//e:IntervalBlock", NS)
    assert block.findtext("e:interval/e:duration", namespaces=NS) == str(hours * 3600)
    assert block.findtext("e:interval/e:start", namespaces=NS) == str(period.start_s)
    assert len(block.findall("e:IntervalReading", NS)) == 4 * hours


@pytest.mark.parametrize(
    ("zone", "texts"),
    [
        ("America/Los_Angeles", ["B40E2000", "3600", "360E2000", "-28800"]),
        ("America/Phoenix", ["00000000", "0", "00000000", "-25200"]),
    ],
)
def test_the_local_time_is_told(zone, texts):
    root = etree.fromstring(written(HOUSE[0], zone=ZoneInfo(zone)))

    (time,) = root.iterfind(".//e:LocalTimeParameters", NS)
    assert [child.text for child in time] == texts


def test_clock_changes_that_the_format_cannot_say_are_refused():
    with pytest.raises(UsageError, match="no words"):
        Feed(ZoneInfo("Europe/Zurich"), WRITTEN).begin()


def test_another_reader_finds_the_same_totals(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_bytes(written(*HOUSE[:2]))  # it knows no volumes

    (point,) = parse_feed(path)

    theirs = {
        reading.readingType.flowDirection.value: sum(
            each.value for each in reading.intervalReadings
        )
        for reading in point.meterReadings
    }
    assert theirs == {1: sum(range(100, 196)), 19: 12}


@settings(max_examples=200)
@given(
    value=st.lists(st.none() | st.integers(0, 2**40), min_size=1, max_size=60),
    hour=st.integers(0, 9_000),
    commodity=st.sampled_from([Commodity.ELECTRIC, Commodity.WATER, Commodity.GAS]),
)
def test_what_is_written_comes_back(value, hour, commodity):
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)

    found = list(
        espi_read.read(
            io.BytesIO(
                written(Series(start=start, value=value, commodity=commodity, interval_s=3600))
            )
        )
    )

    back: dict[int, int] = {}
    for run in found:
        assert isinstance(run, Run)
        assert run.commodity is commodity
        back |= dict(zip(run.at_s, run.value, strict=True))
    assert back == {
        to_epoch_s(start) + 3600 * place: quanta
        for place, quanta in enumerate(value)
        if quanta is not None
    }
